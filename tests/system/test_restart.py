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

    def reload(self, service: str, config: str) -> str:
        """Has a daemon read a new drop-in; returns what it says of that."""
        name = service.removeprefix("takt-").removesuffix(".service")
        self.machine.write(f"/etc/takt/{name}.conf.d/90-reload.conf", config)
        before = self.machine.run("journalctl", "-u", service, "-o", "cat").lines
        self.machine.run("systemctl", "reload", service)
        def said() -> str:
            lines = self.machine.run("journalctl", "-u", service, "-o", "cat").lines[len(before):]
            return "\n".join(lines) if any("reloaded" in line for line in lines) else ""
        return self.machine.wait_until(said, f"{service} to say what it reloaded")

    def test_reload_takes_what_can_change_and_names_the_rest(self) -> None:
        pid = self.worker_pid()
        said = self.reload("takt-worker.service", "[worker]\nlabels = role=db\nname = other\n"
                                                  "[jobs]\nslots = 3\n")
        self.assertIn("reloaded: worker.labels, jobs.slots", said)
        self.assertIn("worker.name: changed, and it takes a restart until that counts", said)
        def told() -> bool:
            worker = self.takt.wait_for_ready_worker()
            return (worker["labels"].get("role"), worker["capacity"]["slots"]) == ("db", 3)
        self.machine.wait_until(told, "the scheduler to know labels and slots")
        self.assertEqual(self.takt.run("run", "--on", "role=db", "--", "echo", "here").stdout,
                         "here\n")
        said = self.reload("takt-worker.service", "[jobs]\nslots = 4\nslot = 4\n")
        self.assertIn("not reloaded, all stays as it was", said)
        self.assertIn("90-reload.conf:3", said)
        self.assertEqual(self.takt.wait_for_ready_worker()["capacity"]["slots"], 3)
        self.machine.run("rm", "/etc/takt/worker.conf.d/90-reload.conf")
        self.machine.run("systemctl", "reload", "takt-worker.service")
        self.machine.wait_until(lambda: "role" not in self.takt.wait_for_ready_worker()["labels"],
                                "the labels to be as before")
        self.assertEqual(self.worker_pid(), pid)

    def test_reload_of_the_scheduler(self) -> None:
        pid = main_pid(self.machine, "takt-scheduler.service")
        said = self.reload("takt-scheduler.service", "[scheduler]\nlog_level = debug\n"
                                                     "[workers]\nunreachable_after = 20s\n")
        self.assertIn("reloaded: scheduler.log_level", said)
        self.assertIn("workers.unreachable_after: changed, and it takes a restart", said)
        self.machine.run("rm", "/etc/takt/scheduler.conf.d/90-reload.conf")
        self.machine.run("systemctl", "reload", "takt-scheduler.service")
        self.assertEqual(main_pid(self.machine, "takt-scheduler.service"), pid)

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
