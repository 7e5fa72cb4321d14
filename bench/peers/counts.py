# SPDX-License-Identifier: Apache-2.0
"""What a job costs: processor time, context switches, bytes on the disk, syncs, system calls.

Three runs of each kind of load: one that is only looked at from outside, one whose calls the kernel
counts (perf), and a short one whose calls strace sees.
"""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable

import syscalls
import tracepoints
import usage
from rows import starts
from testbed import USER, Testbed, wait_script
from usage import JOBS, SCHEDULER, WORKER, Processes

IDLE_S = 5
GROUPS = {"scheduler": SCHEDULER, "worker, spawner, supervisors before their cgroup": WORKER,
          "supervisors and commands in their cgroups": JOBS}

Table = dict[str, float]  # per job, by what was counted


@dataclasses.dataclass(frozen=True)
class Case:
    """A way to run many jobs."""

    label: str
    argv: Callable[[int], list[str]]
    alone: bool = False  # without the scheduler


@dataclasses.dataclass
class Costs:
    """What was counted of a case."""

    usage: Table
    fast: Table  # by perf; empty without it
    slow: Table  # by strace
    calls: dict[str, str]  # the most frequent ones of each program


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many jobs each kind of run has."""

    watched: int = 4000
    counted: int = 1000
    traced: int = 200


QUICK = Sizes(200, 100, 40)
CASES = (
    Case("whole way, cgroup", lambda count: ["sh", "-ec", wait_script("cgroup", count)]),
    Case("whole way, scope", lambda count: ["sh", "-ec", wait_script("scope", count)]),
    Case("worker alone, cgroup", lambda count: starts("cgroup", count), alone=True),
)


def idle_switches(bed: Testbed, processes: Processes) -> float:
    """Returns the context switches a second while takt has nothing to do."""
    before = usage.read(bed, processes)
    time.sleep(IDLE_S)
    came = usage.difference(usage.read(bed, processes), before)
    return came["switches"] / came["seconds"]


def watch(bed: Testbed, case: Case, count: int) -> Table:
    """Runs jobs and looks on from outside: what they have cost, per job."""
    processes = Processes(bed.machine.init_pid)
    idle = idle_switches(bed, processes)
    before = usage.read(bed, processes)
    bed.run(*case.argv(count), user=USER)
    came = usage.difference(usage.read(bed, processes), before)
    came["switches"] -= idle * came["seconds"]
    return {name: value / count for name, value in table_of(came).items()}


def table_of(came: usage.Counts) -> Table:
    """Returns the rows of a case: what is left of each group is a row, too."""
    table: Table = {}
    for name in ("scheduler", "worker"):
        parts = {key: used for key, used in came.items() if key.startswith(f"{name}: ")}
        table |= {f"{key}, ms": used / 1000 for key, used in parts.items()}
    scheduler = sum(used for key, used in came.items() if key.startswith("scheduler: "))
    worker = sum(used for key, used in came.items() if key.startswith("worker: "))
    table["scheduler: threads that have ended, ms"] = (came[SCHEDULER] - scheduler) / 1000
    table["spawner, ms"] = came["spawner"] / 1000
    table["supervisors before their cgroup, ms"] = (came[WORKER] - worker - came["spawner"]) / 1000
    table["supervisors and commands in their cgroups, ms"] = came[JOBS] / 1000
    table["systemd, D-Bus, journal, ms"] = sum(came[unit] for unit in usage.SYSTEMD) / 1000
    known = sum(came[unit] for unit in (SCHEDULER, WORKER, JOBS, *usage.SYSTEMD))
    table["the rest: kernel threads, command line, client, ms"] = (came["busy"] - known) / 1000
    table["all, ms"] = came["busy"] / 1000
    table["context switches"] = came["switches"]
    table["KiB written"] = came["written"] / 1024
    table["flushes of the disk"] = came["flushes"]
    return table


def count_fast(bed: Testbed, case: Case, count: int) -> Table:
    """Runs jobs whose calls perf counts."""
    if not tracepoints.available():
        return {}
    processes = Processes(bed.machine.init_pid)
    groups = {processes.group(unit): name for name, unit in GROUPS.items()
              if processes.folder(unit).exists()}
    table: Table = {}
    for group, events in tracepoints.count(bed, list(groups), case.argv(count), USER).items():
        name = groups[group]
        table[f"system calls, {name}"] = events.pop("raw_syscalls:sys_enter") / count
        table[f"syncs, {name}"] = sum(events.values()) / count
    return table


def count_slow(bed: Testbed, case: Case, count: int) -> tuple[Table, dict[str, str]]:
    """Runs jobs whose calls strace sees."""
    processes = Processes(bed.machine.init_pid)
    log = syscalls.count(bed, processes, case.argv(count), USER)
    table = {f"system calls, {name}": calls.total() / count for name, calls in log.calls.items()}
    frequent = {name: ", ".join(f"{calls[call] / count:.1f} {call}"
                                for call, _ in calls.most_common(12))
                for name, calls in log.calls.items()}
    for name, syncs in log.syncs.items():
        table |= {f"syncs, {name}: {kind}": number / count for kind, number in syncs.items()}
    return table, frequent


def measure(bed: Testbed, sizes: Sizes) -> dict[str, Costs]:
    """Returns what a job costs, for each case."""
    found = {}
    for case in CASES:
        print(f"counting: {case.label}", file=sys.stderr)
        bed.fresh()
        with bed.without_scheduler() if case.alone else contextlib.nullcontext():
            watched = watch(bed, case, sizes.watched)
            fast = count_fast(bed, case, sizes.counted)
            found[case.label] = Costs(watched, fast, *count_slow(bed, case, sizes.traced))
    return found
