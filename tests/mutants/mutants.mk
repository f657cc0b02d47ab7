# The test of the tests of codec and hub: what is broken on purpose has to be noticed, and no rule may lack its patch.

.PHONY: mutants
mutants: ## break codec and hub, one patch of tests/mutants at a time; the named test or cases have to fail (ONLY=part of a name)
	@$(PACKAGES) test
	@python3 tests/mutants/run_mutants.py '$(OUT)/mutants' tests/mutants '$(ONLY)'
