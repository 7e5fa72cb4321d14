# SPDX-License-Identifier: Apache-2.0
"""What the suites of tools/test are made of: a build, tests of meson's, tests of Python's.

Guarantees: each ends within its budget. A build that fails, a suite without a test and one that
runs out of time count as a failure.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile
import xml.etree.ElementTree

from progress import Progress, end_group

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIB = SOURCE / "tools" / "lib"
LOGS = SOURCE / "build" / "logs"
PYTHON = "/usr/bin/python3"
BUILD_BUDGET_S = 40 * 60
TESTS_AT_ONCE = 2 * (os.cpu_count() or 1)  # they wait more than they compute
TIMEOUT_MULTIPLIER = "4"  # of each test program's time: sanitizers, and a machine that is busy
# gRPC and protobuf are not instrumented, so containers that cross over look overflown.
ASAN_OPTIONS = "detect_leaks=1:abort_on_error=1:detect_container_overflow=0"
UBSAN_OPTIONS = "halt_on_error=1:print_stacktrace=1"


@dataclasses.dataclass
class Count:
    """How many test cases passed and how many did not (a skip did not)."""

    passed: int = 0
    failed: int = 0
    note: str = ""
    reasons: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # by the test's name

    def __add__(self, other: "Count") -> "Count":
        notes = [note for note in (self.note, other.note) if note]
        return Count(self.passed + other.passed, self.failed + other.failed, "; ".join(notes),
                     self.reasons + other.reasons)


class Steps:
    """What one run of tools/test does, with its progress."""

    def __init__(self, progress: Progress):
        self.progress = progress

    def build(self, name: str, *targets: str) -> Count:
        """Builds build/NAME; a failure counts as one failed test."""
        return self._built(f"build {name}", [str(LIB / "build"), name, *targets])

    def build_installed(self, *versions: str, **environment: str) -> Count:
        """Builds what the test machines install; with "next" also the packages of a later
        version."""
        return self._built("packages", [str(LIB / "build-installed"), *versions], **environment)

    def build_rpm(self) -> Count:
        """Builds the RPM packages."""
        return self._built("RPM packages", [str(SOURCE / "tools" / "build-rpm")])

    def _built(self, title: str, command: list[str], **environment: str) -> Count:
        log = LOGS / f"{title.replace(' ', '-')}.log"
        error = self.progress.run(title, command, log, BUILD_BUDGET_S, cwd=SOURCE,
                                  env=with_system_path(environment))
        return Count(0, 1, error) if error else Count()

    def meson_suite(self, build_name: str, suite: str, budget_s: float, *targets: str,
                    **environment: str) -> Count:
        """Builds and runs one of meson's suites."""
        built = self.build(build_name, *targets)
        return built if built.failed else meson_tests(build_name, suite, budget_s, **environment)


def with_system_path(environment: dict[str, str]) -> dict[str, str]:
    """Returns our environment, with the distribution's programs first and these variables."""
    return {**os.environ, "PATH": "/usr/bin:/bin:" + os.environ.get("PATH", ""), **environment}


def execute(command: list[str], budget_s: float, **environment: str) -> str:
    """Runs a command within a budget; returns what failed, or nothing."""
    with subprocess.Popen(command, cwd=SOURCE, env=with_system_path(environment),
                          stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            code = process.wait(timeout=budget_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            return f"out of time after {budget_s:g} s: {' '.join(command)}"
        except KeyboardInterrupt:
            end_group(process)
            raise
    return "" if code == 0 else f"exit code {code}: {' '.join(command)}"


def count_junit(path: pathlib.Path) -> Count:
    """Counts the test cases of a junit file; failures, errors and skips all count as failed."""
    count = Count()
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
        if bad or case.get("status") == "notrun" or case.get("result") == "skipped":
            count.failed += 1
            told = "".join(child.get("message") or child.text or "" for child in bad)
            name = f"{case.get('classname')}.{case.get('name')}"
            count.reasons.append((name, told or "no more is known: see the output above"))
        else:
            count.passed += 1
    return count


def parts_of(folder: pathlib.Path, names: tuple[str, ...]) -> list[str]:
    """Returns what meson calls the tests of these names: one that runs in parts is NAME-N."""
    said = subprocess.run(["meson", "introspect", str(folder), "--tests"], check=True,
                          capture_output=True, env=with_system_path({})).stdout
    known = {test["name"] for test in json.loads(said)}
    return sorted(test for test in known if re.sub(r"-\d+$", "", test) in names)


def meson_tests(build_name: str, suite: str, budget_s: float, *names: str, prefix: tuple = (),
                **environment: str) -> Count:
    """Runs tests of one of meson's suites, which are built: those named, or all."""
    folder = SOURCE / "build" / build_name
    parts = parts_of(folder, names)
    if names and not parts:
        return Count(0, 1, f"no test is named {' or '.join(names)}")
    log = folder / "meson-logs" / f"testlog-{suite}.junit.xml"
    log.unlink(missing_ok=True)
    error = execute(
        [*prefix, "meson", "test", "-C", str(folder), "--no-rebuild", "--suite", suite, "--logbase",
         f"testlog-{suite}", "--print-errorlogs", "--timeout-multiplier",
         TIMEOUT_MULTIPLIER, "--num-processes", str(TESTS_AT_ONCE), *parts], budget_s,
        **{"ASAN_OPTIONS": ASAN_OPTIONS, "UBSAN_OPTIONS": UBSAN_OPTIONS, **environment})
    count = count_junit(log) if log.exists() else Count()
    count.note = error
    if count.passed + count.failed == 0:
        return Count(0, 1, error or f"suite {suite} has no test")
    if error and not count.failed:
        count.failed = 1
    return count


def python_suite(folder: str, budget_s: float, patterns: list[str], lanes: int = 1,
                 **environment: str) -> Count:
    """Runs the unittest files of a folder, so many classes at once."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        error = execute([PYTHON, str(LIB / "python_tests.py"), folder, "--result", result.name,
                         "--lanes", str(lanes), *patterns], budget_s, **environment)
        text = pathlib.Path(result.name).read_text()
    count = Count(**json.loads(text)) if text else Count()
    count.note = error
    if error and not count.failed:
        count.failed = 1
    return count
