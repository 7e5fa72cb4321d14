# SPDX-License-Identifier: Apache-2.0
"""journalctl -x says what a line means, and what to do next."""

from harness import host
from harness.case import TaktCase

ID = "7a1c40e5d2f64d0bb0f3a1f2c9d83e"
DROP_IN = "/etc/takt/worker.conf.d/90-catalog.conf"


class Catalog(TaktCase):
    """Lines of the worker that an administrator acts on."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.machine.run("journalctl", "--update-catalog")  # as a package's trigger does

    def wait_for_explained(self, message_id: str, line: str, explanation: str) -> None:
        """Waits until the journal has a line of this id, and says this of it."""
        def explained() -> str:
            return self.machine.run("journalctl", "-x", "--no-pager", "-u", "takt-worker.service",
                                    f"MESSAGE_ID={ID}{message_id}", check=False).stdout
        self.machine.wait_until(lambda: line in explained(), line)
        self.assertIn(f" {explanation}\n", explained())

    def reload(self, config: str) -> None:
        """Has the worker read a drop-in."""
        self.machine.write(DROP_IN, config)
        self.machine.run("systemctl", "reload", "takt-worker.service")

    def test_reloads(self) -> None:
        self.addCleanup(self.reload, "")
        self.reload("[worker]\nname = other\n[jobs]\nslots = 3\n")
        self.wait_for_explained("30", "reloaded: jobs.slots", "Subject: The configuration was"
                                " reloaded")
        self.wait_for_explained("31", "worker.name: changed",
                                "systemctl restart takt-worker.service")
        self.reload("[jobs]\nslot = 3\n")
        self.wait_for_explained("32", "not reloaded, all stays as it was",
                                "systemctl reload takt-worker.service")

    def test_a_supervisor_that_is_killed(self) -> None:
        job = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        supervisor, = host.supervisors(self.machine)
        host.kill(self.machine, int(supervisor))
        self.takt.wait_for_end(job)
        self.wait_for_explained("12", "its supervisor died without a record",
                                f"Subject: The supervisor of job {job} died")

    def test_a_limit_that_this_host_cannot_enforce(self) -> None:
        job = self.takt.submit("true", options=("--memory", "64M"))
        self.takt.wait_for_end(job)
        self.wait_for_explained("11", "could not be started", f"What the job asked for: takt status"
                                f" {job}")

    def test_jobs_that_run_on(self) -> None:
        job = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.machine.run("systemctl", "restart", "takt-worker.service")
        self.wait_for_explained("33", "jobs run on",
                                "To stop it: systemctl stop takt-jobs.slice")
        self.takt.wait_for_ready_worker()
        self.takt.run("stop", job)
        self.takt.wait_for_end(job)

    def test_a_scheduler_out_of_reach(self) -> None:
        self.machine.run("systemctl", "stop", "takt-worker.service", "takt-scheduler.socket",
                         "takt-scheduler.service")
        self.machine.run("systemctl", "start", "takt-worker.service")
        self.wait_for_explained("22", "cannot be told that this worker is here", "takt doctor")
