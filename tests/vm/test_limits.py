# SPDX-License-Identifier: Apache-2.0
"""Limits that the kernel enforces, and what is told of them. One machine for all."""

import concurrent.futures
import json
import re

from machine.case import GuestCase
from harness.takt import Takt, unit_of

MIB = 1 << 20
SECOND = 1_000_000  # in microseconds
PATIENCE_S = 180
# Fills memory with text: what it asks for is touched, and stays.
EATER = "head -c {mib}M /dev/zero | tail > /dev/null"
SPINNER = "while :; do :; done"


class Limits(GuestCase):
    """Every job here runs by the launcher scope, but where a test says otherwise."""

    def ended(self, *options: str, script: str) -> dict:
        """Runs a job to its end; returns it."""
        job = self.takt.submit("sh", "-c", script, options=options)
        return self.takt.wait_for_end(job, PATIENCE_S)

    def running(self, *options: str, script: str, by: Takt | None = None) -> str:
        """Starts a job that says "up"; returns its id. It is stopped after the test."""
        takt = by or self.takt
        job = takt.submit("sh", "-c", f"echo up; {script}", options=options)
        self.addCleanup(takt.run, "stop", job, check=False)
        takt.wait_for_output(job, "up")
        return job

    def leaf_of(self, job: str, by: Takt | None = None) -> str:
        """Returns the folder of the cgroup of a job that is this user's."""
        return f"/sys/fs/cgroup{(by or self.takt).attempt(job)['cgroup']}/job"

    def cpu_stat(self, job: str) -> dict[str, int]:
        """Returns the processor statistics of a job."""
        lines = self.guest.read(f"{self.leaf_of(job)}/cpu.stat").splitlines()
        return {key: int(value) for key, value in map(str.split, lines)}

    def test_a_memory_limit_kills_the_job_and_is_told_with_limit_and_peak(self) -> None:
        for launcher in ("scope", "cgroup"):
            with self.subTest(launcher):
                job = self.ended("--memory", "32M", "--launcher", launcher,
                                 script=EATER.format(mib=200))
                end, usage = job["end"], job["attempts"][-1]["usage"]
                self.assertEqual((end["cause"], end["signal"]), ("END_CAUSE_OOM_KILLED", 9))
                self.assertIn("memory limit 32M reached", end["message"])
                peak = int(usage["memory_peak_bytes"])
                self.assertLessEqual(peak, 32 * MIB)
                self.assertGreater(peak, 24 * MIB)

    def test_a_memory_limit_that_is_kept_changes_nothing(self) -> None:
        end = self.ended("--memory", "64M", "--swap", "0", script="exit 4")["end"]
        self.assertEqual((end["cause"], end["exit_code"]), ("END_CAUSE_EXITED", 4))

    def test_output_never_bills_the_job(self) -> None:
        job = self.ended("--memory", "32M", script="exec head -c 300M /dev/zero")
        self.assertEqual((job["end"]["cause"], job["end"]["exit_code"]), ("END_CAUSE_EXITED", 0))
        usage = job["attempts"][-1]["usage"]
        self.assertEqual(int(usage["stdout_bytes"]), 300 * MIB)
        self.assertEqual(int(usage["stdout_truncated_bytes"]), 0)

    def test_a_child_that_is_killed_alone_is_a_note(self) -> None:
        job = self.ended("--memory", "32M", "--oom", "process",
                         script=f"sh -c '{EATER.format(mib=200)}'; echo survived; exit 5")
        end = job["end"]
        self.assertEqual((end["cause"], end["exit_code"]), ("END_CAUSE_EXITED", 5))
        self.assertRegex(end["note"], "(?i)memory")
        self.assertEqual(self.takt.logs(job["job_id"]).stdout, "survived\n")

    def test_a_fork_bomb_is_held_by_the_tasks_limit(self) -> None:
        job = self.running("--tasks", "20", script="bomb() { bomb | bomb & }; bomb; sleep 1000")
        leaf = self.leaf_of(job)
        self.assertEqual(self.guest.read(f"{leaf}/pids.max"), "20\n")
        self.guest.wait_until(lambda: int(re.search(r"max (\d+)", self.guest.read(
            f"{leaf}/pids.events")).group(1)) > 0, "the limit to be met")
        self.assertLessEqual(int(self.guest.read(f"{leaf}/pids.current")), 20)
        self.takt.run("stop", job)
        ended = self.takt.wait_for_end(job, PATIENCE_S)
        self.assertEqual(ended["end"]["cause"], "END_CAUSE_STOPPED")
        self.assertLessEqual(int(ended["attempts"][-1]["usage"]["tasks_peak"]), 20)

    def test_a_processor_limit_throttles(self) -> None:
        job = self.running("--cpus", "0.5", script=SPINNER)
        quota, period = map(int, self.guest.read(f"{self.leaf_of(job)}/cpu.max").split())
        self.assertEqual(quota * 2, period)
        self.guest.wait_until(lambda: self.cpu_stat(job)["nr_throttled"] > 0, "throttling")

    def test_weights_share_the_one_processor(self) -> None:
        # Both hold still until both are there, so that neither has the processor to itself.
        go = "/var/tmp/witness/go"
        wait = f"until test -e {go}; do sleep 0.1; done; {SPINNER}"
        light = self.running("--cpu-weight", "30", "--launcher", "scope", script=wait)
        heavy = self.running("--cpu-weight", "90", "--launcher", "scope", script=wait)
        for job, weight in ((light, "30"), (heavy, "90")):
            shown = self.guest.run("systemctl", "show", "--value", "--property=CPUWeight",
                                   unit_of(job)).stdout.strip()
            self.assertEqual(shown, weight)
        self.guest.run("touch", go)
        files = [f"{self.leaf_of(job)}/cpu.stat" for job in (light, heavy)]

        def used() -> list[int]:
            return [int(usec) for usec in re.findall(r"usage_usec (\d+)",
                                                     self.guest.run("cat", *files).stdout)]

        def used_since(start: list[int]) -> list[int]:
            return [now - then for now, then in zip(used(), start)]
        # From when both are at it, and not from when both could be.
        start = used()
        self.guest.wait_until(lambda: min(used_since(start)) > SECOND, "both to work", PATIENCE_S)
        start = used()
        share = self.guest.wait_until(
            lambda: share if sum(share := used_since(start)) > 10 * SECOND else None,
            "10 s of work", PATIENCE_S)
        print(f"used with weights of 30 and 90, in microseconds: {share}", flush=True)
        self.assertTrue(2 < share[1] / share[0] < 4, share)

    def test_users_share_the_processor_equally_however_many_jobs_they_run(self) -> None:
        bob = Takt(self.guest, "bob")
        go = "/var/tmp/witness/go-users"
        script = f"until test -e {go}; do sleep 0.1; done; {SPINNER}"
        for launcher in ("scope", "cgroup"):
            with self.subTest(launcher):
                self.guest.run("rm", "-f", go)
                options = ("--launcher", launcher)
                many = [self.running(*options, script=script) for _ in range(3)]
                one = self.running(*options, script=script, by=bob)
                leaves = [*map(self.leaf_of, many), self.leaf_of(one, bob)]
                files = [f"{leaf}/cpu.stat" for leaf in leaves]

                def used() -> tuple[int, int]:
                    each = [int(usec) for usec in re.findall(
                        r"usage_usec (\d+)", self.guest.run("cat", *files).stdout)]
                    return sum(each[:3]), each[3]
                self.guest.run("touch", go)
                start = used()
                self.guest.wait_until(lambda: min(now - then for now, then in zip(used(), start))
                                      > SECOND, "both to work", PATIENCE_S)
                start = used()
                share = self.guest.wait_until(
                    lambda: share if sum(share := [now - then for now, then
                                                   in zip(used(), start)]) > 10 * SECOND else None,
                    "10 s of work", PATIENCE_S)
                print(f"used by three jobs and by one, in microseconds: {share}", flush=True)
                self.assertTrue(2 / 3 < share[0] / share[1] < 3 / 2, share)
                for job in many:
                    self.takt.run("stop", job)
                bob.run("stop", one)

    def test_a_user_out_of_processes_leaves_the_others_theirs(self) -> None:
        slice_of_alice = "takt-jobs-u4001.slice"
        shown = self.guest.run("systemctl", "show", "--value", "--property=TasksMax",
                               slice_of_alice).stdout.strip()
        self.assertRegex(shown, r"^\d+$")
        self.guest.run("systemctl", "set-property", "--runtime", slice_of_alice, "TasksMax=40")
        self.addCleanup(self.guest.run, "systemctl", "revert", slice_of_alice)
        bomb = self.running("--launcher", "scope",
                            script="bomb() { bomb | bomb & }; bomb; sleep 1000")
        events = f"{self.leaf_of(bomb)}/pids.events"  # counted where it forks
        self.guest.wait_until(
            lambda: int(re.search(r"max (\d+)", self.guest.read(events)).group(1)) > 0,
            "the limit to be met")
        ended = Takt(self.guest, "bob")
        job = ended.submit("sh", "-c", "for i in 1 2 3 4; do (exit 0) & done; wait; exit 6",
                           options=("--launcher", "scope"))
        self.assertEqual(ended.wait_for_end(job, PATIENCE_S)["end"]["exit_code"], 6)
        self.takt.run("stop", bomb)
        self.takt.wait_for_end(bomb, PATIENCE_S)

    def test_a_start_storm_of_limited_jobs_ends_each_by_its_own_limit(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(
                lambda n: self.ended("--memory", f"{32 + n}M", script=EATER.format(mib=200)),
                range(4)))
        for n, job in enumerate(ended):
            self.assertEqual(job["end"]["cause"], "END_CAUSE_OOM_KILLED", json.dumps(job["end"]))
            self.assertIn(f"memory limit {32 + n}M reached", job["end"]["message"])
