# Benchmarks: `make bench` compares build/bin/echo and build/bin/broadcast with bare TCP programs and other servers,
# `make microbench` runs the micro benchmarks. A peer that cannot be installed or built is a row with its reason, not an
# error.

BENCH_DIR := $(OUT)/bench
BENCH_PROGRAMS := $(addprefix $(BENCH_DIR)/,wsblast epoll_echo uring_echo uring_fan tls_calls)
BENCH_PEERS := $(BENCH_DIR)/beast_echo $(BENCH_DIR)/gorilla $(BENCH_DIR)/npm/node_modules
MICRO_BENCHMARKS := $(patsubst bench/%.cpp,$(BENCH_DIR)/%,$(sort $(wildcard bench/*_bench.cpp)))

.PHONY: microbench bench-peers

bench: ## compare with bare TCP and other servers, into bench/RESULTS.md (ONLY=depth1,idle ROUNDS=5 QUICK=1)
	@$(PACKAGES) bench
	@$(MAKE) $(OUT)/bin/echo $(OUT)/bin/broadcast $(BENCH_PROGRAMS) $(BENCH_DIR)/io_echo $(BENCH_DIR)/hub_bench
	@.ci/packages peers >$(BENCH_DIR)/packages.log 2>&1 \
	  || { echo 'some packages of peers are missing:'; tail -2 $(BENCH_DIR)/packages.log; }
	@$(MAKE) -k bench-peers || true
	@python3 bench/run.py --build '$(OUT)' $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) \
	  $(if $(QUICK),--quick)

microbench: ## build and run the micro benchmarks (FILTER=part of a name, ARGS=)
	@$(PACKAGES) bench
	@$(MAKE) $(call selected,$(MICRO_BENCHMARKS))
	@set -e; for program in $(call selected,$(MICRO_BENCHMARKS)); do echo "== $$program"; $$program $(ARGS); done

bench-peers: $(BENCH_PEERS)

$(BENCH_DIR)/wsblast: $(patsubst %.cpp,$(OUT)/release/obj/%.o,$(wildcard bench/wsblast/*.cpp))
$(BENCH_DIR)/epoll_echo: $(OUT)/release/obj/bench/limits/epoll_echo.o
$(BENCH_DIR)/uring_echo: $(OUT)/release/obj/bench/limits/uring_echo.o
$(BENCH_DIR)/uring_fan: $(OUT)/release/obj/bench/limits/uring_fan.o
$(BENCH_DIR)/tls_calls: $(OUT)/release/obj/bench/limits/tls_calls.o
$(BENCH_PROGRAMS):
	@mkdir -p $(@D)
	$(QUIET)$(CXX) $(FLAGS_release) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--as-needed -luring -lssl -lcrypto -lz

# It measures with the generator's clocks and connections.
$(BENCH_DIR)/hub_bench: $(patsubst %,$(OUT)/release/obj/bench/wsblast/%.o,dial process_stats socket tls_end)
$(MICRO_BENCHMARKS): $(BENCH_DIR)/%: $(OUT)/release/obj/bench/%.o $(OUT)/release/libbrume.a
	@mkdir -p $(@D)
	$(QUIET)$(CXX) $(FLAGS_release) $(LDFLAGS) -o $@ $^ -Wl,--as-needed -lbenchmark $(LDLIBS_ALL)

$(BENCH_DIR)/io_echo: $(OUT)/release/obj/bench/io_echo.o $(OUT)/release/libbrume.a
	@mkdir -p $(@D)
	$(QUIET)$(CXX) $(FLAGS_release) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(LDLIBS_ALL)

# Each peer leaves what went wrong in a log beside it, where run.py finds the reason.
$(BENCH_DIR)/beast_echo: bench/peers/beast_echo.cpp
	@mkdir -p $(@D)
	@$(CXX) -std=c++17 -O3 -w -pthread -o $@ $< -lssl -lcrypto >$@.log 2>&1 || { echo '  not built: $@'; exit 1; }

$(BENCH_DIR)/gorilla: bench/peers/gorilla.go
	@mkdir -p $(@D)
	@GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE='$(abspath $(BENCH_DIR))/go-cache' GOFLAGS= \
	  go build -o $@ $< >$@.log 2>&1 || { echo '  not built: $@'; exit 1; }

$(BENCH_DIR)/npm/node_modules: bench/peers/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@npm install --prefix $(@D) --no-audit --no-fund --no-package-lock >$(@D).log 2>&1 \
	  || { echo '  not installed: bun and ws'; rm -rf $@; exit 1; }
	@touch $@
