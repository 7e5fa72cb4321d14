# SPDX-License-Identifier: Apache-2.0
"""The machine itself, without looking at takt: what the other tests build on is true."""

import pathlib
import unittest

from machine import image
from machine.case import GuestCase
from machine.guest import BOOT_TIMEOUT_S, Guest
from machine.lines import Lines
from harness import hostcg

STATE, OTHER_STATE = "/var/lib/takt", "/var/lib/takt-scheduler"
COUNTER = f"{OTHER_STATE}/counter"
COUNTED = 100  # before the cut
UNREAD = 20_000  # lines


class Machine(GuestCase):
    """One machine that is booted twice."""

    def test_it_is_a_whole_system_with_every_controller(self) -> None:
        self.assertEqual(self.guest.run("systemctl", "is-system-running").stdout, "running\n")
        controllers = set(self.guest.read("/sys/fs/cgroup/cgroup.controllers").split())
        self.assertGreaterEqual(controllers, {"cpu", "io", "memory", "pids"})
        self.assertEqual(self.guest.read("/proc/sys/vm/dirty_writeback_centisecs"), "0\n")
        for disk in (STATE, OTHER_STATE):
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

    def test_what_was_synced_or_reported_outlives_a_cut_and_nothing_else(self) -> None:
        self.guest.shell(f"cd {STATE} && echo kept > kept && sync kept . && echo lost > lost &&"
                         " echo lost > new && mv new renamed")
        # On the other disk: syncing there makes nothing durable here.
        self.guest.begin(f"{image.INSIDE}/counter.py", COUNTER)
        self.guest.wait_until(lambda: len(self.guest.reports) >= COUNTED, "the counter's reports")
        self.guest.cut()
        self.assertTrue(self.guest.died())
        counted = [report["counted"] for report in self.guest.reports]
        self.assertEqual(counted, list(range(1, len(counted) + 1)))
        self.guest.boot()
        self.assertEqual(self.guest.read(f"{STATE}/kept"), "kept\n")
        self.assertFalse(self.guest.exists(f"{STATE}/lost"))
        self.assertFalse(self.guest.exists(f"{STATE}/renamed"))
        # A number is synced after it is reported, and before the next one is.
        self.assertIn(int(self.guest.read(COUNTER)), counted[-2:])


class Host(unittest.TestCase):
    """What a machine is to the host."""

    def test_a_line_keeps_what_the_host_has_not_read_yet(self) -> None:
        lines, read = Lines(), []
        _, machine = lines.add(read.append)
        machine.setblocking(False)  # as the emulator has it, which drops what does not fit
        for number in range(UNREAD):
            self.assertEqual(machine.send(f"{number}\n".encode()), len(f"{number}\n"))
        machine.close()
        lines.start()
        lines.join()
        self.assertEqual(read, [str(number).encode() for number in range(UNREAD)])

    def test_nothing_is_left_of_a_machine_that_is_stopped_while_it_boots(self) -> None:
        guest = Guest()
        self.addCleanup(guest.stop)
        folder = guest.folder
        guest.start()
        group = hostcg.mount_point() / guest.name
        self.assertTrue(group.is_dir())
        guest.wait_until(lambda: "RAM disk" in guest.console(), "the kernel", BOOT_TIMEOUT_S)
        guest.stop()
        self.assertFalse(group.exists())
        self.assertFalse(folder.exists())
        self.assertNotIn(guest.name, pathlib.Path("/proc/mounts").read_text())
