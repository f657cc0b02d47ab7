# Interoperability: clients that other people wrote, against build/bin/echo.

INTEROP_DIR := $(OUT)/interop

interop: ## Python websockets and autobahn, Node ws and headless Chromium against build/bin/echo, on io_uring and epoll
	@$(PACKAGES) interop
	@$(MAKE) $(OUT)/bin/echo $(INTEROP_DIR)/node_modules
	@BRUME_BIN='$(OUT)/bin' NODE_PATH='$(abspath $(INTEROP_DIR))/node_modules' \
	  python3 tests/interop/run.py --directory '$(INTEROP_DIR)'

$(INTEROP_DIR)/node_modules: tests/interop/package.json
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@npm install --prefix $(@D) --no-audit --no-fund --no-package-lock >$(@D)/npm.log 2>&1 \
	  || { tail -5 $(@D)/npm.log; rm -rf $@; exit 1; }
	@touch $@
