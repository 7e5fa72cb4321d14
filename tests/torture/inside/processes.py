# SPDX-License-Identifier: Apache-2.0
"""The processes of takt on this machine, told apart by what the kernel says of them."""

import dataclasses
import os
import pathlib
import re
import signal

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ATTEMPT = re.compile(rf"/(?:takt-job-)?({_UUID})\.(\d+)(?:\.scope)?(?:/|$)")


def attempt_of(cgroup: str) -> str:
    """Returns the attempt that a cgroup's path belongs to, as JOB.NUMBER; nothing if none."""
    found = _ATTEMPT.search(cgroup)
    return f"{found[1]}.{found[2]}" if found else ""


@dataclasses.dataclass(frozen=True)
class Process:
    """One process, as it was found."""

    pid: int
    parent: int
    state: str
    name: str
    words: str
    cgroup: str

    @property
    def attempt(self) -> str:
        """The attempt that it belongs to by its cgroup, as JOB.NUMBER; nothing if none."""
        return attempt_of(self.cgroup)

    @property
    def role(self) -> str:
        """worker, scheduler, spawner, hold, supervisor; or nothing of takt's."""
        if self.name in ("takt-worker", "takt-scheduler"):
            return self.name.removeprefix("takt-")
        if self.name != "takt-supervisor":
            return ""
        if "--hold" in self.words:
            return "hold"
        if self.cgroup.endswith("/job"):
            return ""  # the job itself, before it has executed its command
        return "supervisor" if self.attempt else "spawner"


def look_at(pid: int) -> Process | None:
    """Returns the process of this pid, if there is one."""
    folder = pathlib.Path("/proc") / str(pid)
    try:
        head, _, rest = (folder / "stat").read_text().rpartition(")")
        words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        groups = (folder / "cgroup").read_text().splitlines()
    except OSError:
        return None
    cgroup = next((line[3:] for line in groups if line.startswith("0::")), "")
    state, parent = rest.split()[:2]
    return Process(pid, int(parent), state, head.partition("(")[2], words.strip(), cgroup)


def everyone() -> list[Process]:
    """Returns all processes."""
    found = (look_at(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for process in found if process]


def with_role(role: str) -> list[Process]:
    """Returns takt's processes of one role. A supervisor that is not in its cgroup yet looks like
    the spawner, whose child it is; so the spawner is the worker's child."""
    all_of_them = everyone()
    found = [process for process in all_of_them if process.role == role]
    if role == "spawner":
        workers = {process.pid for process in all_of_them if process.role == "worker"}
        found = [process for process in found if process.parent in workers]
    return found


class Held:
    """A process by a descriptor: signals reach this one or nobody."""

    def __init__(self, process: Process):
        self.process = process
        self._fd = -1
        try:
            self._fd = os.pidfd_open(process.pid)
        except OSError:
            return
        again = look_at(process.pid)
        if again is None or again.role != process.role or again.attempt != process.attempt:
            self.close()

    def send(self, number: signal.Signals) -> bool:
        """Sends a signal; says whether there was somebody to get it."""
        if self._fd < 0:
            return False
        try:
            signal.pidfd_send_signal(self._fd, number)
        except OSError:
            return False
        return True

    @property
    def alive(self) -> bool:
        """Whether it was there when the descriptor was opened."""
        return self._fd >= 0

    def close(self) -> None:
        """Lets go of it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
