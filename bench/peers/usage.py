# SPDX-License-Identifier: Apache-2.0
"""What the kernel has counted so far for the machine and takt's processes in it.

All of it is read on the host, where the machine's processes and cgroups are seen from outside.
"""

import pathlib
import time

from testbed import HOLDER, Testbed
from harness import hostcg

SCHEDULER, WORKER, JOBS = "takt-scheduler.service", "takt-worker.service", "takt-jobs.slice"
SYSTEMD = ("init.scope", "dbus.service", "systemd-journald.service")
INNER = {JOBS: f"takt.slice/{JOBS}", "init.scope": "init.scope"}  # below the machine's root
TICK_US = 10_000  # of /proc/stat
BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
PROC = pathlib.Path("/proc")

Counts = dict[str, float]  # by what is counted; one reading less another is what came between


class Processes:
    """The host's view of the machine: cgroups of units, pids of takt's programs."""

    def __init__(self, init_pid: int):
        line = next(line for line in (PROC / str(init_pid) / "cgroup").read_text().splitlines()
                    if line.startswith("0::"))
        self.base = pathlib.PurePath(line[3:]).parent
        self.scheduler = self._find(SCHEDULER, "takt-scheduler")  # 0 while it is stopped
        self.worker = self._find(WORKER, "takt-worker")
        self.spawner = self._find(WORKER, "takt-supervisor", self.worker)

    def group(self, unit: str) -> str:
        """Returns the path of a unit's cgroup below the host's cgroup2 mount."""
        inner = INNER.get(unit, f"system.slice/{unit}")
        return str(self.base / inner).lstrip("/")

    def folder(self, unit: str) -> pathlib.Path:
        """Returns the cgroup of a unit as a directory."""
        return hostcg.mount_point() / self.group(unit)

    def _find(self, unit: str, name: str, parent: int = 0) -> int:
        folder = self.folder(unit)
        if not folder.exists():
            return 0
        for pid in map(int, (folder / "cgroup.procs").read_text().split()):
            stat = (PROC / str(pid) / "stat").read_text()
            comm, rest = stat[stat.index("(") + 1:].rsplit(") ", 1)
            if comm == name[:15] and (not parent or int(rest.split()[1]) == parent):
                return pid
        raise RuntimeError(f"no process {name} in {unit}")


def threads(pid: int) -> dict[str, float]:
    """Returns the microseconds of processor time of a process's threads, by their names."""
    found: dict[str, float] = {}
    for task in (PROC / str(pid) / "task").iterdir():
        try:
            name = "main" if task.name == str(pid) else (task / "comm").read_text().strip()
            used_ns = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended: only its cgroup knows what it has used
        found[name] = found.get(name, 0) + used_ns / 1000
    return found


def group_us(folder: pathlib.Path) -> float:
    """Returns the microseconds of processor time of a cgroup and all that was ever below it; 0
    where it does not exist."""
    if not folder.exists():
        return 0
    first = (folder / "cpu.stat").read_text().split()
    return float(first[first.index("usage_usec") + 1])


def read(bed: Testbed, processes: Processes) -> Counts:
    """Returns all counts as they are now; those of the disk after a sync."""
    bed.machine.run("sync")
    stat = (PROC / "stat").read_text().splitlines()
    ticks = [int(field) for field in stat[0].split()[1:]]
    counts = {"seconds": time.monotonic(),
              "switches": float(next(l for l in stat if l.startswith("ctxt")).split()[1]),
              "busy": float(sum(ticks[at] for at in BUSY) * TICK_US),
              "written": float(bed.disk.written_bytes()), "flushes": float(bed.disk.flushes())}
    for name, pid in (("scheduler", processes.scheduler), ("worker", processes.worker)):
        if pid:
            counts |= {f"{name}: {thread}": used for thread, used in threads(pid).items()}
    counts["spawner"] = sum(threads(processes.spawner).values())
    for unit in (SCHEDULER, WORKER, JOBS, *SYSTEMD):
        counts[unit] = group_us(processes.folder(unit))
    return counts


def difference(after: Counts, before: Counts) -> Counts:
    """Returns what came between two readings."""
    return {name: value - before.get(name, 0) for name, value in after.items()}
