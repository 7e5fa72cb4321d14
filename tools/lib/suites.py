#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs takt's test suites and adds up. Called by tools/test, which installs what is needed first.

Guarantees: every suite ends within its budget; a suite that fails to build, that finds no test, or
that runs out of time counts as a failure; what failed is told once more at the end, and the last
line of the output is "N passed, N failed".
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable

import fuzz

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIB = SOURCE / "tools" / "lib"
PYTHON = "/usr/bin/python3"
PATIENCE_S = 60  # for the clean-up of a suite that ran out of time
BUILD_BUDGET_S = 40 * 60
PROGRAMS = ("takt", "takt-scheduler", "takt-worker", "takt-supervisor")
REASONS_TOLD, LINES_TOLD = 20, 30  # of what failed, at the end
SIMULATED, SIMULATED_ALL = "500", "10000"  # lives
SIMULATED_SANITIZED = "10"  # of ten times the cost each
FUZZ_S = 4  # for each fuzzer; tools/fuzz gives it a minute


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


def execute(command: list[str], budget_s: float, **environment: str) -> str:
    """Runs a command within a budget; returns what went wrong, or nothing."""
    env = {**os.environ, "PATH": "/usr/bin:/bin:" + os.environ.get("PATH", ""), **environment}
    with subprocess.Popen(command, cwd=SOURCE, env=env, stdin=subprocess.DEVNULL,
                          start_new_session=True) as process:
        try:
            code = process.wait(timeout=budget_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            return f"out of time after {budget_s:g} s: {' '.join(command)}"
        except KeyboardInterrupt:
            end_group(process)
            raise
    return "" if code == 0 else f"exit code {code}: {' '.join(command)}"


def end_group(process: subprocess.Popen) -> None:
    """Ends the process group that we started: first politely, so that it cleans up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=PATIENCE_S)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def build(name: str, *targets: str) -> Count:
    """Builds build/NAME; a failure counts as one failed test."""
    trouble = execute([str(LIB / "build"), name, *targets], BUILD_BUDGET_S)
    return Count(0, 1, trouble) if trouble else Count()


def build_installed(*versions: str, **environment: str) -> Count:
    """Builds what the test machines install; with "next" also the packages of a later version."""
    trouble = execute([str(LIB / "build-installed"), *versions], BUILD_BUDGET_S, **environment)
    return Count(0, 1, trouble) if trouble else Count()


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


def meson_suite(build_name: str, suite: str, budget_s: float, *targets: str,
                **environment: str) -> Count:
    """Builds and runs one of meson's suites."""
    built = build(build_name, *targets)
    if built.failed:
        return built
    return meson_tests(
        build_name, suite, budget_s,
        # gRPC and protobuf are not instrumented, so containers that cross over look overflown.
        ASAN_OPTIONS="detect_leaks=1:abort_on_error=1:detect_container_overflow=0",
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", **environment)


def meson_tests(build_name: str, suite: str, budget_s: float, *names: str, prefix: tuple = (),
                **environment: str) -> Count:
    """Runs tests of one of meson's suites, which are built: those named, or all."""
    folder = SOURCE / "build" / build_name
    log = folder / "meson-logs" / f"testlog-{suite}.junit.xml"
    log.unlink(missing_ok=True)
    trouble = execute(
        [*prefix, "meson", "test", "-C", str(folder), "--no-rebuild", "--suite", suite, "--logbase",
         f"testlog-{suite}", "--print-errorlogs", "--timeout-multiplier",
         "4" if build_name == "tsan" else "1", *names], budget_s, **environment)
    count = count_junit(log) if log.exists() else Count()
    count.note = trouble
    if count.passed + count.failed == 0:
        return Count(0, 1, trouble or f"suite {suite} has no test")
    if trouble and not count.failed:
        count.failed = 1
    return count


def python_suite(folder: str, budget_s: float, patterns: list[str], **environment: str) -> Count:
    """Runs the unittest files of a folder."""
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        trouble = execute([PYTHON, str(LIB / "python_tests.py"), folder, "--result", result.name,
                           *patterns], budget_s, **environment)
        text = pathlib.Path(result.name).read_text()
    count = Count(**json.loads(text)) if text else Count()
    count.note = trouble
    if trouble and not count.failed:
        count.failed = 1
    return count


def run_style(options: argparse.Namespace) -> Count:
    """Style reads the sources; what meson knows of it needs a configured build and no more."""
    sources = python_suite("tests/style", 10 * 60, options.only,
                           TAKT_STYLE_ALL="1" if options.all else "")
    return sources + meson_suite("dev", "style", 60, "none")


def run_unit(_options: argparse.Namespace) -> Count:
    return meson_suite("dev", "unit", 4 * 60)


def run_component(_options: argparse.Namespace) -> Count:
    return meson_suite("dev", "component", 8 * 60)


def run_scale(options: argparse.Namespace) -> Count:
    history = {"TAKT_HISTORY": "100000"} if options.all else {}
    programs = (f"{name}:executable" for name in PROGRAMS)
    budget_s = 25 * 60 if options.all else 8 * 60
    return meson_suite("dev", "scale", budget_s, "scale_test", *programs, **history)


def run_sanitize(_options: argparse.Namespace) -> Count:
    return (meson_suite("asan", "unit", 12 * 60) + meson_suite("asan", "component", 12 * 60)
            + meson_suite("asan", "simulation", 5 * 60, TAKT_SEEDS=SIMULATED_SANITIZED))


def run_simulation(options: argparse.Namespace) -> Count:
    lives, budget_s = (SIMULATED_ALL, 3 * 3600) if options.all else (SIMULATED, 8 * 60)
    return meson_suite("dev", "simulation", budget_s, "simulation_test", TAKT_SEEDS=lives)


# Built and run with ThreadSanitizer in every run: what has threads and needs no gRPC to build.
THREADS_UNIT = ("base", "sd", "store")
# With --all: what has none, and scheduler and workers without gRPC between them ...
THREADS_UNIT_ALL = ("attempt", "cgroup", "config", "job", "supervisor", "threads", "worker")
# ... and with gRPC from end to end, and what is suppressed of it.
THREADS_UNIT_SUPPRESSED = ("scheduler",)


def tsan_tests(suite: str, budget_s: float, *names: str, suppress: bool) -> Count:
    """Runs tests of build/tsan; a report of any program fails its test."""
    options = "halt_on_error=0:exitcode=66:second_deadlock_stack=1:history_size=7"
    if suppress:
        options += f":suppressions={SOURCE / 'tests' / 'support' / 'tsan.supp'}"
    # GCC 12's runtime cannot place its memory where newer kernels randomise addresses further.
    fixed = ("setarch", "-R")
    allowed = subprocess.run([*fixed, "true"], check=False, capture_output=True).returncode == 0
    return meson_tests("tsan", suite, budget_s, *names, prefix=fixed if allowed else (),
                       TSAN_OPTIONS=options,
                       LD_PRELOAD=str(SOURCE / "build/tsan/tests/support/grpc_order.so"))


def run_threads(options: argparse.Namespace) -> Count:
    """TSan takes long to build: only what is needed to see our own code's threads, and what
    includes gRPC, which is most of it, in the long form."""
    plain = (*THREADS_UNIT, *(THREADS_UNIT_ALL if options.all else ()))
    targets = [f"{name}_test" for name in plain]
    if options.all:
        targets += [f"{name}_test" for name in (*THREADS_UNIT_SUPPRESSED, "component")]
        targets += [f"{name}:executable" for name in PROGRAMS if name != "takt"]
    built = build("tsan", "grpc_order", *targets)
    if built.failed:
        return built
    count = tsan_tests("unit", 8 * 60, *(f"unit-{name}" for name in plain), suppress=False)
    if not options.all:
        return count
    suppressed = (f"unit-{name}" for name in THREADS_UNIT_SUPPRESSED)
    return (count + tsan_tests("unit", 8 * 60, *suppressed, suppress=True)
            + tsan_tests("component", 15 * 60, suppress=True))


def run_fuzz(_options: argparse.Namespace) -> Count:
    """Each fuzzer for some seconds: its seeds, among them all that was found, and a little more."""
    built = build("fuzz")
    if built.failed:
        return built
    results = fuzz.run_all(fuzz.names(), FUZZ_S)
    return sum((Count(0, 1) if result.trouble else Count(1) for result in results), Count())


def run_system(options: argparse.Namespace, **environment: str) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the system suite boots containers: run with sudo")
    built = build_installed("next", **environment)
    if built.failed:
        return built
    return python_suite("tests/system", 20 * 60, options.only, **environment)


def run_trixie(options: argparse.Namespace) -> Count:
    """The packages are built in a root of Debian 13, and the machines run that, too."""
    if not shutil.which("mmdebstrap"):
        return Count(note="not run: this distribution has no package of mmdebstrap")
    return run_system(options, TAKT_TEST_RELEASE="trixie")


def run_vm(options: argparse.Namespace) -> Count:
    if not shutil.which("linux.uml"):
        return Count(note="not run: this distribution has no package of User Mode Linux")
    if os.geteuid() != 0:
        return Count(0, 1, "the vm suite makes cgroups and mounts: run with sudo")
    built = build_installed()
    if built.failed:
        return built
    cuts = {"TAKT_VM_CUTS": "20"} if options.all else {}
    return python_suite("tests/vm", 45 * 60 if options.all else 15 * 60, options.only, **cuts)


def run_deb(options: argparse.Namespace) -> Count:
    if not shutil.which("dpkg"):
        return Count(note="not run: this distribution has no dpkg")
    built = build_installed()
    return built if built.failed else python_suite("tests/deb", 60 * 60, options.only)


def run_rpm(options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the rpm suite boots a container: run with sudo")
    built = build_installed()
    if built.failed:
        return built
    trouble = execute([str(SOURCE / "tools" / "build-rpm")], BUILD_BUDGET_S)
    return Count(0, 1, trouble) if trouble else python_suite("tests/rpm", 8 * 60, options.only)


def run_fleet(options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the fleet suite boots containers: run with sudo")
    built = build_installed()
    if built.failed:
        return built
    long = {"TAKT_ALL": "1"} if options.all else {}
    return python_suite("tests/fleet", 40 * 60 if options.all else 8 * 60, options.only, **long)


def run_torture(options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the torture suite boots containers: run with sudo")
    built = build_installed()
    return built if built.failed else python_suite("tests/torture", 8 * 60, options.only)


SUITES: dict[str, tuple[str, Callable[[argparse.Namespace], Count]]] = {
    "style": ("layout, include rule, formatting, clang-tidy, protos, scripts", run_style),
    "unit": ("each library on its own", run_unit),
    "component": ("the daemons together on this machine", run_component),
    "scale": ("what a restart costs after many jobs, and with many running", run_scale),
    "sanitize": ("unit, component and some lives, built with ASan and UBSan", run_sanitize),
    "simulation": ("seeded lives of a fleet in which everything goes wrong",
                   run_simulation),
    "threads": ("what has threads below gRPC, with TSan; with --all the daemons, too", run_threads),
    "fuzz": ("the fuzzers of all that is read back, some seconds each", run_fuzz),
    "system": ("the installed tree on systemd booted in a container (root)", run_system),
    "trixie": ("system once more, built for Debian 13 and on machines of it (root)", run_trixie),
    "vm": ("power cuts and reboots on a kernel of its own, User Mode Linux (root)", run_vm),
    "deb": ("the Debian packages built once more, elsewhere: the same bytes", run_deb),
    "rpm": ("the RPM packages: beside the Debian ones, and installed by rpm (root)", run_rpm),
    "fleet": ("a scheduler that is killed, four workers whose wires are cut (root)", run_fleet),
    "torture": ("jobs of every kind under kills, stops and restarts at random (root)", run_torture),
}
# Only where it is named, or with --all: what sanitize runs too, with more eyes; and what takes a
# build of its own, as the scale tests do, whose thousand jobs do not fit a sanitizer's memory.
BY_NAME = ("unit", "component", "scale", "trixie", "deb", "rpm")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/test", description="Builds and tests takt.")
    parser.add_argument("--suite", action="append", choices=SUITES, metavar="NAME",
                        help="run only this suite; may be repeated")
    parser.add_argument("--only", action="append", default=[], metavar="PART",
                        help="in style and where root is needed: only tests whose id contains PART")
    parser.add_argument("--all", action="store_true",
                        help="also the slow checks: clang-tidy on every folder, unit and component "
                             "without sanitizers, a thousand jobs over a restart and a history of "
                             "100,000, 10,000 simulated lives, 20 power cuts, 5,000 jobs of a "
                             "fleet, packages of Debian 13 and RPM, packages built twice, the "
                             "daemons with TSan")
    parser.add_argument("--list", action="store_true", help="list the suites")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    if options.list:
        for name, (what, _) in SUITES.items():
            print(f"{name:10} {what}{' (by name, or with --all)' if name in BY_NAME else ''}")
        return 0
    total, lines = Count(), []
    default = [name for name in SUITES if options.all or name not in BY_NAME]
    for name in options.suite or default:
        print(f"=== {name}", flush=True)
        start = time.monotonic()
        count = SUITES[name][1](options)
        total += count
        lines.append(f"{name:10} {count.passed:5} passed {count.failed:4} failed "
                     f"{time.monotonic() - start:6.0f} s  {count.note}".rstrip())
        print(lines[-1], flush=True)
    for name, reason in total.reasons[:REASONS_TOLD]:
        print(f"=== failed: {name}", *reason.splitlines()[-LINES_TOLD:], sep="\n")
    print("===", *lines, sep="\n")
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
