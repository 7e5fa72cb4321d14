#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest files of one folder and counts.

Usage: python_tests.py FOLDER [--result FILE] [--lanes N] [PATTERN...]. A PATTERN is part of a
test's id. With lanes, classes run beside each other, each in a process of its own, and what one
says is shown when it has ended. The result file gets one JSON object {"passed": n, "failed": n}.
Guarantees: a skip, an expected failure that passed and a class that could not be set up count as
failed; SIGTERM still runs the clean-ups.
"""

import argparse
import concurrent.futures
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import surroundings
from progress import PATIENCE_S


class CountingResult(unittest.TextTestResult):
    """Counts what passed; everything else is a failure. Shows what took long."""

    passed = 0
    SHOWN_S = 1.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._began = time.monotonic()

    def addSuccess(self, test: unittest.TestCase) -> None:
        took_s = time.monotonic() - self._began
        if took_s >= self.SHOWN_S:
            self.stream.write(f"({took_s:.0f} s) ")
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

    def as_json(self) -> dict:
        """Returns what the result file gets."""
        return {"passed": self.passed, "failed": self.failed, "reasons": self.reasons()}


class Lanes:
    """Classes of tests beside each other. A class that says nothing of its tests has failed."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def run(self, classes: list[str], patterns: list[str], lanes: int) -> dict:
        """Runs these classes; returns the sum of what they say."""
        total = {"passed": 0, "failed": 0, "reasons": []}
        with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
            runs = [pool.submit(self._run_class, name, patterns) for name in classes]
            try:
                for done in concurrent.futures.as_completed(runs):
                    output, result = done.result()
                    sys.stdout.write(output)
                    total = {key: total[key] + result[key] for key in total}
            except KeyboardInterrupt:
                self._end()
                raise
        return total

    def _run_class(self, name: str, patterns: list[str]) -> tuple[str, dict]:
        with tempfile.NamedTemporaryFile(suffix=".json") as file, \
                tempfile.TemporaryFile() as output:
            command = [sys.executable, __file__, str(self._folder), "--class", name, "--result",
                       file.name, *patterns]
            with self._lock:
                if self._ended:
                    return "", {"passed": 0, "failed": 0, "reasons": []}
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                           stderr=subprocess.STDOUT, start_new_session=True)
                self._running.add(process)
            code = process.wait()
            with self._lock:
                self._running.remove(process)
            output.seek(0)
            said = output.read().decode(errors="replace")
            text = pathlib.Path(file.name).read_text()
        result = json.loads(text) if text else {}
        if result.get("passed", 0) + result.get("failed", 0) > 0:
            return said, result
        return said, {"passed": 0, "failed": 1, "reasons": [(name, f"exit code {code}\n{said}")]}

    def _end(self) -> None:
        """Ends what runs, with its clean-ups, and starts nothing more."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        # One signal each: a second one would interrupt the clean-ups.
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def chosen(suite: unittest.TestSuite, patterns: list[str], class_name: str) -> unittest.TestSuite:
    """Returns the tests of this class (of all, if it is empty) whose id contains any of the
    patterns; all without patterns."""
    flat = unittest.TestSuite()
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            flat.addTests(chosen(item, patterns, class_name))
        elif class_name in ("", class_of(item)) and (
                not patterns or any(pattern in item.id() for pattern in patterns)):
            flat.addTest(item)
    return flat


def class_of(test: unittest.TestCase) -> str:
    """Returns the id of a test's class. A file that cannot be read has a class of its own."""
    return test.id().rpartition(".")[0]


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
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--class", dest="class_name", default="")
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_intermixed_args()
    surroundings.prepare()
    signal.signal(signal.SIGTERM, on_sigterm)
    sys.stdout.reconfigure(line_buffering=True)
    found = unittest.defaultTestLoader.discover(str(options.folder), top_level_dir=options.folder)
    tests = chosen(found, options.patterns, options.class_name)
    if options.lanes > 1:
        classes = list(dict.fromkeys(class_of(test) for test in tests))
        result = Lanes(options.folder).run(classes, options.patterns, options.lanes)
    else:
        result = run_to_the_end(tests).as_json()
    if options.result:
        options.result.write_text(json.dumps(result))
    return 0 if result["failed"] == 0 and result["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
