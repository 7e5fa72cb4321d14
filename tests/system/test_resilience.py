# SPDX-License-Identifier: Apache-2.0
"""What takt promises while systemd is in trouble: the bus, PID 1, reloads, scopes that go.

TAKT_ALL=1 makes outages longer than the longest patience, so that what waits for them gives up.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator

from harness import host
from harness.case import TaktCase
from harness.takt import unit_of

WITNESS = "/var/tmp/witness"
LONG = os.environ.get("TAKT_ALL") == "1"
PATIENCE_S = 90  # more than a start waits for systemd
BUS = ("dbus.socket", "dbus.service")
STARTS = 8
JOBS = 30
RELOADS_AT_LEAST = 20
# More changes of the worker's status than PID 1 leaves unread (net.unix.max_dgram_qlen).
MANY_JOBS = 300


class OutageCase(TaktCase):
    """A class whose worker has to stay up, whatever a test does to its surroundings."""

    def setUp(self) -> None:
        self.pid = self.worker_pid()

    def tearDown(self) -> None:
        """The worker that there was still is there."""
        super().tearDown()
        self.assertEqual(self.worker_pid(), self.pid, "the worker did not stay up")

    def path(self, what: str) -> str:
        """Returns a path for this test alone."""
        return f"{WITNESS}/{self.id().rsplit('.', 1)[1]}-{self.launcher}-{what}"

    def start_job(self, go: str, code: int) -> str:
        """Starts a job that says up, waits for the file, says on and exits with the code."""
        job = self.takt.submit("sh", "-c", f"echo up; until test -e {go}; do sleep 0.05; done;"
                                           f" echo on; exit {code}")
        self.takt.wait_for_output(job, "up")
        return job

    def end_of(self, job: str) -> dict:
        """Waits for the job's end."""
        return self.takt.wait_for_end(job)["attempts"][-1]["end"]

    def assert_exited(self, job: str, code: int, output: str) -> None:
        """The job exits with the code, and its output is whole."""
        end = self.end_of(job)
        self.assertEqual((end["cause"], end.get("exit_code", 0)), ("END_CAUSE_EXITED", code), end)
        self.assertEqual(self.takt.logs(job).stdout, output)

    def submit_numbered(self, count: int, before: str = "") -> list[str]:
        """Submits jobs; number N tells a witness and its output so, and exits with N modulo 7."""
        return self.takt.submit_all([f"echo {n} >> {self.path('ran')}; echo {n}; {before}"
                                     f" exit {n % 7}" for n in range(count)])

    def assert_ran_once(self, ids: list[str]) -> None:
        """Each numbered job ran once and ended as it should, with its output."""
        for number, job in enumerate(self.takt.wait_for_ends(ids)):
            ran = [attempt for attempt in job["attempts"] if "start_time" in attempt]
            self.assertEqual(len(ran), 1, job)
            end = ran[0]["end"]
            self.assertEqual((end["cause"], end.get("exit_code", 0)),
                             ("END_CAUSE_EXITED", number % 7), end)
            self.assertEqual(int(ran[0]["usage"]["stdout_bytes"]), len(f"{number}\n"))
        ran = sorted(int(line) for line in self.machine.read(self.path("ran")).split())
        self.assertEqual(ran, list(range(len(ids))), "lost, or ran twice")

    def wait_for_parked(self, count: int) -> list[str]:
        """Waits until so many supervisors are there that have no scope; returns their pids."""
        self.machine.wait_until(lambda: len(host.parked(self.machine)) == count,
                                f"{count} parked supervisors")
        return host.parked(self.machine)

    def assert_starting(self, ids: list[str]) -> None:
        """All of these jobs are on their way, and are said to be."""
        jobs = self.takt.all_jobs()
        self.assertEqual({jobs[job]["state"] for job in ids}, {"JOB_STATE_STARTING"})


class BusTests:
    """The bus is away, and comes back; self is an OutageCase."""

    @contextlib.contextmanager
    def bus_away(self) -> Iterator[None]:
        """There is no bus within, and the worker knows."""
        self.machine.run("systemctl", "stop", *BUS)
        try:
            self.wait_for_worker_to_say("no connection to the bus")
            yield
        finally:
            self.machine.run("systemctl", "start", *BUS)
        self.wait_for_worker_to_say("connected to the bus again")

    def test_running_jobs_neither_notice_nor_need_the_bus(self) -> None:
        ends, stopped = self.start_job(self.path("go"), 5), self.start_job(self.path("never"), 0)
        with self.bus_away():
            self.machine.run("touch", self.path("go"))
            self.assert_exited(ends, 5, "up\non\n")
            self.takt.run("stop", stopped)
            self.assertEqual(self.end_of(stopped)["cause"], "END_CAUSE_STOPPED")
        self.assert_nothing_left(self.path("go"), self.path("never"))


