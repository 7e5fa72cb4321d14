#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest files of one folder and counts.

Usage: python_tests.py FOLDER [--result FILE] [PATTERN...]. A PATTERN is part of a test's id. The
result file gets one JSON object {"passed": n, "failed": n}. Guarantees: a skip, an expected failure
that passed and a class that could not be set up count as failed; SIGTERM still runs the clean-ups.
"""

import argparse
import json
import pathlib
import signal
import sys
import unittest

import surroundings


class CountingResult(unittest.TextTestResult):
    """Counts what passed; everything else is a failure."""

    passed = 0

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed += 1

    @property
    def failed(self) -> int:
        """How many did anything but pass."""
        return (len(self.failures) + len(self.errors) + len(self.skipped)
                + len(self.unexpectedSuccesses) + len(self.expectedFailures))

    def reasons(self) -> list[tuple[str, str]]:
        """What did not pass, by id, and what is known of it."""
        passed = [(test, "it passed, and was to fail") for test in self.unexpectedSuccesses]
        told = self.failures + self.errors + self.skipped + self.expectedFailures + passed
        return [(str(test), reason) for test, reason in told]


def chosen(suite: unittest.TestSuite, patterns: list[str]) -> unittest.TestSuite:
    """Returns the tests whose id contains any of the patterns; all without patterns."""
    flat = unittest.TestSuite()
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            flat.addTests(chosen(item, patterns))
        elif not patterns or any(pattern in item.id() for pattern in patterns):
            flat.addTest(item)
    return flat


def on_sigterm(_number: int, _frame: object) -> None:
    """Ends the run as Ctrl-C would, so that every machine is stopped."""
    raise KeyboardInterrupt("ended by SIGTERM")


def run_to_the_end(suite: unittest.TestSuite) -> CountingResult:
    """Runs the tests; unittest leaves the clean-ups of a class out when it is interrupted."""
    classes = {type(test) for test in suite}
    try:
        return unittest.TextTestRunner(sys.stdout, verbosity=2,
                                       resultclass=CountingResult).run(suite)
    except KeyboardInterrupt:
        for interrupted in classes:
            interrupted.doClassCleanups()
        raise


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--result", type=pathlib.Path)
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_intermixed_args()
    surroundings.prepare()
    signal.signal(signal.SIGTERM, on_sigterm)
    sys.stdout.reconfigure(line_buffering=True)
    found = unittest.defaultTestLoader.discover(str(options.folder), top_level_dir=options.folder)
    result = run_to_the_end(chosen(found, options.patterns))
    if options.result:
        options.result.write_text(json.dumps(
            {"passed": result.passed, "failed": result.failed, "reasons": result.reasons()}))
    return 0 if result.failed == 0 and result.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
