# The test of the hub's tests: what is broken on purpose has to be noticed.

.PHONY: mutants
mutants: ## break the hub on purpose, one patch of tests/mutants at a time; the named test has to fail (ONLY=part of a name)
	@$(PACKAGES) test
	@python3 tests/mutants/run_mutants.py '$(OUT)/mutants' tests/mutants '$(ONLY)'
