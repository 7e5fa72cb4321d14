# SPDX-License-Identifier: Apache-2.0
"""Clients do not notice a restart of either daemon; a worker that was stopped stays stopped."""

import json
import re
import subprocess

from harness.case import TaktCase
from harness.host import main_pid, show
from harness.staging import INSIDE

RESTARTS = 5
WITNESS = "/var/tmp/witness"


class Restart(TaktCase):
    """Restarts under clients in loops."""

    def loop(self, program: str, *arguments: str) -> subprocess.Popen:
        """Starts a loop as alice and waits until it has done its first round."""
        process = self.machine.popen([f"{INSIDE}/{program}", *arguments], user="alice", text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def restart(self, service: str) -> None:
        """Restarts a service several times; each is over when systemd says so."""
        for _ in range(RESTARTS):
            self.machine.run("systemctl", "restart", service)

    def test_no_connection_is_refused(self) -> None:
        for name in ("scheduler", "worker"):
            with self.subTest(name):
                with self.loop("connect_loop.py", f"/run/takt/{name}.sock") as loop:
                    self.restart(f"takt-{name}.service")
                    said, _ = loop.communicate(timeout=60)
                counted = json.loads(said)
                self.assertGreater(counted["made"], RESTARTS)
                self.assertEqual(counted["refused"], {})

    def test_no_verb_fails(self) -> None:
        job = self.takt.submit("sh", "-c", "echo hello")
        self.takt.wait_for_end(job)
        verbs = ["list", "workers", f"status {job}", f"logs {job}", "submit -- true",
                 "run -- true", f"wait {job}"]
        for name in ("scheduler", "worker"):
            with self.subTest(name):
                with self.loop("verb_loop.py", *verbs) as loop:
                    self.restart(f"takt-{name}.service")
                    said, _ = loop.communicate(timeout=120)
                counted = json.loads(said)
                self.assertGreaterEqual(counted["ran"], len(verbs))
                self.assertEqual(counted["failed"], [])

    def test_stopped_worker_stays_stopped(self) -> None:
        self.machine.run("systemctl", "stop", "takt-worker.service")
        self.takt.wait_for_worker("AWAY")
        stopped = show(self.machine, "takt-worker.service", "InactiveEnterTimestampMonotonic")
        job = self.takt.submit("true")
        # A scheduler that has just come up dials every worker that it means to dial.
        self.machine.run("systemctl", "restart", "takt-scheduler.service")
        self.takt.wait_for_worker("AWAY")
        self.assertEqual(self.takt.job(job)["state"], "JOB_STATE_QUEUED")
        self.assertEqual(show(self.machine, "takt-worker.service", "ActiveState"), "inactive")
        self.assertEqual(
            show(self.machine, "takt-worker.service", "InactiveEnterTimestampMonotonic"), stopped)
        self.machine.run("systemctl", "start", "takt-worker.service")
        self.assertEqual(self.takt.wait_for_end(job)["state"], "JOB_STATE_SUCCEEDED")

    def test_status_line_tells_what_goes_on(self) -> None:
        self.takt.run("run", "--", "true")
        for service, text in (("takt-scheduler.service", "1 of 1 workers ready"),
                              ("takt-worker.service", "0 running, 0 starting; in session")):
            command = ("systemctl", "status", "--no-pager", service)
            self.machine.wait_until(
                lambda c=command, t=text: f'Status: "{t}' in self.machine.run(*c).stdout,
                f"{service} to say {text!r}")

    def test_daemons_may_open_all_descriptors_that_they_are_allowed(self) -> None:
        for service in ("takt-scheduler.service", "takt-worker.service"):
            limits = self.machine.read(f"/proc/{main_pid(self.machine, service)}/limits")
            soft, hard = re.search(r"Max open files +(\d+) +(\d+) ", limits).groups()
            self.assertEqual(soft, hard)

    def test_no_unit_of_ours_has_failed(self) -> None:
        failed = self.machine.run("systemctl", "list-units", "--state=failed", "--plain",
                                  "--no-legend", "takt*")
        self.assertEqual(failed.stdout, "")
