# SPDX-License-Identifier: Apache-2.0
"""System calls of each of takt's programs, by strace. It slows them down many times: what is
counted here depends on how many jobs there are, and hardly on how fast they come.
"""

import collections
import contextlib
import pathlib
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

from testbed import Testbed
from usage import PROC, Processes

PATIENCE_S = 30
COMMAND = '"/bin/true"'
ALWAYS_SYNC = ("fsync", "fdatasync", "syncfs", "sync", "sync_file_range")
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "fallocate")
START = re.compile(r"^(\d+) +(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
RESULT = re.compile(r"= (-?\d+)[^=]*$")

Calls = dict[str, collections.Counter]  # program → call → how many


@contextlib.contextmanager
def attached(log: pathlib.Path, pids: Sequence[int]) -> Iterator[None]:
    """strace writes to the log, within, what these processes and their children call."""
    log.touch()
    if not pids:
        yield
        return
    command = ["strace", "-f", "-qq", "-s", "16", "-e", "signal=none", "-o", str(log)]
    for pid in pids:
        command += ["-p", str(pid)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as strace:
        try:
            wait_until_traced(strace, pids)
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            try:
                strace.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                strace.kill()


def tids(pid: int) -> list[int]:
    """Returns the ids of a process's threads."""
    return [int(task.name) for task in (PROC / str(pid) / "task").iterdir()]


def wait_until_traced(strace: subprocess.Popen, pids: Sequence[int]) -> None:
    """Waits until strace is attached to all threads of these processes."""
    waiting = [task for pid in pids for task in (PROC / str(pid) / "task").iterdir()]
    for _ in range(PATIENCE_S * 20):
        waiting = [task for task in waiting if task.exists()
                   and "TracerPid:\t0\n" in (task / "status").read_text()]
        if not waiting:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise RuntimeError(f"strace ended with {strace.wait(0.05)}")
    raise RuntimeError("strace does not attach")


class Log:
    """Counts what a log of strace holds."""

    def __init__(self, names: dict[int, str], others: str):
        self.calls: Calls = collections.defaultdict(collections.Counter)
        self.syncs: Calls = collections.defaultdict(collections.Counter)
        self._names = names  # of programs, by pid
        self._others = others  # of processes that began later
        self._commands: set[int] = set()
        self._synced: set[tuple[str, int]] = set()  # descriptors with O_DSYNC, by program
        self._unfinished: dict[int, str] = {}

    def program(self, pid: int) -> str:
        """Returns whose calls the process makes now."""
        if pid in self._commands:
            return "the command"
        return self._names.get(pid, self._others)

    def read(self, path: pathlib.Path) -> None:
        """Counts all lines of a log."""
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                self._line(line.rstrip("\n"))

    def _line(self, line: str) -> None:
        if match := RESUMED.match(line):
            pid, name, rest = int(match[1]), match[2], match[3]
            self._finished(pid, name, self._unfinished.pop(pid, "") + rest)
        elif match := START.match(line):
            pid, name, rest = int(match[1]), match[2], match[3]
            self.calls[self.program(pid)][name] += 1
            if rest.endswith("<unfinished ...>"):
                self._unfinished[pid] = rest
            else:
                self._finished(pid, name, rest)

    def _finished(self, pid: int, name: str, text: str) -> None:
        """Takes note of what a call did: `text` is its arguments and its result."""
        program = self.program(pid)
        result = RESULT.search(text)
        value = int(result[1]) if result else -1
        owner = program if pid in self._names else f"{program} {pid}"
        if name == "execve" and value == 0 and text.startswith(COMMAND):
            self._commands.add(pid)
        elif name in ("open", "openat", "openat2") and value >= 0:
            synced = re.search(r"\bO_D?SYNC\b", text) is not None
            (self._synced.add if synced else self._synced.discard)((owner, value))
        elif name in ALWAYS_SYNC or name == "msync" and "MS_SYNC" in text:
            self.syncs[program][name] += 1
        elif name in WRITES:
            descriptor = text.split(",")[0].rstrip(")")
            if "RWF_DSYNC" in text or "RWF_SYNC" in text or (
                    descriptor.isdigit() and (owner, int(descriptor)) in self._synced):
                self.syncs[program]["O_DSYNC"] += 1
        elif name == "close" and text.split(")")[0].isdigit():
            self._synced.discard((owner, int(text.split(")")[0])))


def count(bed: Testbed, processes: Processes, argv: Sequence[str], user: str) -> Log:
    """Runs argv in the machine while takt is traced; returns what was called."""
    with tempfile.TemporaryDirectory(prefix="takt-bench-strace.") as folder:
        logs = [pathlib.Path(folder) / name for name in ("scheduler", "worker")]
        scheduler = [pid for pid in (processes.scheduler,) if pid]
        with attached(logs[0], scheduler), \
                attached(logs[1], [processes.worker, processes.spawner]):
            bed.run(*argv, user=user)
            names = {tid: name for name, pids in (
                ("scheduler", scheduler), ("worker", [processes.worker]),
                ("spawner", [processes.spawner])) for pid in pids for tid in tids(pid)}
        result = Log(names, "supervisors")
        for log in logs:
            result.read(log)
    return result
