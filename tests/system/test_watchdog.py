# SPDX-License-Identifier: Apache-2.0
"""A daemon whose loop is stuck, though all else of it runs, is replaced: no job notices."""

import subprocess

from harness import host
from harness.case import SERVICES, TaktCase
from harness.staging import INSIDE

WITNESS = "/var/tmp/witness"


class WatchdogTests:
    """What holds under both launchers; self is a TaktCase."""

    def get_stuck(self, service: str) -> None:
        """Holds the loop of a daemon until systemd has ended it; another one runs on return."""
        pid = host.main_pid(self.machine, service)
        with self.machine.popen([f"{INSIDE}/hold_thread.py", str(pid)], text=True,
                                stdout=subprocess.PIPE) as holder:
            self.assertRegex(holder.stdout.readline(), r"\Aheld, [1-9][0-9]* run on\n\Z")
            self.assertEqual(holder.wait(), 0, "the watchdog let it be")
        self.machine.wait_until(lambda: host.main_pid(self.machine, service) not in (0, pid),
                                f"another {service}")
        self.takt.wait_for_ready_worker()
        said = self.machine.journal("-u", service, "-o", "cat", "-b")
        self.assertEqual(said.count("Failed with result 'watchdog'"), 1, said)

    def test_whoever_is_stuck_is_replaced_and_the_job_runs_on(self) -> None:
        for service in SERVICES:
            self.machine.write(f"/etc/systemd/system/{service}.d/50-test.conf",
                               "[Service]\nWatchdogSec=3s\n")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "restart", *SERVICES)
        self.takt.wait_for_ready_worker()
        for service in SERVICES:
            with self.subTest(service):
                self.run_job_while_stuck(service)

    def run_job_while_stuck(self, service: str) -> None:
        """The job runs on, in one attempt, and its user sees all of it as if nothing had been."""
        go = f"{WITNESS}/stuck-{service}-{self.launcher}"
        script = f"echo before; until test -e {go}; do sleep 0.05; done; echo after; exit 7"
        with self.takt.popen("run", "--name", service, "--", "sh", "-c", script) as run:
            self.assertEqual(run.stdout.readline(), "before\n")
            try:
                self.get_stuck(service)
            finally:
                self.machine.run("touch", go)
            said, _ = run.communicate(timeout=60)
        self.assertEqual((run.returncode, said), (7, "after\n"))
        attempt, = self.takt.job(service)["attempts"]
        self.assertEqual((attempt["end"]["cause"], attempt["end"]["exit_code"]),
                         ("END_CAUSE_EXITED", 7))


class ScopeWatchdog(WatchdogTests, TaktCase):
    """The scope launcher."""

    launcher = "scope"


class CgroupWatchdog(WatchdogTests, TaktCase):
    """The cgroup launcher."""

    launcher = "cgroup"
