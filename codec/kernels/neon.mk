# The kernels for aarch64, on any machine: the same tests, cross-compiled and run by qemu's user-mode emulation.
#
# GoogleTest is compiled from Debian's sources (a package that libgtest-dev brings along), for there is no library of it
# for another processor.

NEON_CXX ?= aarch64-linux-gnu-g++
NEON_RUN ?= qemu-aarch64 -L /usr/aarch64-linux-gnu
NEON_TIMEOUT ?= 600
GTEST_SOURCE ?= /usr/src/googletest/googletest

NEON_DIR := $(OUT)/neon
NEON_FLAGS := -std=c++23 -O2 -g $(WARNINGS) -I build/include -isystem $(GTEST_SOURCE)/include -pthread
NEON_TESTS := $(patsubst %,$(NEON_DIR)/%,kernels_test utf8_kernels_test mask_test utf8_test)
NEON_SOURCES := $(wildcard codec/kernels/*.cpp) codec/mask.cpp codec/utf8.cpp
NEON_OBJECTS := $(NEON_SOURCES:%.cpp=$(NEON_DIR)/obj/%.o) $(NEON_DIR)/gtest-all.o $(NEON_DIR)/gtest_main.o

neon: ## test the NEON kernels: cross-compiled for aarch64, run by qemu-user
	@.ci/packages neon test
	@$(MAKE) $(NEON_TESTS)
	@set -e; for test in $(NEON_TESTS); do \
	  echo "  neon $$test"; timeout $(NEON_TIMEOUT) $(NEON_RUN) $$test --gtest_brief=1; done

$(NEON_DIR)/flags: FORCE
	$(call remember,$(NEON_CXX) $(NEON_FLAGS))

$(NEON_DIR)/obj/%.o: %.cpp $(NEON_DIR)/flags | build/include/brume
	@mkdir -p $(@D)
	@echo "  neon $<"
	$(QUIET)$(NEON_CXX) $(NEON_FLAGS) $(WERROR) -MMD -MP -c -o $@ $<

$(NEON_DIR)/gtest-all.o $(NEON_DIR)/gtest_main.o: $(NEON_DIR)/%.o: $(GTEST_SOURCE)/src/%.cc $(NEON_DIR)/flags
	@mkdir -p $(@D)
	$(QUIET)$(NEON_CXX) $(NEON_FLAGS) -w -I $(GTEST_SOURCE) -c -o $@ $<

$(NEON_TESTS): $(NEON_DIR)/%: $(NEON_DIR)/obj/tests/codec/%.o $(NEON_OBJECTS)
	$(QUIET)$(NEON_CXX) $(NEON_FLAGS) -o $@ $(filter %.o,$^)
