# SPDX-License-Identifier: Apache-2.0
"""The machine itself, without looking at takt: what the other tests build on is true."""

import pathlib
import unittest

from uml.case import GuestCase
from uml.guest import Guest
from harness import hostcg

STATE = "/var/lib/takt"


class Machine(GuestCase):
    """One machine that is booted twice."""

    def test_it_is_a_whole_system_with_every_controller(self) -> None:
        self.assertEqual(self.guest.run("systemctl", "is-system-running").stdout, "running\n")
        controllers = set(self.guest.read("/sys/fs/cgroup/cgroup.controllers").split())
        self.assertGreaterEqual(controllers, {"cpu", "io", "memory", "pids"})
        self.assertEqual(self.guest.read("/proc/sys/vm/dirty_writeback_centisecs"), "0\n")
        for disk in (STATE, "/var/lib/takt-scheduler"):
            options = self.guest.run("findmnt", "-no", "OPTIONS", disk).stdout
            self.assertIn("commit=300", options)

    def test_commands_report_what_they_did(self) -> None:
        done = self.guest.shell("cat; echo oops >&2; exit 3", check=False, stdin="text")
        self.assertEqual((done.stdout, done.stderr, done.code), ("text", "oops\n", 3))
        self.assertEqual(self.guest.run("id", "-un", user="alice").stdout, "alice\n")
        lines = self.guest.run("seq", "20000").lines
        self.assertEqual((len(lines), lines[-1]), (20000, "20000"))

    def test_commands_run_side_by_side_and_a_hang_is_noticed(self) -> None:
        hanging = self.guest.begin("sleep", "1000")
        with self.assertRaisesRegex(AssertionError, "waited 1 s in vain for sleep 1001"):
            self.guest.run("sleep", "1001", timeout_s=1)
        self.assertFalse(hanging.done())

    def test_only_what_was_synced_outlives_a_cut(self) -> None:
        self.guest.shell(f"cd {STATE} && echo kept > kept && sync kept . && echo lost > lost &&"
                         " echo lost > new && mv new renamed; echo '{\"told\": 1}' > /dev/ttyS1")
        self.guest.cut()
        self.assertEqual(self.guest.reports[-1], {"told": 1})
        self.assertTrue(self.guest.died())
        self.guest.boot()
        self.assertEqual(self.guest.read(f"{STATE}/kept"), "kept\n")
        self.assertFalse(self.guest.exists(f"{STATE}/lost"))
        self.assertFalse(self.guest.exists(f"{STATE}/renamed"))


class Host(unittest.TestCase):
    """What a machine is to the host."""

    def test_nothing_is_left_of_a_machine_that_is_stopped_while_it_boots(self) -> None:
        guest = Guest()
        folder = guest.folder
        guest.start()
        group = hostcg.mount_point() / guest.name
        self.assertTrue(group.is_dir())
        guest.wait_until(lambda: "Linux" in guest.console() or "systemd" in guest.console(),
                         "a sign of life")
        guest.stop()
        self.assertFalse(group.exists())
        self.assertFalse(folder.exists())
        self.assertNotIn(guest.name, pathlib.Path("/proc/mounts").read_text())
