# The pages in headless Chromium, as people use them. Chromium and playwright-core are those of tests/interop.

BROWSER_DIR := $(OUT)/browser

browser: ## the pages of the demo in headless Chromium; screenshots under build/browser (ONLY=part of a check's name)
	@$(PACKAGES) browser
	@$(MAKE) $(OUT)/bin/demo $(INTEROP_DIR)/node_modules
	@mkdir -p $(BROWSER_DIR)
	@BRUME_BIN='$(OUT)/bin' NODE_PATH='$(abspath $(INTEROP_DIR))/node_modules' ONLY='$(ONLY)' \
	  node tests/browser/run.js '$(BROWSER_DIR)'