class ScopeBus(BusTests, OutageCase):
    """Starts need the bus."""

    launcher = "scope"

    def test_starts_wait_for_the_bus(self) -> None:
        with self.bus_away():
            ids = self.submit_numbered(STARTS)
            self.wait_for_parked(STARTS)
            self.assert_starting(ids)
            if LONG:
                self.assert_given_back(ids)
        self.assert_ran_once(ids)
        self.assert_nothing_left()

    def assert_given_back(self, ids: list[str]) -> None:
        """Starts that waited too long wait in the queue again and say why, and nothing ran."""
        self.machine.wait_until(
            lambda: all("end" in self.takt.job(job)["attempts"][0] for job in ids),
            "the first attempts to be given back", PATIENCE_S)
        for job in ids:
            end = self.takt.job(job)["attempts"][0]["end"]
            self.assertEqual((end["cause"], end["failed_step"]), ("END_CAUSE_REJECTED", "scope"))
            self.assertIn("no connection to the bus", end["message"])
        self.assertFalse(self.machine.exists(self.path("ran")))


class CgroupBus(BusTests, OutageCase):
    """Starts need the bus no more once the unit for all jobs is up."""

    launcher = "cgroup"

    def test_starts_go_on_without_the_bus(self) -> None:
        self.takt.run("run", "--", "true")
        with self.bus_away():
            self.assert_ran_once(self.submit_numbered(STARTS))
        self.assert_nothing_left()


