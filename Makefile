# Builds, tests and installs brume. `make` alone lists the targets.
#
# Each flavour has a directory of its own under build/, and a compiler other than g++ a tree of its own:
# `make CXX=clang++-19 test` works in build/clang++-19/. Paths are relative, so any checkout path will do.
# Larger parts bring their own targets in a fragment beside their files (bench/bench.mk and so on).

VERSION := 0.1.0
PREFIX ?= /usr/local
PORT ?= 8080
TEST_JOBS ?= 2
TEST_TIMEOUT ?= 600

ifeq ($(origin CXX),default)
CXX := g++
endif
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

OUT := build$(if $(filter-out g++,$(CXX)),/$(notdir $(CXX)))
QUIET := $(if $(V),,@)
PACKAGES := .ci/packages build $(if $(findstring clang,$(CXX)),clang)

# ---- flags

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow
CPPFLAGS_ALL := -I build/include -DFMT_HEADER_ONLY $(CPPFLAGS)
CXXFLAGS_ALL := -std=c++23 $(WARNINGS) -pthread -fPIC $(CXXFLAGS)
LDLIBS_ALL := -luring -lssl -lcrypto -lxxhash -lz -ldeflate -pthread $(LDLIBS)
EXAMPLE_LIBS := -luuid
TEST_LIBS := -lgtest_main -lgmock -lgtest

# One set of objects serves programs, libbrume.a and libbrume.so: -fno-semantic-interposition lets them inline and
# call each other directly although they are position independent.
FLAGS_release := -O2 -g -DNDEBUG -fno-plt -fno-semantic-interposition
FLAGS_test := -O1 -g -D_GLIBCXX_ASSERTIONS
FLAGS_asan := -O1 -g -D_GLIBCXX_ASSERTIONS -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS_tsan := -O1 -g -D_GLIBCXX_ASSERTIONS -fno-omit-frame-pointer -fsanitize=thread
FLAVOURS := release test asan tsan

bin_directory = $(OUT)/$(if $(filter release,$(1)),bin,$(1)/bin)

# ---- sources

LIBRARY_SOURCES := $(sort $(foreach folder,codec engine hub,$(wildcard $(folder)/*.cpp $(folder)/*/*.cpp)))
EXAMPLE_SOURCES := $(sort $(wildcard examples/*.cpp))
EXAMPLE_COMMON_SOURCES := $(sort $(wildcard examples/common/*.cpp))
TEST_SOURCES := $(sort $(wildcard tests/*_test.cpp tests/*/*_test.cpp tests/*/*/*_test.cpp))
TEST_SUPPORT_SOURCES := $(sort $(wildcard tests/support/*.cpp))
TEST_SCRIPTS := $(sort $(foreach ending,sh py,$(wildcard tests/*_check.$(ending) tests/*/*_check.$(ending))))
OWN_FILES = find codec engine hub examples bench fuzz tests '(' -name '*.h' -o -name '*.cpp' ')' -print0

selected = $(if $(FILTER),$(foreach file,$(1),$(if $(findstring $(FILTER),$(file)),$(file))),$(1))
SELECTED_TESTS := $(basename $(call selected,$(TEST_SOURCES)))
SELECTED_SCRIPTS := $(call selected,$(TEST_SCRIPTS))

# ---- targets for people; several on one command line run one after the other

previous :=
$(foreach goal,$(MAKECMDGOALS),$(if $(previous),$(eval $(goal): | $(previous)))$(eval previous := $(goal)))

.PHONY: help run test build asan tsan browser fuzz bench interop neon fmt tidy install clean packages FORCE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | sort | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

run: ## build and serve chat, echo and notifications on http://localhost:8080 (PORT=, ARGS=; TLS=1: https and wss)
	@$(PACKAGES) $(if $(TLS),tls)
	@$(MAKE) $(OUT)/bin/demo $(if $(TLS),$(OUT)/tls/self-signed.pem)
	@exec $(OUT)/bin/demo --port $(PORT) $(TLS_ARGS) $(ARGS)

TLS_ARGS = $(if $(TLS),--tls-cert $(OUT)/tls/self-signed.pem --tls-key $(OUT)/tls/self-signed.key)

build: ## build the library and the programs into build/bin
	@$(MAKE) $(OUT)/release/libbrume.a programs-release

test: ## build and run all tests (FILTER=part of a path, TEST_JOBS=, TEST_TIMEOUT=seconds)
	@$(PACKAGES) test
	@$(MAKE) programs-release tests-test
	@$(call run_tests,test,$(OUT)/bin)

asan: ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer (FILTER=)
	@$(PACKAGES) test
	@$(MAKE) programs-asan tests-asan
	@ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:$$ASAN_OPTIONS \
	  UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:$$UBSAN_OPTIONS \
	  $(call run_tests,asan,$(OUT)/asan/bin)

tsan: ## the tests under ThreadSanitizer (FILTER=)
	@$(PACKAGES) test
	@$(MAKE) programs-tsan tests-tsan
	@TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:$$TSAN_OPTIONS \
	  $(call run_tests,tsan,$(OUT)/tsan/bin) --no-aslr

fmt: ## format all sources (clang-format-19)
	@.ci/packages format
	@$(OWN_FILES) | xargs -0 -r clang-format-19 -i

tidy: ## check formatting, include ranks, file sizes, headers, clang-tidy, and a program against the installed tree
	@$(PACKAGES) format tidy
	@$(MAKE) -s build/include/brume
	@python3 .ci/tidy.py
	@rm -rf $(OUT)/stage
	@$(MAKE) install PREFIX=$(OUT)/stage DESTDIR=
	@CXX='$(CXX)' tests/package/build_against_installed.sh $(OUT)/stage

