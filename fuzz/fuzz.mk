# Fuzzing with libFuzzer and the sanitizers.
#
# fuzz/NAME_fuzz.cpp is a harness for the codec, fuzz/corpus/NAME/ its seeds, fuzz/dictionaries/NAME.dict its words (if
# any), and tests/fuzz/NAME_fuzz_test.cpp replays the seeds with any compiler in `make test`. Inputs that reach
# something new are kept in build/fuzz/NAME/corpus, and those that fail in build/fuzz/NAME/failed.

TIME ?= 60
FUZZ_CXX := clang++-19
FUZZ_NAMES := $(patsubst fuzz/%_fuzz.cpp,%,$(call selected,$(sort $(wildcard fuzz/*_fuzz.cpp))))
FUZZ_BINARIES := $(FUZZ_NAMES:%=$(OUT)/fuzz/%_fuzz)
FLAGS_fuzz := $(FLAGS_asan) -fsanitize=fuzzer-no-link

fuzz: ## fuzz every harness under the sanitizers (TIME=seconds for all of them together, FILTER=part of a path)
	@.ci/packages build fuzz
	@$(MAKE) CXX=$(FUZZ_CXX) fuzz-binaries
	@fuzz/run_harnesses.sh $(TIME) build/$(FUZZ_CXX)/fuzz $(FUZZ_NAMES)

.PHONY: fuzz-binaries
fuzz-binaries: $(FUZZ_BINARIES)

$(eval $(call flavour_rules,fuzz))

$(FUZZ_BINARIES): $(OUT)/fuzz/%_fuzz: $(OUT)/fuzz/obj/fuzz/%_fuzz.o \
    $(patsubst %.cpp,$(OUT)/fuzz/obj/%.o,$(filter codec/%,$(LIBRARY_SOURCES))) $(OUT)/fuzz/sources
	@echo "  fuzz $@"
	$(QUIET)$(CXX) $(FLAGS_fuzz) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--as-needed $(LDLIBS_ALL)

# A replay test is linked with its harness.
$(foreach flavour,$(FLAVOURS),$(foreach name,$(patsubst fuzz/%_fuzz.cpp,%,$(wildcard fuzz/*_fuzz.cpp)),\
  $(eval $(OUT)/$(flavour)/tests/fuzz/$(name)_fuzz_test: $(OUT)/$(flavour)/obj/fuzz/$(name)_fuzz.o)))
