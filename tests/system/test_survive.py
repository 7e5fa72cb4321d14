# SPDX-License-Identifier: Apache-2.0
"""Jobs outlive the worker, its spawner and a re-executed systemd: nothing lost, nothing twice."""

import itertools
import json
import re
import signal
import subprocess
from collections.abc import Callable

from harness import host
from harness.case import TaktCase
from harness.staging import INSIDE
from harness.takt import ENDED

WITNESS = "/var/tmp/witness"
LINES = 20000
JOBS = 200
BLOWS_AT_LEAST = 18


class SurviveTests:
    """What holds under both launchers; self is a TaktCase."""

    def restart_worker(self) -> None:
        self.machine.run("systemctl", "restart", "takt-worker.service")

    def kill_soon(self, find: Callable[[], int], what: str) -> None:
        """Kills a process, as soon as there is one; one that is just going away is none."""
        def kill() -> bool:
            pid = find()
            return pid > 0 and self.machine.run("kill", "-9", str(pid), check=False).code == 0
        self.machine.wait_until(kill, what)

    def kill_main(self, service: str) -> None:
        self.kill_soon(lambda: host.main_pid(self.machine, service), service)

    def kill_worker(self) -> None:
        self.kill_main("takt-worker.service")

    def kill_spawner(self) -> None:
        self.kill_soon(lambda: host.spawner_pid(self.machine), "a spawner")

    def reexec_systemd(self) -> None:
        self.machine.run("systemctl", "daemon-reexec")

    def restart_scheduler(self) -> None:
        self.machine.run("systemctl", "restart", "takt-scheduler.service")

    def kill_scheduler(self) -> None:
        self.kill_main("takt-scheduler.service")

    def blows(self) -> list[Callable[[], None]]:
        """Everything that a running job has to survive."""
        return [self.restart_worker, self.kill_worker, self.kill_spawner, self.reexec_systemd,
                self.restart_scheduler, self.kill_scheduler]

    def survive(self, blow: Callable[[], None], ending: str) -> dict:
        """Runs a job across a blow; checks its whole output and returns how it ended."""
        go = f"{WITNESS}/go-{blow.__name__}-{self.launcher}-{ending.split()[0]}"
        job = self.takt.submit(
            "sh", "-c", f"seq 1 {LINES}; echo before >&2; until test -e {go}; do sleep 0.05; done;"
                        f" seq {LINES + 1} {2 * LINES}; echo after >&2; {ending}")
        self.machine.wait_until(lambda: "before" in self.takt.logs(job).stderr, "the first half")
        started = self.takt.attempt(job)
        blow()
        self.takt.wait_for_ready_worker()
        self.machine.run("touch", go)
        ended = self.takt.wait_for_end(job)
        logs = self.takt.logs(job)
        self.assertEqual(logs.stdout, "".join(f"{n}\n" for n in range(1, 2 * LINES + 1)))
        self.assertEqual(logs.stderr, "before\nafter\n")
        self.assertEqual(len(ended["attempts"]), 1)
        self.assertEqual(ended["attempts"][0]["leader_pid"], started["leader_pid"])
        self.assertEqual(ended["attempts"][0]["start_time"], started["start_time"])
        return ended["attempts"][0]["end"]

    def test_exit_code_survives(self) -> None:
        for blow in self.blows():
            with self.subTest(blow.__name__):
                end = self.survive(blow, "exit 5")
                self.assertEqual((end["cause"], end["exit_code"]), ("END_CAUSE_EXITED", 5))

    def test_signal_survives(self) -> None:
        for blow in self.blows():
            with self.subTest(blow.__name__):
                end = self.survive(blow, "kill -USR2 $$")
                self.assertEqual((end["cause"], end["signal"]),
                                 ("END_CAUSE_SIGNALED", signal.SIGUSR2.value))

    def test_job_that_ends_while_the_worker_is_away_is_reported(self) -> None:
        go = f"{WITNESS}/away-{self.launcher}"
        job = self.takt.submit(
            "sh", "-c", f"echo up; until test -e {go}; do sleep 0.05; done; exit 6")
        self.takt.wait_for_output(job, "up")
        self.machine.run("systemctl", "stop", "takt-worker.service")
        self.machine.run("touch", go)
        self.machine.wait_until(lambda: not host.supervisors(self.machine), "the supervisor's end")
        self.machine.run("systemctl", "start", "takt-worker.service")
        end = self.takt.wait_for_end(job)["attempts"][-1]["end"]
        self.assertEqual((end["cause"], end["exit_code"]), ("END_CAUSE_EXITED", 6))

    def test_many_jobs_over_restarts(self) -> None:
        witness = f"{WITNESS}/many-{self.launcher}"
        jobs = self.submit_many_under_blows(witness)
        self.assertEqual(len(jobs), JOBS)
        for job in jobs.values():
            self.takt.wait_for_state(job, *ENDED, timeout_s=120)
        for number, job in jobs.items():
            with self.subTest(number):
                self.check_one_of_many(number, job)
        ran = sorted(int(line) for line in self.machine.read(witness).splitlines())
        self.assertEqual(ran, sorted(jobs), "lost, or ran twice")
        self.assert_nothing_left(witness)

    def submit_many_under_blows(self, witness: str) -> dict[int, str]:
        """Submits the jobs with all blows falling meanwhile and after; returns ids by number."""
        blows = itertools.cycle(self.blows())
        with self.machine.popen([f"{INSIDE}/submit_many.py", str(JOBS), witness], user="alice",
                                text=True, stdout=subprocess.PIPE) as client:
            fallen = 0
            # There are more jobs than slots: starts are under way long after the last submission.
            while client.poll() is None or fallen < BLOWS_AT_LEAST:
                next(blows)()
                fallen += 1
            said, _ = client.communicate(timeout=120)
        self.assertEqual(client.returncode, 0, "a submission failed")
        return {int(number): job for number, job in json.loads(said).items()}

    def assert_nothing_left(self, mark: str) -> None:
        """No process, supervisor, cgroup or scope is left, and every end is acknowledged."""
        self.assertEqual(host.processes_with(self.machine, mark), [])
        self.assertEqual(self.machine.run("pgrep", "-f", "sleep 1000", check=False).lines, [])
        self.machine.wait_until(lambda: not host.supervisors(self.machine), "no supervisor")
        self.machine.wait_until(lambda: not host.job_cgroups(self.machine), "no job cgroup")
        self.machine.wait_until(lambda: not host.job_units(self.machine), "no scope")
        self.machine.wait_until(lambda: self.machine.run("ls", "/var/lib/takt/active").stdout == "",
                                "every end to be acknowledged")

    def check_one_of_many(self, number: int, job: str) -> None:
        """The job ran once and ended as its script says, with its whole output."""
        attempts = self.takt.job(job)["attempts"]
        # A worker that goes down refuses what it has not started: those attempts never ran.
        self.assertEqual(len([attempt for attempt in attempts if "start_time" in attempt]), 1)
        end = attempts[-1]["end"]
        self.assertEqual((end["cause"], end.get("exit_code", 0)), ("END_CAUSE_EXITED", number % 7))
        self.assertRegex(self.takt.logs(job).stdout,
                         re.compile(rf"\Ajob {number} begins\njob {number} ends\n\Z"))


class ScopeSurvive(SurviveTests, TaktCase):
    """The scope launcher."""

    launcher = "scope"


class CgroupSurvive(SurviveTests, TaktCase):
    """The cgroup launcher."""

    launcher = "cgroup"
