# The conformance suite: RFC 6455, RFC 7692, and what RFC 9110 and 9112 ask of an upgrade, from outside.

CONFORMANCE_REPORT := $(OUT)/conformance/report.html

.PHONY: conformance
conformance: ## every case of tests/conformance against the server and the client; report in build/conformance (ONLY=class or case)
	@$(PACKAGES) test
	@$(MAKE) programs-release
	@BRUME_BIN='$(OUT)/bin' python3 tests/conformance/run.py --report '$(CONFORMANCE_REPORT)' $(ONLY:%=--only %)
