# SPDX-License-Identifier: Apache-2.0
"""The base of the system tests: one booted machine a class, its journal kept when a test fails.

Guarantees: a class's machine is stopped and removed however the class ends; the trees are made once
a run; a failing test leaves the journal and the console in the artifacts folder.
"""

import atexit
import functools
import os
import pathlib
import shutil
import tempfile
import unittest
from collections.abc import Callable

from . import host, root, staging
from .machine import Machine
from .takt import Takt

SOCKETS = ("takt-scheduler.socket", "takt-worker.socket")
SERVICES = ("takt-scheduler.service", "takt-worker.service")
# Where package managers and systemd keep what they remember of any package.
NOT_OURS = ("/var/lib/dpkg", "/var/lib/apt", "/var/lib/rpm", "/var/cache", "/var/log",
            "/var/lib/systemd/timers", "/var/lib/systemd/catalog", "/etc/ld.so.cache", "/var/tmp",
            "/etc/takt-test")
# System users stay, and so do the copies of the files that they are in.
USER_FILES = {f"/etc/{name}-" for name in ("passwd", "group", "shadow", "gshadow", "subuid",
                                         "subgid")}


@functools.cache
def tree(fill: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Returns a folder that `fill` has filled, made once a run."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="takt-test-tree."))
    folder.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    fill(folder)
    return folder


def trees() -> tuple[pathlib.Path, pathlib.Path]:
    """Returns the folders with takt as installed and with the test tools."""
    return tree(staging.install_takt), tree(staging.install_test_tools)


@functools.cache
def base_root(*more: str) -> pathlib.Path:
    """Returns the cached root that can run what is installed, and has some more packages."""
    return root.prepare(*staging.needed_packages(trees()[0]), *more)


def artifacts_folder(suite: str) -> pathlib.Path:
    """Returns where the evidence of failures goes; TAKT_TEST_ARTIFACTS overrides it."""
    default = staging.SOURCE / "build" / f"{suite}-artifacts"
    return pathlib.Path(os.environ.get("TAKT_TEST_ARTIFACTS", default))


def keep_evidence(suite: str, name: str, text: str) -> None:
    """Writes what helps to understand a failure where it is looked for."""
    folder = artifacts_folder(suite)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    path.write_text(text)
    print(f"evidence kept: {path}", flush=True)


class EvidenceCase(unittest.TestCase):
    """A test class that keeps what evidence() says whenever a test of it fails."""

    suite = "system"

    def evidence(self) -> str:
        """Returns what helps to understand a failure."""
        raise NotImplementedError

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        before = self._troubles(result)
        outcome = super().run(result)
        if self._troubles(result) > before:
            self._keep_evidence()
        return outcome

    @staticmethod
    def _troubles(result: unittest.TestResult | None) -> int:
        return len(result.failures) + len(result.errors) if result else 0

    def _keep_evidence(self) -> None:
        keep_evidence(self.suite, self.id(), self.evidence())


class MachineCase(EvidenceCase):
    """A test class with a booted machine in self.machine; takt is installed and not started."""

    machine: Machine

    @classmethod
    def setUpClass(cls) -> None:
        cls.machine = Machine(base_root(), trees())
        cls.addClassCleanup(cls.machine.stop)
        cls.machine.boot()

    def evidence(self) -> str:
        processes = self.machine.run("ps", "-eo", "pid,ppid,user,cgroup,args", check=False)
        return (f"{self.machine.journal('-b')}\n--- processes\n{processes.stdout}\n"
                f"--- console\n{self.machine.console()}")


class PackagesCase(EvidenceCase):
    """A booted machine that has never heard of takt; packages lie on it as files."""

    packages = staging.install_packages  # puts them there: those of two versions
    tools: tuple[str, ...] = ()  # what else of the distribution is installed
    machine: Machine
    takt: Takt

    @classmethod
    def setUpClass(cls) -> None:
        cls.machine = Machine(base_root(*cls.tools), (tree(staging.install_test_tools),
                                                      tree(cls.packages)))
        cls.addClassCleanup(cls.machine.stop)
        cls.machine.boot()
        cls.takt = Takt(cls.machine)

    def evidence(self) -> str:
        return self.machine.journal("-b")

    def files(self) -> set[str]:
        """Returns all files that are there, but for what nobody would call takt's."""
        found = self.machine.run("find", "/etc", "/usr", "/var", "/opt", "/run/takt", "-xdev",
                                 check=False).lines
        return {path for path in found if not path.startswith(NOT_OURS)} - USER_FILES


class TaktCase(MachineCase):
    """A machine whose daemons are up, with the launcher that the class names."""

    launcher = "scope"
    takt: Takt

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.takt = Takt(cls.machine)
        cls.machine.write("/etc/takt/worker.conf.d/50-test.conf",
                          f"[jobs]\nlauncher = {cls.launcher}\n")
        cls.machine.run("systemctl", "start", *SOCKETS, *SERVICES)
        cls.takt.wait_for_ready_worker()

    def tearDown(self) -> None:
        """Whatever a test did, both daemons answer again afterwards."""
        self.machine.run("systemctl", "start", *SOCKETS, *SERVICES)
        self.takt.wait_for_ready_worker()

    def worker_pid(self) -> int:
        """Returns the worker's main process."""
        return host.main_pid(self.machine, "takt-worker.service")

    def worker_journal(self) -> str:
        """Returns what the worker has said."""
        return self.machine.run("journalctl", "-u", "takt-worker.service", "-o", "cat").stdout

    def wait_for_worker_to_say(self, text: str) -> None:
        """Waits until the worker's journal holds the text."""
        self.machine.wait_until(lambda: text in self.worker_journal(),
                                f"the worker to say {text!r}")

    def assert_nothing_left(self, *marks: str) -> None:
        """No process, supervisor, cgroup or scope of a job is left."""
        for mark in marks:
            self.assertEqual(host.processes_with(self.machine, mark), [])
        self.machine.wait_until(lambda: not host.supervisors(self.machine), "no supervisor")
        self.machine.wait_until(lambda: not host.job_cgroups(self.machine), "no job cgroup")
        self.machine.wait_until(lambda: not host.job_units(self.machine), "no scope")
