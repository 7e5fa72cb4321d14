#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs takt's test suites and adds up. Called by tools/test, which installs what is needed first.

Guarantees: every suite ends within its budget; a suite that fails to build, that finds no test, or
that runs out of time counts as a failure; what failed is shown again at the end, and the last line
of the output is "N passed, N failed".
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator

import fuzz
import quick
import surroundings
from progress import Progress
from steps import SOURCE, Count, Steps, meson_tests, python_suite

PROGRAMS = ("takt", "takt-scheduler", "takt-worker", "takt-supervisor")
DAEMONS = PROGRAMS[1:]
REASONS_SHOWN, LINES_SHOWN = 20, 30  # of what failed, at the end
SIMULATED, SIMULATED_ALL = "500", "10000"  # lives
SIMULATED_SANITIZED = "10"  # of ten times the cost each
MACHINES_AT_ONCE, EMULATED_AT_ONCE = 3, 2  # machines wait; emulated ones compute as they do
FUZZ_S = 4  # for each fuzzer; tools/fuzz gives it a minute

Suite = Callable[[Steps, argparse.Namespace], Count]


def run_style(steps: Steps, options: argparse.Namespace) -> Count:
    """Style reads the sources; what meson knows of it needs a configured build and no more."""
    sources = python_suite("tests/style", 10 * 60, options.only,
                           TAKT_STYLE_ALL="1" if options.all else "")
    return sources + steps.meson_suite("dev", "style", 60, "none")


def executables(names: Iterable[str]) -> Iterator[str]:
    """Returns how meson calls these programs; libraries have the same names."""
    return (f"{name}:executable" for name in names)


def run_unit(steps: Steps, _options: argparse.Namespace) -> Count:
    return steps.meson_suite("dev", "unit", 4 * 60)


def run_component(steps: Steps, _options: argparse.Namespace) -> Count:
    return steps.meson_suite("dev", "component", 8 * 60)


def run_scale(steps: Steps, options: argparse.Namespace) -> Count:
    history = {"TAKT_HISTORY": "100000"} if options.all else {}
    budget_s = 25 * 60 if options.all else 8 * 60
    return steps.meson_suite("dev", "scale", budget_s, "scale_test", *executables(PROGRAMS),
                             **history)


