# SPDX-License-Identifier: Apache-2.0
"""A machine with a kernel of its own, which is one process here: the emulator.

Guarantees: cut() is a power cut: whatever the guest had not given to its disks is gone. What the
guest had written to a serial line when its write returned is here, whole. The process lives below
one cgroup, all else in one folder; stop() leaves nothing of them. Every wait has a bound.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import tempfile
import time

from harness import hostcg
from harness.inside import COMMAND_TIMEOUT_S, Inside
from harness.process import CommandFailed, Result

from . import emulator, image
from .lines import Lines

BOOT_TIMEOUT_S = 300
DOWN_TIMEOUT_S = 180
LOOK_S = 0.2  # between two looks whether the machine is still there
_serial = itertools.count(1)

# Arguments: leaf cgroup, command.
START_SCRIPT = 'echo $$ > "$1/cgroup.procs" && shift && exec "$@"'


class Guest(Inside):
    """One machine over any number of boots: its disks stay until stop()."""

    def __init__(self) -> None:
        self.name = f"takt-vm-{os.getpid()}-{next(_serial)}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}."))
        self._disks = [image.make_root_disk(self.folder / "root"),
                       *(image.make_state_disk(self.folder / name)
                         for name in ("worker", "scheduler"))]
        self._process: subprocess.Popen | None = None
        self._cgroup: hostcg.HostCgroup | None = None
        self._lines: Lines | None = None
        self._commands: socket.socket | None = None
        self._answers: dict[int, concurrent.futures.Future] = {}
        self._ids = itertools.count(1)
        self._console: list[str] = []
        self._boot = 0  # where the console of this boot begins
        self.reports: list[dict] = []  # what was told on their serial line, over all boots

    def start(self, *kernel_arguments: str) -> None:
        """Begins to boot."""
        assert self._process is None, "it runs"
        self._answers = {0: concurrent.futures.Future()}  # the first line, unasked
        self._lines = Lines()
        self._commands, commands = self._lines.add(self._on_answer)
        ends = [commands, *(self._lines.add(handler)[1] for handler in (
            self._on_report, self._on_console, self._on_console))]
        *lines, console = (end.fileno() for end in ends)
        command = emulator.command(self._disks, lines, console, kernel_arguments)
        self._boot = len(self._console)
        self._console.append(f"--- boot of {self.name}")
        self._cgroup = hostcg.HostCgroup(self.name)
        self._process = subprocess.Popen(
            ["sh", "-c", START_SCRIPT, "start", str(self._cgroup.nspawn), *command],
            pass_fds=[*lines, console], stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        for end in ends:
            end.close()
        self._lines.start()

    def boot(self, *kernel_arguments: str) -> None:
        """Boots; returns when systemd says that it is up."""
        self.start(*kernel_arguments)
        self._wait(self._answers[0], BOOT_TIMEOUT_S, "the boot")
        state = self.run("systemctl", "is-system-running", "--wait", check=False,
                         timeout_s=BOOT_TIMEOUT_S).stdout.strip()
        if state not in ("running", "degraded"):
            raise RuntimeError(f"{self.name} came up as {state!r}\n{self.console()}")

    def cut(self) -> None:
        """Cuts the power."""
        self._cgroup.kill()
        self._ended()

    def power_off(self, verb: str = "poweroff") -> None:
        """Has systemd take the machine down; returns when it has gone."""
        self.begin("systemctl", verb)
        try:
            self._process.wait(DOWN_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not go down\n{self.console()}") from None
        self._cgroup.kill()
        self._ended()

    def stop(self) -> None:
        """Ends the machine, if it runs, and removes what it left on the host."""
        if self._process:
            self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self, *argv: str, user: str | None = None,
              stdin: str = "") -> concurrent.futures.Future:
        """Starts a command; the result has its code, stdout and stderr."""
        number = next(self._ids)
        answer = self._answers[number] = concurrent.futures.Future()
        asked = {"id": number, "argv": argv, "user": user, "stdin": stdin}
        self._commands.sendall(json.dumps(asked).encode() + b"\n")
        return answer

    def run(self, *argv: str, check: bool = True, user: str | None = None, stdin: str = "",
            timeout_s: float = COMMAND_TIMEOUT_S) -> Result:
        command = shlex.join(argv)
        done = self._wait(self.begin(*argv, user=user, stdin=stdin), timeout_s, command)
        result = Result(command, done["code"], done["stdout"], done["stderr"])
        if check and result.code != 0:
            raise CommandFailed(result)
        return result

    def console(self) -> str:
        """Returns what kernel and journal said, over all boots."""
        return "\n".join(self._console)

    def said(self) -> str:
        """Returns what they said in this boot."""
        return "\n".join(self._console[self._boot:])

    def died(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _ended(self) -> None:
        """Takes in what was left on the lines, and forgets the process."""
        self._process.wait()
        self._lines.join()
        self._cgroup.remove()
        self._process = self._cgroup = self._lines = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"{self.name} went down"))

    def _wait(self, answer: concurrent.futures.Future, timeout_s: float, what: str) -> dict:
        """Waits for an answer, as long as the machine is there."""
        deadline = time.monotonic() + timeout_s
        while not concurrent.futures.wait([answer], LOOK_S).done:
            if self.died():
                raise AssertionError(f"{self.name} died under: {what}\n{self.console()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
        return answer.result()

    def _on_answer(self, line: bytes) -> None:
        answer = json.loads(line)
        self._answers[answer.get("id", 0)].set_result(answer)

    def _on_report(self, line: bytes) -> None:
        self.reports.append(json.loads(line))

    def _on_console(self, line: bytes) -> None:
        self._console.append(line.decode(errors="replace"))
