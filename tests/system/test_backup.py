# SPDX-License-Identifier: Apache-2.0
"""A backup is made while jobs are submitted; put back, it ends nothing that runs."""

import json
import subprocess

from harness.case import SERVICES, SOCKETS, TaktCase
from harness.host import show
from harness.staging import INSIDE
from harness.takt import unit_of

STATE = "/var/lib/takt-scheduler"
COPY = "/var/backups/takt.db"
SCHEDULER = (SOCKETS[0], SERVICES[0])


class Backup(TaktCase):
    """One machine, whose scheduler is set back in time."""

    def back_up(self, file: str, user: str | None = None, check: bool = True):
        """Runs takt-scheduler --backup."""
        return self.machine.run("takt-scheduler", "--backup", file, user=user, check=check)

    def put_back(self, file: str) -> None:
        """Does what takt-scheduler(8) says."""
        self.machine.run("systemctl", "stop", *SCHEDULER)
        self.machine.shell(f"rm -rf {STATE}.old && mkdir {STATE}.old && mv {STATE}/takt.db*"
                           f" {STATE}.old")
        self.machine.run("install", "-o", "takt-scheduler", "-g", "takt-scheduler", "-m", "600",
                         file, f"{STATE}/takt.db")
        self.machine.run("systemctl", "start", *SCHEDULER)

    def journal(self) -> str:
        """Returns what the scheduler has said."""
        return self.machine.run("journalctl", "-u", SERVICES[0], "-o", "cat").stdout

    def test_put_back_it_ends_nothing_that_runs(self) -> None:
        known = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(known, "JOB_STATE_RUNNING")
        verbs = self.machine.popen([f"{INSIDE}/verb_loop.py", "submit -- true"], user="alice",
                                   text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with verbs:
            self.assertEqual(verbs.stdout.readline(), "up\n")
            said = self.back_up(COPY).stdout
            counted = json.loads(verbs.communicate(timeout=120)[0])
        self.assertEqual(counted["failed"], [])
        self.assertRegex(said, rf"^{COPY}: store \S+, \d+ jobs, revision \d+, \d+ bytes, checked\n")
        self.assertEqual(self.machine.run("stat", "-c", "%a %U", COPY).stdout, "600 root\n")
        later = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(later, "JOB_STATE_RUNNING")
        pids = [show(self.machine, unit_of(job), "ControlGroup") for job in (known, later)]

        self.put_back(COPY)

        self.takt.wait_for_ready_worker()  # which has seen a scheduler since, and takes this one
        self.takt.wait_for_state(known, "JOB_STATE_RUNNING")
        unknown = self.takt.run("status", later, check=False)
        self.assertNotEqual(unknown.code, 0)
        self.assertIn(later, unknown.stderr)
        self.machine.wait_until(
            lambda: f"{later}.1" in self.journal() and "left alone" in self.journal(),
            "the orphan to be told")
        self.assertEqual([show(self.machine, unit_of(job), "ControlGroup")
                          for job in (known, later)], pids)
        self.assertEqual(self.takt.run("run", "--", "echo", "goes on").stdout, "goes on\n")
        self.takt.run("stop", known)
        self.takt.wait_for_end(known)

        self.assertIn(later, self.machine.run("takt", "orphans").stdout)
        self.machine.run("takt", "orphans", "--adopt", later)
        self.assertNotIn(later, self.machine.run("takt", "orphans").stdout)
        self.takt.wait_for_state(later, "JOB_STATE_RUNNING")
        self.assertEqual(show(self.machine, unit_of(later), "ControlGroup"), pids[1])
        self.takt.run("stop", later)  # by who submitted it
        self.takt.wait_for_end(later)

    def test_only_who_may_read_the_database_copies_it(self) -> None:
        refused = self.back_up("/tmp/mine.db", user="alice", check=False)
        self.assertEqual(refused.code, 1)
        self.assertIn("may not use", refused.stderr)
        self.assertIn("run this as root", refused.stderr)
        self.machine.run("rm", "-f", "/tmp/own.db")
        self.machine.run("systemctl", "stop", *SCHEDULER)
        self.back_up("/tmp/own.db", user="takt-scheduler")  # with nothing running, too
        again = self.back_up("/tmp/own.db", check=False)
        self.assertEqual(again.code, 1)
        self.assertIn("overwrites nothing", again.stderr)
        files = self.machine.run("stat", "-c", "%U", f"{STATE}/takt.db", f"{STATE}/lock").lines
        self.assertEqual(set(files), {"takt-scheduler"})

    def test_a_damaged_database_is_not_started_again_and_again(self) -> None:
        self.machine.run("rm", "-f", "/tmp/good.db")
        self.back_up("/tmp/good.db")
        self.machine.run("systemctl", "stop", *SCHEDULER)
        self.machine.run("truncate", "-s", "5000", f"{STATE}/takt.db")
        self.machine.run("systemctl", "start", SERVICES[0], check=False)
        self.machine.wait_until(
            lambda: show(self.machine, SERVICES[0], "ExecMainStatus") == "65", "exit code 65")
        self.assertEqual(show(self.machine, SERVICES[0], "NRestarts"), "0")
        self.assertIn("takt.db: the database is damaged", self.journal())
        self.put_back("/tmp/good.db")
        self.takt.wait_for_ready_worker()
