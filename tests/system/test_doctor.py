# SPDX-License-Identifier: Apache-2.0
"""takt doctor on a host that is well, and on one that is not."""

import json

from harness.case import SERVICES, SOCKETS, TaktCase
from harness.process import Result

WORKER_DROP_IN = "/etc/takt/worker.conf.d/90-doctor.conf"


class Doctor(TaktCase):
    """What it says of a scheduler and a worker on one host."""

    def doctor(self, user: str = "alice") -> Result:
        """Has it look, as a user."""
        return self.machine.run("takt", "doctor", user=user, check=False)

    def assert_first_failure(self, said: Result, what: str, remedy: str) -> None:
        """The first thing that FAILED is this, and what to do stands below it."""
        self.assertEqual(said.code, 1, said)
        lines = said.stdout.splitlines()
        at = next(n for n, line in enumerate(lines) if line.startswith("FAILED"))
        self.assertIn(what, lines[at])
        remedies = [line for line in lines[at:] if line.startswith("        -> ")]
        self.assertIn(remedy, remedies[0])

    def test_all_is_well(self) -> None:
        said = self.doctor()
        self.assertEqual((said.code, said.stderr), (0, ""), said)
        for line in ("ok      /etc/takt/worker.conf and its drop-ins have no mistake",
                     "ok      control groups (cgroup2) at /sys/fs/cgroup",
                     "ok      systemd is PID 1, and the system bus answers",
                     "ok      /usr/lib/takt/takt-supervisor can be run",
                     "ok      the worker's socket /run/takt/worker.sock is served",
                     "ok      the scheduler answers",
                     "ok      this host's clock and the scheduler's agree",
                     "ok      1 worker is ready"):
            self.assertIn(line, said.stdout.splitlines())

    def test_who_is_not_in_the_group_is_told_how_to_join(self) -> None:
        said = self.doctor("mallory")
        self.assertEqual(said.code, 1)
        self.assertIn("sudo usermod -aG takt mallory", said.stdout)

    def test_mistake_in_the_configuration_comes_first(self) -> None:
        self.machine.write(WORKER_DROP_IN, "[jobs]\nslot = 3\n")
        try:
            self.machine.run("systemctl", "stop", *SOCKETS, *SERVICES)
            said = self.doctor()
            self.assert_first_failure(said, "the configuration has mistakes", "mend ")
            self.assertIn(f"{WORKER_DROP_IN}:2", said.stdout)
            self.assertGreater(said.stdout.count("FAILED"), 2, said)
        finally:
            self.machine.run("rm", WORKER_DROP_IN)

    def test_limit_that_this_host_cannot_enforce(self) -> None:
        self.machine.write(WORKER_DROP_IN, "[jobs]\nmemory_max = 1G\n")
        try:
            self.assert_first_failure(
                self.doctor(), "memory_max in worker.conf needs the controller memory, which is"
                " missing: every job is refused", "take memory_max out, or bring the controller")
            self.machine.run("systemctl", "reload", "takt-worker.service")
            self.wait_for_worker_to_say("reloaded: jobs.memory_max")
            self.assertEqual(self.takt.run("run", "--", "true", check=False).code, 125)
        finally:
            self.machine.run("rm", WORKER_DROP_IN)
            self.machine.run("systemctl", "reload", "takt-worker.service")

    def test_scheduler_tells_its_version(self) -> None:
        version = self.machine.run("takt-scheduler", "--version").stdout.split()[-1]
        answer = json.loads(self.takt.run("workers", "--json").stdout)
        self.assertEqual(answer["scheduler_version"], version)

    def test_bus_that_is_away(self) -> None:
        self.machine.run("systemctl", "stop", "dbus.socket", "dbus.service")
        try:
            self.assert_first_failure(self.doctor(), "the system bus does not answer",
                                      "sudo systemctl start dbus.socket")
        finally:
            self.machine.run("systemctl", "start", "dbus.socket")

    def test_scheduler_that_is_stopped(self) -> None:
        self.machine.run("systemctl", "stop", "takt-scheduler.socket", "takt-scheduler.service")
        said = self.doctor()
        self.assert_first_failure(said, "sudo systemctl start takt-scheduler.socket",
                                  "journalctl -u takt-scheduler")

    def test_worker_that_is_stopped(self) -> None:
        self.machine.run("systemctl", "stop", "takt-worker.socket", "takt-worker.service")
        self.takt.wait_for_worker("AWAY")
        said = self.doctor()
        self.assert_first_failure(said, "the worker", "sudo systemctl enable --now takt-worker")
        self.assertIn("FAILED  no worker is ready: jobs wait in the queue", said.stdout)
