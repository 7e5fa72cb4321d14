# SPDX-License-Identifier: Apache-2.0
"""The machine that everything is measured in: systemd booted in a container, takt from its
packages, the peers from the distribution's.

Guarantees: no process, cgroup, mount, device or file is left after close(); every command in the
machine has a time limit.
"""

import contextlib
import json
import pathlib
import shutil
import sys
from collections.abc import Iterator, Sequence

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "system"))

from harness import case, root, staging  # noqa: E402
from harness.case import SERVICES, SOCKETS  # noqa: E402
from harness.machine import Machine  # noqa: E402
from harness.process import Result  # noqa: E402
from harness.takt import Takt  # noqa: E402

from disk import Disk  # noqa: E402

PEERS = ("parallel", "task-spooler")  # packages of Debian
PROGRAMS = ("raw", "client")
INSIDE = pathlib.Path("/opt/takt-bench")
RAW, CLIENT = (str(INSIDE / name) for name in PROGRAMS)
USER = "alice"
FOLDERS = {"worker": "/var/lib/takt", "scheduler": "/var/lib/takt-scheduler"}
HOLDER = "takt-jobs-direct.service"
CONFIGURATION = "/etc/takt/worker.conf.d/50-bench.conf"
COMMAND_S = 300  # no measurement takes longer
DIRECT_SLOTS = 10000  # a direct job holds its slot until it has ended; the next start does not wait
LAUNCHERS = ("cgroup", "scope")


def install_programs(tree: pathlib.Path) -> None:
    """Puts our own programs and the users below `tree`."""
    target = tree / INSIDE.relative_to("/")
    target.mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy2(SOURCE / "build" / "dev" / "bench" / name, target)
    users = tree / "usr/lib/sysusers.d/zz-takt-bench.conf"
    users.parent.mkdir(parents=True)
    users.write_text(staging.TEST_USERS)


def wait_script(launcher: str, count: int) -> str:
    """Returns the shell script of the whole way: an array is submitted, and waited for."""
    return (f"takt wait $(takt submit --no-journal -n --launcher {launcher} --array {count} "
            "-- /bin/true)")


class Testbed:
    """A booted machine; fresh() starts takt in it on an empty disk."""

    def __init__(self):
        takt = case.tree(staging.install_takt)
        peers = PEERS if root.is_debian() else ()
        base = root.prepare(*staging.needed_packages(takt), *peers)
        self.slots = 0
        self.disk = Disk()
        self.machine = Machine(base, (takt, case.tree(install_programs)))
        try:
            self.machine.boot()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Testbed":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the machine and removes the disk."""
        self.machine.stop()
        self.disk.close()

    def fresh(self) -> None:
        """Restarts takt on a new file system, and runs a few jobs by each launcher."""
        # The sockets too: a daemon that calls the other one would start it again.
        self.machine.run("systemctl", "stop", *SOCKETS, *SERVICES, HOLDER)
        self.machine.shell(self.disk.unmount_script(FOLDERS))
        self.disk.make()
        self.machine.shell(self.disk.mount_script(FOLDERS))
        self._configure(16)
        self.machine.run("systemctl", "start", *SOCKETS, *SERVICES)
        Takt(self.machine, USER).wait_for_ready_worker()
        self.slots = 16
        for launcher in LAUNCHERS:
            self.time_shell(wait_script(launcher, 20))

    def set_slots(self, slots: int) -> None:
        """Gives the worker another number of slots; returns when the scheduler knows."""
        if slots == self.slots:
            return
        self._configure(slots)
        self.machine.run("systemctl", "reload", "takt-worker.service")
        takt = Takt(self.machine, USER)
        self.machine.wait_until(
            lambda: takt.workers()[0]["capacity"]["slots"] == slots, f"{slots} slots")
        self.slots = slots

    @contextlib.contextmanager
    def without_scheduler(self) -> Iterator[None]:
        """The scheduler is stopped within, and the worker has slots for all direct starts; the
        scheduler has the worker back as it was on return."""
        scheduler = [unit for unit in (*SOCKETS, *SERVICES) if "scheduler" in unit]
        slots = self.slots
        self.set_slots(DIRECT_SLOTS)
        self.machine.run("systemctl", "stop", *scheduler)
        try:
            yield
        finally:
            self.machine.run("systemctl", "start", *scheduler)
            Takt(self.machine, USER).wait_for_ready_worker()
            self.set_slots(slots)

    def _configure(self, slots: int) -> None:
        self.machine.write(CONFIGURATION, f"[jobs]\nslots = {slots}\n")

    def run(self, *argv: str, user: str | None = None) -> Result:
        """Runs a command in the machine; a code other than 0 raises CommandFailed."""
        return self.machine.run(*argv, user=user, timeout_s=COMMAND_S)

    def json(self, *argv: str, user: str | None = None) -> dict:
        """Runs one of our programs in the machine; returns what it printed."""
        return json.loads(self.run(*argv, user=user).stdout)

    def time(self, count: int, argv: Sequence[str], user: str | None = USER) -> dict:
        """Times a command in the machine, `count` times."""
        return self.json(RAW, "time", str(count), *argv, user=user)

    def time_shell(self, script: str, user: str | None = USER) -> float:
        """Returns how many seconds a shell script takes in the machine."""
        return self.time(1, ["sh", "-ec", script], user)["us"][0] / 1e6