class SystemdTests:
    """PID 1 is busy with itself; self is an OutageCase."""

    def test_everything_goes_right_over_a_storm_of_reloads(self) -> None:
        enough = self.path("enough")
        storm = self.machine.popen(
            ["sh", "-ec", f"n=0; until test -e {enough} -a $n -ge {RELOADS_AT_LEAST}; do"
                          " systemctl daemon-reload; n=$((n + 1));"
                          " test $((n % 5)) != 0 || systemctl daemon-reexec; done"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        ids = self.submit_numbered(JOBS, "setsid sleep 1000 & sleep 0.5;")
        self.assert_ran_once(ids)
        self.machine.run("touch", enough)
        said, _ = storm.communicate(timeout=60)
        self.assertEqual(storm.returncode, 0, said)
        self.assert_nothing_left(self.path("ran"), "sleep 1000")


class ScopeSystemd(SystemdTests, OutageCase):
    """Starts need PID 1."""

    launcher = "scope"

    def test_starts_wait_for_a_slow_systemd(self) -> None:
        with self.machine.systemd_stopped():
            ids = self.submit_numbered(STARTS)
            self.wait_for_parked(STARTS)
            if LONG:
                # Longer than a question to it may take; there is nothing to see meanwhile.
                self.machine.run("sleep", "35")
                self.wait_for_parked(STARTS)
            self.assert_starting(ids)
        self.assert_ran_once(ids)
        self.assert_nothing_left()

    def test_start_can_be_stopped_while_systemd_is_slow(self) -> None:
        with self.machine.systemd_stopped():
            job = self.takt.submit("touch", self.path("ran"))
            self.wait_for_parked(1)
            self.takt.run("stop", job)
        self.assertEqual(self.end_of(job)["cause"], "END_CAUSE_STOPPED")
        self.assertFalse(self.machine.exists(self.path("ran")))
        self.assert_nothing_left()

    def test_supervisor_that_dies_before_systemd_acts_fails_the_start(self) -> None:
        with self.machine.systemd_stopped():
            job = self.takt.submit("touch", self.path("ran"))
            pid, = self.wait_for_parked(1)
            host.kill(self.machine, int(pid))
        end = self.end_of(job)
        self.assertEqual((end["cause"], end["failed_step"]),
                         ("END_CAUSE_START_FAILED", "supervisor"))
        self.assertFalse(self.machine.exists(self.path("ran")))
        self.assert_nothing_left()

    def test_worker_that_dies_before_systemd_acts_starts_again(self) -> None:
        with self.machine.systemd_stopped():
            ids = self.submit_numbered(STARTS)
            self.wait_for_parked(STARTS)
            host.kill(self.machine, self.pid)
            self.wait_for_parked(0)
        self.assert_ran_once(ids)
        self.assert_nothing_left()
        self.pid = self.worker_pid()


class CgroupSystemd(SystemdTests, OutageCase):
    """Once the unit for all jobs is up, PID 1 has no part in a job."""

    launcher = "cgroup"

    def test_many_jobs_need_no_systemd(self) -> None:
        self.takt.run("run", "--", "true")
        with self.machine.systemd_stopped():
            self.assert_ran_once(self.submit_numbered(MANY_JOBS))
        self.assert_nothing_left()


class DroppedScope(OutageCase):
    """A scope that goes before its time: the end is told as it was, and nothing stays."""

    launcher = "scope"

    def drop(self, job: str) -> str:
        """Moves all of a job elsewhere, as pam_systemd may; systemd drops the empty scope.

        Returns the cgroup where the job is then.
        """
        unit, elsewhere = unit_of(job), f"/sys/fs/cgroup/elsewhere-{job}"
        self.machine.shell(
            f"mkdir {elsewhere}; scope=$(find /sys/fs/cgroup -name {unit});"
            " for pid in $(cat $scope/*/cgroup.procs); do"
            f" echo $pid > {elsewhere}/cgroup.procs || ! kill -0 $pid; done")
        self.machine.wait_until(lambda: not host.job_units(self.machine), "the scope to go")
        return elsewhere

    def test_job_without_its_scope_tells_its_exit_code(self) -> None:
        job = self.start_job(self.path("go"), 5)
        self.drop(job)
        self.assertEqual(self.takt.job(job)["state"], "JOB_STATE_RUNNING")
        self.machine.run("touch", self.path("go"))
        self.assert_exited(job, 5, "up\non\n")
        self.assert_nothing_left(self.path("go"))

    def test_job_without_its_scope_can_be_stopped(self) -> None:
        job = self.takt.submit("sh", "-c", f"trap 'exit 9' TERM; echo up; : {self.path('mark')};"
                                           " while :; do sleep 0.05; done")
        self.takt.wait_for_output(job, "up")
        self.drop(job)
        self.takt.run("stop", job)
        end = self.end_of(job)
        self.assertEqual((end["cause"], end.get("exit_code")), ("END_CAUSE_STOPPED", 9))
        self.assert_nothing_left(self.path("mark"))

    def test_job_without_its_scope_that_resists_is_killed(self) -> None:
        job = self.takt.rpc("SubmitJob", spec={
            "argv": ["sh", "-c", f"trap '' TERM; echo up; : {self.path('mark')};"
                                 " while :; do sleep 0.05; done"],
            "stop": {"grace": "0.5s"}})["job_id"]
        self.takt.wait_for_output(job, "up")
        self.drop(job)
        self.takt.run("stop", job)
        end = self.end_of(job)
        self.assertEqual((end["cause"], end["killed"]), ("END_CAUSE_STOPPED", True))
        self.assert_nothing_left(self.path("mark"))

    def test_scope_that_systemd_kills_is_told_as_lost(self) -> None:
        job = self.start_job(self.path("go"), 0)
        self.machine.run("systemctl", "kill", "--signal=KILL", unit_of(job))
        end = self.end_of(job)
        self.assertEqual(end["cause"], "END_CAUSE_SUPERVISOR_LOST")
        self.assertNotIn("exit_code", end)
        self.assert_nothing_left(self.path("go"))

    def test_scope_whose_file_is_gone_outlives_a_reload(self) -> None:
        job = self.start_job(self.path("go"), 5)
        unit = unit_of(job)
        self.machine.run("rm", f"/run/systemd/transient/{unit}")
        self.machine.run("systemctl", "daemon-reload")
        self.machine.run("systemctl", "reset-failed")
        self.assertEqual(host.show(self.machine, unit, "ActiveState"), "active")
        self.machine.run("touch", self.path("go"))
        self.assert_exited(job, 5, "up\non\n")
        self.assert_nothing_left(self.path("go"))

    def test_scopes_that_are_stopped_as_they_come_up(self) -> None:
        enough = self.path("enough")
        with self.machine.systemd_stopped():
            ids = self.takt.submit_all([f"sleep 1000; : {self.path('mark')}"] * STARTS)
            self.wait_for_parked(STARTS)
            units = " ".join(unit_of(job) for job in ids)
            storm = self.machine.popen(
                ["sh", "-c", f"until test -e {enough}; do systemctl stop {units}; done"],
                stderr=subprocess.DEVNULL)
            self.machine.wait_until(
                lambda: host.processes_with(self.machine, "^systemctl stop"), "the first stop")
        ends = [job["attempts"][-1]["end"] for job in self.takt.wait_for_ends(ids)]
        self.machine.run("touch", enough)
        storm.wait(timeout=60)
        for end in ends:
            if end["cause"] == "END_CAUSE_START_FAILED":
                self.assertIn(end["failed_step"], ("scope", "supervisor"), end)
            else:
                self.assertEqual((end["cause"], end["stopped_by"]),
                                 ("END_CAUSE_STOPPED", "systemctl stop"), end)
        self.assert_nothing_left(self.path("mark"))
