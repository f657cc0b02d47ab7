# Fuzzing with libFuzzer and the sanitizers.
#
# fuzz/NAME_fuzz.cpp is a harness, fuzz/corpus/NAME/ its seeds, fuzz/dictionaries/NAME.dict its words (if
# any), and tests/fuzz/NAME_fuzz_test.cpp replays the seeds with any compiler in `make test`. Inputs that reach
# something new are kept in build/fuzz/NAME/corpus, and those that fail in build/fuzz/NAME/failed.

TIME ?= 60
CPU_SECONDS ?= 300
FUZZ_CXX := clang++-19
FUZZ_NAMES := $(patsubst fuzz/%_fuzz.cpp,%,$(call selected,$(sort $(wildcard fuzz/*_fuzz.cpp))))
FUZZ_BINARIES := $(FUZZ_NAMES:%=$(OUT)/fuzz/%_fuzz)
FLAGS_fuzz := $(FLAGS_asan) -fsanitize=fuzzer-no-link
FLAGS_fuzzafl := $(FLAGS_asan)
FLAGS_fuzzcoverage := -O1 -g -fprofile-instr-generate -fcoverage-mapping -fsanitize=fuzzer-no-link
# What harnesses reach: the codec, and the router with what it refers to.
FUZZED_SOURCES := $(filter codec/%,$(LIBRARY_SOURCES)) engine/http/router.cpp engine/http/request.cpp \
  engine/connection/websocket_route.cpp

fuzz: ## fuzz every harness under the sanitizers (TIME=seconds for all of them together, FILTER=part of a path)
	@.ci/packages build fuzz
	@$(MAKE) CXX=$(FUZZ_CXX) fuzz-binaries
	@fuzz/run_harnesses.sh $(TIME) build/$(FUZZ_CXX)/fuzz $(FUZZ_NAMES)

fuzz-long: ## fuzz each harness for as much processor time, however long that takes (CPU_SECONDS=300, FILTER=)
	@.ci/packages build fuzz
	@$(MAKE) CXX=$(FUZZ_CXX) fuzz-binaries
	@fuzz/run_long.sh $(CPU_SECONDS) build/$(FUZZ_CXX)/fuzz $(FUZZ_NAMES)

fuzz-merge: ## add seeds from the conformance cases, and what fuzzing found, to the corpora where they reach more (FILTER=)
	@.ci/packages build fuzz
	@$(MAKE) CXX=$(FUZZ_CXX) fuzz-binaries
	@rm -rf build/fuzz/seeds
	@python3 fuzz/conformance_seeds.py build/fuzz/seeds
	@for name in $(FUZZ_NAMES); do mkdir -p build/fuzz/seeds/$$name build/fuzz/$$name/corpus && \
	  build/$(FUZZ_CXX)/fuzz/$${name}_fuzz -merge=1 -use_counters=0 -max_len=4096 -verbosity=0 fuzz/corpus/$$name \
	    build/fuzz/seeds/$$name build/fuzz/$$name/corpus 2>build/fuzz/$$name/merge_log || exit 1; done
	@du -sh --apparent-size fuzz/corpus/*

# AFL++ of Debian 12 is built for clang 14, which has no std::expected: a newer clang instruments with what it brings.
fuzz-afl: ## fuzz every harness with AFL++ and the sanitizers (TIME=seconds for each, FILTER=)
	@.ci/packages build fuzz afl
	@AFL_QUIET=1 AFL_CXX=$(FUZZ_CXX) AFL_LLVM_INSTRUMENT=LLVM-NATIVE $(MAKE) CXX=afl-clang-fast++ fuzz-afl-binaries
	@fuzz/run_afl.sh $(TIME) build/afl-clang-fast++/fuzzafl $(FUZZ_NAMES)

.PHONY: fuzz-long fuzz-merge fuzz-afl fuzz-binaries fuzz-afl-binaries
fuzz-binaries: $(FUZZ_BINARIES)
fuzz-afl-binaries: $(FUZZ_NAMES:%=$(OUT)/fuzzafl/%_fuzz)

fuzz-coverage: ## which lines and branches the committed corpora reach, against 95 % of each target (FILTER=)
	@.ci/packages build fuzz coverage
	@$(MAKE) CXX=$(FUZZ_CXX) fuzz-coverage-binaries
	@python3 fuzz/coverage.py build/$(FUZZ_CXX)/fuzzcoverage $(FUZZ_NAMES)

fuzz-planted: ## plant a bug for each harness, one patch of fuzz/planted at a time; its corpus has to find it (ONLY=)
	@$(PACKAGES) test
	@python3 tests/mutants/run_mutants.py '$(OUT)/mutants' fuzz/planted '$(ONLY)'

.PHONY: fuzz-planted fuzz-coverage fuzz-coverage-binaries
fuzz-coverage-binaries: $(FUZZ_NAMES:%=$(OUT)/fuzzcoverage/%_fuzz)

# $(1): flavour
define harness_rules
$(eval $(call flavour_rules,$(1)))
$(FUZZ_NAMES:%=$(OUT)/$(1)/%_fuzz): $(OUT)/$(1)/%_fuzz: $(OUT)/$(1)/obj/fuzz/%_fuzz.o \
    $(FUZZED_SOURCES:%.cpp=$(OUT)/$(1)/obj/%.o) $(OUT)/$(1)/sources
	@echo "  $(1) $$@"
	$$(QUIET)$$(CXX) $$(FLAGS_$(1)) -fsanitize=fuzzer $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) -Wl,--as-needed $$(LDLIBS_ALL)
endef
$(eval $(call harness_rules,fuzz))
$(eval $(call harness_rules,fuzzafl))
$(eval $(call harness_rules,fuzzcoverage))

# A replay test is linked with its harness.
$(foreach flavour,$(FLAVOURS),$(foreach name,$(patsubst fuzz/%_fuzz.cpp,%,$(wildcard fuzz/*_fuzz.cpp)),\
  $(eval $(OUT)/$(flavour)/tests/fuzz/$(name)_fuzz_test: $(OUT)/$(flavour)/obj/fuzz/$(name)_fuzz.o)))
