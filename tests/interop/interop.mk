# Interoperability: clients that other people wrote, against build/bin/echo, and build/bin/wscat against their servers.
# tests/interop/README.md is the outcome, and is compared with it.

INTEROP_DIR := $(OUT)/interop
INTEROP_CLIENTS := $(patsubst %,$(INTEROP_DIR)/%_client,beast gorilla lws websocketpp)
INTEROP_SERVERS := $(patsubst %,$(INTEROP_DIR)/%_server,beast gorilla)

.PHONY: interop-peers

interop: ## clients and servers that other people wrote, plain and by TLS (ONLY=name, route or name/route; UPDATE=1)
	@$(PACKAGES) interop
	@$(MAKE) $(OUT)/bin/echo $(OUT)/bin/wscat $(INTEROP_DIR)/node_modules
	@$(MAKE) -k interop-peers || true
	@PYTHONDONTWRITEBYTECODE=1 BRUME_BIN='$(OUT)/bin' NODE_PATH='$(abspath $(INTEROP_DIR))/node_modules' \
	  python3 tests/interop/run.py --build '$(INTEROP_DIR)' $(if $(ONLY),--only '$(ONLY)') $(if $(UPDATE),--update)

# A peer that does not build is a red row.
interop-peers: $(INTEROP_CLIENTS) $(INTEROP_SERVERS); @:

# Each in the language that its library is made for.
$(INTEROP_DIR)/beast_client.o: INTEROP_STANDARD := c++17
$(INTEROP_DIR)/%.o: tests/interop/clients/%.cpp tests/interop/clients/cases.h | build/include/brume
	@mkdir -p $(@D)
	@echo "  interop $<"
	$(QUIET)$(CXX) -std=$(or $(INTEROP_STANDARD),c++14) -O1 $(WARNINGS) -pthread -I build/include -c -o $@ $<

$(INTEROP_DIR)/lws_client: INTEROP_LIBS := -lwebsockets
$(INTEROP_DIR)/%_client: $(INTEROP_DIR)/%_client.o $(INTEROP_DIR)/cases.o
	$(QUIET)$(CXX) -o $@ $^ $(INTEROP_LIBS) -lssl -lcrypto -lz -pthread

$(INTEROP_DIR)/beast_server: tests/interop/servers/beast_server.cpp
	@mkdir -p $(@D)
	@echo "  interop $<"
	$(QUIET)$(CXX) -std=c++17 -O1 $(WARNINGS) -pthread -o $@ $< -lssl -lcrypto

# Its package alone knows which version it is.
$(INTEROP_DIR)/gorilla_client: tests/interop/clients/gorilla_client.go
$(INTEROP_DIR)/gorilla_server: tests/interop/servers/gorilla_server.go
$(INTEROP_DIR)/gorilla_client $(INTEROP_DIR)/gorilla_server:
	@mkdir -p $(@D)
	@echo "  interop $<"
	@GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE='$(abspath $(INTEROP_DIR))/go-cache' GOFLAGS= go build \
	  -ldflags "-X main.version=$$(dpkg-query -W -f '$${Version}' golang-github-gorilla-websocket-dev)" -o $@ $<

$(INTEROP_DIR)/node_modules: tests/interop/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@npm install --prefix $(@D) --no-audit --no-fund --no-package-lock >$(@D)/npm.log 2>&1 \
	  || { tail -5 $(@D)/npm.log; rm -rf $@; exit 1; }
	@touch $@