install: ## install headers, libraries, pkg-config file and CMake package (PREFIX=/usr/local, DESTDIR=)
	@$(MAKE) libraries
	@BRUME_OUT='$(OUT)' BRUME_VERSION='$(VERSION)' PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' engine/package/install.sh

clean: ## remove build/
	rm -rf build

packages:
	@$(PACKAGES) test

run_tests = BRUME_BIN='$(2)' BRUME_SOURCE=. python3 tests/run_tests.py --directory '$(OUT)/$(1)' \
  --jobs $(TEST_JOBS) --timeout $(TEST_TIMEOUT) $(SELECTED_TESTS:%=$(OUT)/$(1)/%) $(SELECTED_SCRIPTS)

# ---- rules

# $(call remember,text): rewrites the target only when the text has changed, so that what depends on it follows.
define remember
	@mkdir -p $(@D)
	@echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@
endef

# For `make run TLS=1` alone: nobody vouches for it, and browsers say so. Made anew once it has expired.
$(OUT)/tls/self-signed.pem: $(if $(TLS),$(shell openssl x509 -checkend 86400 -noout -in $(OUT)/tls/self-signed.pem >/dev/null 2>&1 || echo FORCE))
	@mkdir -p $(@D)
	@openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=localhost \
	  -addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 -keyout $(@:.pem=.key) -out $@ 2>/dev/null

build/include/brume:
	@mkdir -p $(@D)
	@ln -sfn ../.. $@

# $(1): flavour
define flavour_rules
.PHONY: programs-$(1) tests-$(1)
programs-$(1): $$(EXAMPLE_SOURCES:examples/%.cpp=$(call bin_directory,$(1))/%); @:
tests-$(1): $$(SELECTED_TESTS:%=$(OUT)/$(1)/%); @:

$(OUT)/$(1)/flags: FORCE
	$$(call remember,$$(CXX) $$(CPPFLAGS_ALL) $$(CXXFLAGS_ALL) $$(FLAGS_$(1)))

$(OUT)/$(1)/sources: FORCE
	$$(call remember,$$(LIBRARY_SOURCES) $$(EXAMPLE_COMMON_SOURCES) $$(TEST_SUPPORT_SOURCES))

$(OUT)/$(1)/obj/%.o: %.cpp $(OUT)/$(1)/flags | build/include/brume
	@mkdir -p $$(@D)
	@echo "  $(1) $$<"
	$$(QUIET)$$(CXX) $$(CPPFLAGS_ALL) $$(CXXFLAGS_ALL) $$(FLAGS_$(1)) $$(WERROR) -MMD -MP -c -o $$@ $$<

$(OUT)/$(1)/libbrume.a: $$(LIBRARY_SOURCES:%.cpp=$(OUT)/$(1)/obj/%.o)
$(OUT)/$(1)/libexamples.a: $$(EXAMPLE_COMMON_SOURCES:%.cpp=$(OUT)/$(1)/obj/%.o)
$(OUT)/$(1)/libtestsupport.a: $$(TEST_SUPPORT_SOURCES:%.cpp=$(OUT)/$(1)/obj/%.o)
$(OUT)/$(1)/%.a: $(OUT)/$(1)/sources
	@rm -f $$@
	$$(QUIET)$$(AR) rcs $$@ $$(filter %.o,$$^)

$(call bin_directory,$(1))/%: $(OUT)/$(1)/obj/examples/%.o $(OUT)/$(1)/libexamples.a $(OUT)/$(1)/libbrume.a
	@mkdir -p $$(@D)
	@echo "  $(1) $$@"
	$$(QUIET)$$(CXX) $$(FLAGS_$(1)) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) -Wl,--as-needed $$(EXAMPLE_LIBS) $$(LDLIBS_ALL)

$(OUT)/$(1)/tests/%: $(OUT)/$(1)/obj/tests/%.o $(OUT)/$(1)/libtestsupport.a $(OUT)/$(1)/libbrume.a
	@mkdir -p $$(@D)
	@echo "  $(1) $$@"
	$$(QUIET)$$(CXX) $$(FLAGS_$(1)) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) -Wl,--as-needed $$(TEST_LIBS) $$(LDLIBS_ALL)

# The applications' tests link what the programs share.
$(OUT)/$(1)/tests/examples/%: $(OUT)/$(1)/obj/tests/examples/%.o $(OUT)/$(1)/libexamples.a $(OUT)/$(1)/libtestsupport.a $(OUT)/$(1)/libbrume.a
	@mkdir -p $$(@D)
	@echo "  $(1) $$@"
	$$(QUIET)$$(CXX) $$(FLAGS_$(1)) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) -Wl,--as-needed $$(TEST_LIBS) $$(EXAMPLE_LIBS) $$(LDLIBS_ALL)
endef
$(foreach flavour,$(FLAVOURS),$(eval $(call flavour_rules,$(flavour))))

SONAME := libbrume.so.$(basename $(VERSION))
.PHONY: libraries
libraries: $(OUT)/release/libbrume.a $(OUT)/release/$(SONAME); @:

$(OUT)/release/$(SONAME): $(LIBRARY_SOURCES:%.cpp=$(OUT)/release/obj/%.o) $(OUT)/release/sources
	$(QUIET)$(CXX) $(FLAGS_release) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,-z,defs -o $@ $(filter %.o,$^) \
	  -Wl,--as-needed $(LDLIBS_ALL)

.SECONDARY:
-include $(wildcard bench/*.mk fuzz/*.mk codec/*/*.mk examples/*/*.mk tests/*/*.mk)
ifneq ($(wildcard $(OUT)),)
-include $(shell find $(OUT) -name '*.d')
endif
