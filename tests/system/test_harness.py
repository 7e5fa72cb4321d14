# SPDX-License-Identifier: Apache-2.0
"""The test machine itself, without takt: what the other tests build on is true."""

import pathlib
import tempfile
import unittest

from harness import hostcg, root, staging
from harness.host import processes_with
from harness.machine import Machine

TOOLS = str(staging.INSIDE)


class PlainMachine(unittest.TestCase):
    """One machine with the test tools and nothing else."""

    machine: Machine

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        tree = pathlib.Path(folder.name)
        tree.chmod(0o755)
        staging.install_test_tools(tree)
        cls.machine = Machine(root.prepare(), [tree])
        cls.addClassCleanup(cls.machine.stop)
        cls.machine.boot()

    def test_systemd_is_up_and_the_journal_records(self) -> None:
        self.assertEqual(self.machine.run("systemctl", "is-system-running").stdout, "running\n")
        self.machine.run("systemd-cat", "echo", "a line of the test")
        self.machine.run("journalctl", "--sync")
        self.assertIn("a line of the test", self.machine.journal())

    def test_commands_report_what_they_did(self) -> None:
        done = self.machine.shell("cat; echo oops >&2; exit 3", check=False, stdin="text")
        self.assertEqual((done.stdout, done.stderr, done.code), ("text", "oops\n", 3))
        self.assertEqual(self.machine.run("id", "-un", user="alice").stdout, "alice\n")
        self.machine.write("/etc/takt-test/file", "content\n")
        self.assertEqual(self.machine.read("/etc/takt-test/file"), "content\n")

    def test_the_resisting_tree_resists_all_but_cgroup_kill(self) -> None:
        mark = "mark-of-the-harness"
        self.machine.run("systemd-run", "--unit=resist", "--property=SendSIGKILL=no",
                         "--property=TimeoutStopSec=1", f"{TOOLS}/resist.py", mark)
        self.machine.wait_until(lambda: "tree up 9" in self.machine.journal("-u", "resist"),
                                "the tree")
        self.assertEqual(len(processes_with(self.machine, mark)), 9)
        self.machine.run("systemctl", "stop", "resist")
        self.assertEqual(len(processes_with(self.machine, mark)), 9)
        self.machine.shell("echo 1 > /sys/fs/cgroup/system.slice/resist.service/cgroup.kill")
        self.machine.wait_until(lambda: not processes_with(self.machine, mark), "the tree's end")

    def test_the_connect_loop_sees_a_refusal(self) -> None:
        with self.machine.popen([f"{TOOLS}/connect_loop.py", "/run/no-such-socket"],
                                stdin=-1, stdout=-1, text=True) as loop:
            said, _ = loop.communicate()
        self.assertIn("ENOENT", said)

    def test_nothing_is_left_of_a_stopped_machine(self) -> None:
        machine = Machine(root.prepare())
        with machine:
            process = machine.popen(["sh", "-c", "echo up; exec sleep infinity"], stdout=-1)
            self.assertEqual(process.stdout.readline(), b"up\n")
            group = hostcg.mount_point() / machine.name
            self.assertTrue(group.is_dir())
        with process:
            self.assertNotEqual(process.wait(), 0)
        self.assertFalse(group.exists())
        self.assertNotIn(machine.name, pathlib.Path("/proc/mounts").read_text())
