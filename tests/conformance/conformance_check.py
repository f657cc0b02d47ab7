#!/usr/bin/env python3
"""The whole conformance suite as one of the tests: every case that can be run has to be strict."""

import sys

from run import main

if __name__ == "__main__":
    sys.exit(main([]))
