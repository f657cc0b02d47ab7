# Interoperability: clients that other people wrote, against build/bin/echo, and build/bin/wscat against their servers.
# tests/interop/README.md is the outcome, and is compared with it.

INTEROP_DIR := $(OUT)/interop
INTEROP_CLIENTS :=

.PHONY: interop-peers

interop: ## clients and servers that other people wrote, plain and by TLS, on io_uring and epoll (ONLY=name, route or name/route; UPDATE=1)
	@$(PACKAGES) interop
	@$(MAKE) $(OUT)/bin/echo $(INTEROP_DIR)/node_modules
	@$(MAKE) -k interop-peers || true
	@BRUME_BIN='$(OUT)/bin' NODE_PATH='$(abspath $(INTEROP_DIR))/node_modules' \
	  python3 tests/interop/run.py --build '$(INTEROP_DIR)' $(if $(ONLY),--only '$(ONLY)') $(if $(UPDATE),--update)

# A peer that does not build is a red row: its log is beside where it would be.
interop-peers: $(INTEROP_CLIENTS); @:

$(INTEROP_DIR)/node_modules: tests/interop/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@npm install --prefix $(@D) --no-audit --no-fund --no-package-lock >$(@D)/npm.log 2>&1 \
	  || { tail -5 $(@D)/npm.log; rm -rf $@; exit 1; }
	@touch $@
