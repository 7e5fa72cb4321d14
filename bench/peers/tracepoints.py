# SPDX-License-Identifier: Apache-2.0
"""System calls of cgroups, counted by the kernel at full speed: perf's tracepoints.

perf counts calls, not writes to a file that is open with O_DSYNC; syscalls.py sees those.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence

from testbed import COMMAND_S, Testbed

SYNCS = ("fsync", "fdatasync", "syncfs", "sync", "sync_file_range", "msync")
CALLS = "raw_syscalls:sys_enter"
EVENTS = (*(f"syscalls:sys_enter_{name}" for name in SYNCS), CALLS)
# Tracepoints are named in a file system that not every host has mounted; ours ends with perf.
MOUNTED = ('mountpoint -q /sys/kernel/tracing || mount -t tracefs nodev /sys/kernel/tracing; '
           'exec perf "$@"')


def available() -> bool:
    """Says whether perf is installed."""
    return shutil.which("perf") is not None


def count(bed: Testbed, groups: Sequence[str], argv: Sequence[str],
          user: str) -> dict[str, dict[str, int]]:
    """Runs argv in the machine; returns by cgroup, and then by event, how many there were."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-perf.") as folder:
        out = pathlib.Path(folder) / "counts"
        perf = ["stat", "-x,", "-o", str(out), "-a", "-e", ",".join(EVENTS), "--for-each-cgroup",
                ",".join(groups), "--", *bed.machine.command(argv, user)]
        done = subprocess.run(["unshare", "--mount", "sh", "-c", MOUNTED, "perf", *perf],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=COMMAND_S, env={**os.environ, "LC_ALL": "C"})
        if done.returncode != 0:
            raise RuntimeError(f"perf failed with {done.returncode}: {done.stderr}")
        return parse(out.read_text())


def parse(text: str) -> dict[str, dict[str, int]]:
    """Reads what `perf stat -x,` has written."""
    counts: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 3 and fields[0].isdigit():
            counts.setdefault(fields[3], {})[fields[2].split("sys_enter_")[-1]] = int(fields[0])
    return counts
