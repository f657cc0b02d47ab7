# The guarantees of the hub on real sockets and threads, for as long as you like.

.PHONY: crowd
crowd: ## 200 clients do random things to a hub on two cores under ThreadSanitizer, and judge it (TIME=60 seconds for each backend)
	@$(PACKAGES) test
	@$(MAKE) $(OUT)/tsan/tests/hub/hub_crowd_test
	@BRUME_SECONDS=$(or $(TIME),60) TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:$$TSAN_OPTIONS \
	  $$(setarch -R true 2>/dev/null && echo setarch -R) $(OUT)/tsan/tests/hub/hub_crowd_test