def run_flood(steps: Steps, _options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the flood suite connects as another user: run with sudo")
    return steps.meson_suite("dev", "flood", 8 * 60, "flood_test", *executables(DAEMONS))


def run_sanitize(steps: Steps, options: argparse.Namespace) -> Count:
    name = "asan-all" if options.all else "asan"
    return (steps.meson_suite(name, "unit", 12 * 60) + steps.meson_suite(name, "component", 12 * 60)
            + steps.meson_suite(name, "simulation", 5 * 60, TAKT_SEEDS=SIMULATED_SANITIZED))


def run_simulation(steps: Steps, options: argparse.Namespace) -> Count:
    lives, budget_s = (SIMULATED_ALL, 3 * 3600) if options.all else (SIMULATED, 8 * 60)
    return steps.meson_suite("dev", "simulation", budget_s, "simulation_test", TAKT_SEEDS=lives)


def run_ordinary(steps: Steps, _options: argparse.Namespace) -> Count:
    """Compiled one by one, a file that does not include what it uses cannot hide behind another."""
    built = steps.build("ordinary")
    return built if built.failed else Count(1)


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


def run_threads(steps: Steps, options: argparse.Namespace) -> Count:
    """TSan takes long to build: only what is needed to see our own code's threads, and what
    includes gRPC, which is most of it, in the long form."""
    plain = (*THREADS_UNIT, *(THREADS_UNIT_ALL if options.all else ()))
    targets = [f"{name}_test" for name in plain]
    if options.all:
        targets += [f"{name}_test" for name in (*THREADS_UNIT_SUPPRESSED, "component")]
        targets += executables(DAEMONS)
    built = steps.build("tsan", "grpc_order", *targets)
    if built.failed:
        return built
    count = tsan_tests("unit", 8 * 60, *(f"unit-{name}" for name in plain), suppress=False)
    if not options.all:
        return count
    suppressed = (f"unit-{name}" for name in THREADS_UNIT_SUPPRESSED)
    return (count + tsan_tests("unit", 8 * 60, *suppressed, suppress=True)
            + tsan_tests("component", 15 * 60, suppress=True))


def run_fuzz(steps: Steps, _options: argparse.Namespace) -> Count:
    """Each fuzzer for some seconds: its seeds, among them all that was found, and a little more."""
    built = steps.build("fuzz")
    if built.failed:
        return built
    results = fuzz.run_all(fuzz.names(), FUZZ_S)
    return sum((Count(0, 1, reasons=[(f"{result.name}_fuzz", result.trouble)])
                if result.trouble else Count(1) for result in results), Count())


def run_system(steps: Steps, options: argparse.Namespace, **environment: str) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the system suite boots containers: run with sudo")
    built = steps.build_installed("next", **environment)
    if built.failed:
        return built
    return python_suite("tests/system", 40 * 60, options.only, lanes=MACHINES_AT_ONCE,
                        **environment)


def run_trixie(steps: Steps, options: argparse.Namespace) -> Count:
    """The packages are built in a root of Debian 13, and the machines run that, too."""
    if not shutil.which("mmdebstrap"):
        return Count(note="not run: this distribution has no package of mmdebstrap")
    return run_system(steps, options, TAKT_TEST_RELEASE="trixie")


def run_vm(steps: Steps, options: argparse.Namespace) -> Count:
    if not shutil.which("mmdebstrap"):
        return Count(note="not run: its machines boot Debian's kernel; there is no mmdebstrap here")
    if os.geteuid() != 0:
        return Count(0, 1, "the vm suite makes cgroups and mounts: run with sudo")
    built = steps.build_installed()
    if built.failed:
        return built
    cuts = {"TAKT_VM_CUTS": "20"} if options.all else {}
    return python_suite("tests/vm", 60 * 60 if options.all else 25 * 60, options.only,
                        lanes=EMULATED_AT_ONCE, **cuts)


def run_deb(steps: Steps, options: argparse.Namespace) -> Count:
    if not shutil.which("dpkg"):
        return Count(note="not run: this distribution has no dpkg")
    built = steps.build_installed()
    return built if built.failed else python_suite("tests/deb", 60 * 60, options.only)


def run_rpm(steps: Steps, options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the rpm suite boots a container: run with sudo")
    built = steps.build_installed()
    if not built.failed:
        built = steps.build_rpm()
    return built if built.failed else python_suite("tests/rpm", 8 * 60, options.only)


def run_fleet(steps: Steps, options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the fleet suite boots containers: run with sudo")
    built = steps.build_installed()
    if built.failed:
        return built
    long = {"TAKT_ALL": "1"} if options.all else {}
    return python_suite("tests/fleet", 40 * 60 if options.all else 16 * 60, options.only,
                        lanes=MACHINES_AT_ONCE, **long)


def run_torture(steps: Steps, options: argparse.Namespace) -> Count:
    if os.geteuid() != 0:
        return Count(0, 1, "the torture suite boots containers: run with sudo")
    built = steps.build_installed()
    return built if built.failed else python_suite("tests/torture", 16 * 60, options.only,
                                                   lanes=MACHINES_AT_ONCE)


SUITES: dict[str, tuple[str, Suite]] = {
    "style": ("layout, include rule, formatting, clang-tidy, protos, scripts", run_style),
    "unit": ("each library on its own", run_unit),
    "component": ("the daemons together on this machine", run_component),
    "scale": ("what a restart costs after many jobs, and with many running", run_scale),
    "sanitize": ("unit, component and some lives, built with ASan and UBSan", run_sanitize),
    "simulation": ("seeded lives of a fleet in which everything goes wrong",
                   run_simulation),
    "flood": ("one user floods the daemons, and root is served (root)", run_flood),
    "ordinary": ("every file compiled by itself, with all that it needs included", run_ordinary),
    "threads": ("what has threads below gRPC, with TSan; with --all the daemons, too", run_threads),
    "fuzz": ("the fuzzers of all that is read back, some seconds each", run_fuzz),
    "system": ("the installed tree on systemd booted in a container (root)", run_system),
    "trixie": ("system once more, built for Debian 13 and on machines of it (root)", run_trixie),
    "vm": ("power cuts and reboots of a machine with a kernel of its own, emulated (root)", run_vm),
    "deb": ("the Debian packages built once more, elsewhere: the same bytes", run_deb),
    "rpm": ("the RPM packages: beside the Debian ones, and installed by rpm (root)", run_rpm),
    "fleet": ("a scheduler that is killed, four workers whose wires are cut (root)", run_fleet),
    "torture": ("jobs of every kind under kills, stops and restarts at random (root)", run_torture),
}
# Only where it is named, or with --all: what sanitize runs too, with more eyes; and what takes a
# build of its own, as the scale tests do, whose thousand jobs do not fit a sanitizer's memory.
BY_NAME = ("unit", "component", "scale", "ordinary", "trixie", "deb", "rpm")


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/test", description="Builds and tests takt.")
    parser.add_argument("--suite", action="append", choices=SUITES, metavar="NAME",
                        help="run only this suite; may be repeated")
    parser.add_argument("--only", action="append", default=[], metavar="PART",
                        help="in style and where root is needed: only tests whose id contains PART")
    parser.add_argument("--quick", action="store_true",
                        help="between two edits: style, and the unit and component tests of what "
                             "has changed since the last commit (or by it, if nothing has); "
                             "--suite chooses among these three")
    parser.add_argument("--all", action="store_true",
                        help="also the slow checks: clang-tidy on every folder, unit and component "
                             "without sanitizers and with every check of UBSan, every file "
                             "compiled by itself, a thousand jobs over a restart and a history of "
                             "100,000, 10,000 simulated lives, 20 power cuts, 5,000 jobs of a "
                             "fleet, packages of Debian 13 and RPM, packages built twice, the "
                             "daemons with TSan")
    parser.add_argument("--list", action="store_true", help="list the suites")
    return parser.parse_args(arguments)


def chosen(options: argparse.Namespace) -> list[tuple[str, Suite]]:
    """Returns what is to be run, by name."""
    if options.quick:
        return [(name, run) for name, run in (("style", run_style), *quick.suites())
                if not options.suite or name in options.suite]
    default = [name for name in SUITES if options.all or name not in BY_NAME]
    return [(name, SUITES[name][1]) for name in options.suite or default]


def on_sigterm(_number: int, _frame: object) -> None:
    """Ends the run as Ctrl-C would, with what it has started."""
    raise KeyboardInterrupt("ended by SIGTERM")


def main() -> int:
    surroundings.prepare()
    signal.signal(signal.SIGTERM, on_sigterm)
    options = parse(sys.argv[1:])
    if options.list:
        for name, (what, _) in SUITES.items():
            print(f"{name:10} {what}{' (by name, or with --all)' if name in BY_NAME else ''}")
        return 0
    suites = chosen(options)
    progress = Progress(len(suites))
    total, lines = Count(), []
    for name, run in suites:
        progress.step(name)
        start = time.monotonic()
        count = run(Steps(progress), options)
        total += count
        lines.append(f"{name:10} {count.passed:5} passed {count.failed:4} failed "
                     f"{time.monotonic() - start:6.0f} s  {count.note}".rstrip())
        print(progress.head(), lines[-1], flush=True)
    for name, reason in total.reasons[:REASONS_SHOWN]:
        print(f"=== failed: {name}", *reason.splitlines()[-LINES_SHOWN:], sep="\n")
    print("===", *lines, sep="\n")
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
