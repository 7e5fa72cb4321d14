# SPDX-License-Identifier: Apache-2.0
"""An upgrade from each stored version to this tree loses no job, no byte and no record.

Guarantees: the packages before are files of an earlier commit (tests/upgrade), so a format that
this tree does not read fails here; each stored version has a class of these tests.
"""

import base64
import functools
import hashlib
import json
import unittest

import upgrade_work
from harness import host, root, staging
from harness.case import PackagesCase, keep_evidence
from harness.staging import PACKAGES, PACKAGES_INSIDE
from harness.takt import ENDED, folder_of
from upgrade_fleet import LIVE, WORKER, Snapshot, UpgradeFleet, comparable
from upgrade_work import LABEL, LAUNCHERS, QUEUED, STOP_REASON, TASKS, Running

NEXT_VERSION = staging.versions()[1]
SUMS = "SHA256SUMS"


class Upgrade:
    """What holds for each stored version; self is a PackagesCase."""

    maxDiff = None
    fleet: UpgradeFleet
    before: Snapshot
    after: Snapshot

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        try:
            cls.upgrade()
        except BaseException:
            keep_evidence(cls.suite, f"{cls.__name__}.setUpClass", cls.machine.journal("-b"))
            raise

    @classmethod
    def upgrade(cls) -> None:
        """Everything up to the moment at which the tests look at what has become of it."""
        host.apt_get(cls.machine, "install", *(f"{PACKAGES_INSIDE}/{cls.stored.name}/{path.name}"
                                               for path in cls.stored.glob("*.deb")))
        cls.takt.wait_for_ready_worker()
        cls.stored_version = cls.takt.workers()[0]["version"]
        cls.fleet = UpgradeFleet(cls.takt)
        cls.fleet.begin()
        cls.fleet.pause_and_stop()
        cls.fleet.damage()
        cls.before = cls.fleet.snapshot()
        cls.fleet.owe_ends()
        cls.owed_before = cls.fleet.owed_links()
        host.apt_get(cls.machine, "install", *(f"{PACKAGES_INSIDE}/{NEXT_VERSION}/{path.name}"
                                               for path in staging.package_files(NEXT_VERSION)))
        cls.owed_after = cls.fleet.owed_links()
        cls.fleet.start_scheduler()
        cls.lease_from_s = cls.fleet.uptime_s()
        cls.after = cls.fleet.snapshot()

    def let_end(self, jobs: list[Running]) -> None:
        """Lets jobs end, and checks all that is known of each."""
        self.machine.run("touch", *(job.go for job in jobs))
        self.takt.wait_for_ends([job.job_id for job in jobs])
        for job in jobs:
            with self.subTest(job.name):
                self.check_ended(job)

    def check_ended(self, job: Running) -> None:
        """It ran once, ended as it was to, and every byte of it is there."""
        found = self.takt.job(job.job_id)
        attempt, = found["attempts"]
        stopped = job.kind == "ending"
        self.assertEqual(found["state"], f"JOB_STATE_{'STOPPED' if stopped else 'FAILED'}")
        self.check_attempt(job, attempt, stopped)
        self.assertEqual(self.fleet.output_of(job.job_id), self.expected_output(job))
        self.assertEqual(self.fleet.ledger().count(job.name), 1)

    def check_attempt(self, job: Running, attempt: dict, stopped: bool = False) -> None:
        """The attempt says how the command ended and what it wrote."""
        end = attempt["end"]
        cause = "END_CAUSE_STOPPED" if stopped else "END_CAUSE_EXITED"
        self.assertEqual((end["cause"], end["exit_code"], end.get("note", "")),
                         (cause, job.code, ""), end)
        self.assertEqual((end.get("stopped_by", ""), end.get("reason", "")),
                         ("user alice", STOP_REASON) if stopped else ("", ""))
        sizes = [len(stream) for stream in self.expected_output(job)]
        self.assertEqual([int(attempt["usage"][f"{name}_bytes"]) for name in ("stdout", "stderr")],
                         sizes)

    def expected_output(self, job: Running) -> tuple[str, str]:
        """What an ended job has written, by its own count of its lines."""
        return job.output(int(self.machine.read(job.counted)))

    def test_it_was_an_upgrade(self) -> None:
        self.assertNotEqual(self.stored_version, NEXT_VERSION)
        worker, = self.takt.workers()
        self.assertEqual(worker["version"], NEXT_VERSION)
        self.assertEqual(self.takt.run("--version").stdout.split()[-1], NEXT_VERSION)
        old = {attempt["worker_id"] for attempt in self.before.attempts.values()}
        self.assertEqual(old, {worker["worker_id"]})
        for launcher in LAUNCHERS:
            said = self.takt.run("run", "--launcher", launcher, "--", "echo", "new")
            self.assertEqual(said.stdout, "new\n")

    def test_processes_and_supervisors_of_before_are_there(self) -> None:
        owed = [job.name for job in self.fleet.of_kind("owed")]
        before = {name: found for name, found in self.before.processes.items() if name not in owed}
        self.assertNotIn("gone", before.values())
        after = {name: self.after.processes.get(name) for name in before}
        self.assertEqual(after, before)
        self.assertEqual(len(self.before.supervisors), len(self.fleet.running))
        self.assertEqual(len(self.after.supervisors), len(self.fleet.running) - len(owed))
        self.assertLess(set(self.after.supervisors), set(self.before.supervisors))
        for program in self.after.supervisors.values():  # the one of before
            self.assertRegex(program, r"/takt-supervisor \(deleted\)$")

    def test_attempts_read_as_before(self) -> None:
        for job in self.fleet.running:
            if job.kind not in ("owed", "damaged"):
                with self.subTest(job.name):
                    self.assertEqual(comparable(self.after.attempts[job.name], LIVE),
                                     comparable(self.before.attempts[job.name], LIVE))
                    self.assertEqual(self.after.attempts[job.name].get("state"), job.state)

    def test_plain_jobs_write_on_and_end(self) -> None:
        for job in self.fleet.of_kind("plain"):
            self.assertGreater(self.after.lines[job.name], self.before.lines[job.name], job.name)
        self.let_end(self.fleet.of_kind("plain"))

    def test_what_is_paused_stays_so_and_goes_on(self) -> None:
        paused = self.fleet.of_kind("paused")
        for job in paused:
            self.assertEqual(self.takt.job(job.job_id)["state"], "JOB_STATE_PAUSED")
            self.assertEqual(self.fleet.lines()[job.name], self.before.lines[job.name], job.name)
        self.takt.run("resume", *(job.job_id for job in paused))
        self.machine.wait_until(lambda: all(
            self.fleet.lines()[job.name] > self.before.lines[job.name] for job in paused),
            "the resumed jobs to write")
        self.let_end(paused)

    def test_what_is_being_stopped_ends_as_stopped(self) -> None:
        self.let_end(self.fleet.of_kind("ending"))

    def test_an_end_that_was_owed_is_reported_once(self) -> None:
        owed = self.fleet.of_kind("owed")
        self.assertEqual((len(self.owed_before), self.owed_after), (len(owed), self.owed_before))
        self.machine.wait_until(lambda: not self.fleet.owed_links(), "the acknowledgement")
        events = self.fleet.events()
        for job in owed:
            with self.subTest(job.name):
                self.check_ended(job)
                self.assertEqual(self.fleet.ends_in(self.before.events, job), 0)
                self.assertEqual(self.fleet.ends_in(events, job), 1)

    def test_direct_jobs_are_known_to_their_worker(self) -> None:
        direct = self.fleet.of_kind("direct")
        for job in direct:
            self.assertEqual(self.fleet.query(job)["leader_pid"],
                             self.before.attempts[job.name]["leader_pid"])
        self.end_at_the_worker(direct)

    def end_at_the_worker(self, jobs: list[Running]) -> None:
        """Lets jobs end that no scheduler knows, and checks what their worker has of them."""
        self.machine.run("touch", *(job.go for job in jobs))
        for job in jobs:
            with self.subTest(job.name):
                self.machine.wait_until(lambda job=job: self.fleet.query(job).get("state") in ENDED,
                                        f"{job.name} to end")
                self.check_attempt(job, self.fleet.query(job))
                files = tuple(self.machine.read(f"{folder_of(job.job_id)}/{name}")
                              for name in ("stdout", "stderr"))
                self.assertEqual(files, self.expected_output(job))
                chunks = self.takt.worker_rpc("ReadOutput", job_id=job.job_id,
                                              stream="OUTPUT_STREAM_STDOUT").lines
                data = [base64.b64decode(json.loads(line).get("chunk", {}).get("data", ""))
                        for line in chunks]
                self.assertEqual(b"".join(data).decode(), files[0])
                self.assertEqual(self.fleet.ledger().count(job.name), 1)

    def test_what_was_damaged_before_is_set_aside_until_it_can_be_read(self) -> None:
        damaged = self.fleet.of_kind("damaged")
        self.assertEqual(self.fleet.set_aside(), self.fleet.damaged_links())
        for job in damaged:
            refused = self.takt.worker_rpc("QueryJob", False, job_id=job.job_id)
            self.assertEqual(refused.code, 3, refused)
            self.assertEqual(json.loads(refused.stderr)["code"], "DATA_LOSS")
            spec = f"{folder_of(job.job_id)}/spec"
            self.machine.run("cp", "-p", f"{spec}.kept", spec)
        self.machine.run("systemctl", "restart", WORKER)
        self.takt.wait_for_ready_worker()
        self.assertEqual(self.fleet.set_aside(), set())
        self.end_at_the_worker(damaged)

    def test_no_other_record_is_damaged(self) -> None:
        damaged = {job.job_id: 1 for job in self.fleet.of_kind("damaged")}
        self.assertEqual(self.fleet.reported_damage(), damaged)
        found = self.machine.run("find", "/var/lib/takt/jobs", "-name", "*.damaged").lines
        self.assertEqual(found, [])

    def test_finished_jobs_have_ended_as_they_did(self) -> None:
        for job in self.fleet.finished:
            with self.subTest(job.name):
                found = self.after.jobs[job.job_id]
                end = found["attempts"][-1]["end"]
                cause, code = job.end
                self.assertEqual(end["cause"], f"END_CAUSE_{cause}")
                if code is not None:
                    self.assertEqual(end.get("exit_code", end.get("signal")), code)
                self.assertEqual(self.fleet.ledger().count(job.name), job.runs)
                if job.stdout is not None:
                    self.assertEqual(self.after.output[job.job_id], (job.stdout, job.stderr))
                self.assertEqual(self.after.output[job.job_id][0],
                                 self.before.output[job.job_id][0])
        name = next(job.job_id for job in self.fleet.finished if job.name.startswith("bytes"))
        said = self.machine.shell(f"takt logs {name} | base64 -w0", user="alice").stdout
        self.assertEqual(base64.b64decode(said), upgrade_work.ODD_BYTES)

    def test_the_times_and_the_order_of_lines_read_as_before(self) -> None:
        self.assertEqual(len(self.before.timed), len(LAUNCHERS))
        for said in self.before.timed.values():
            times, words = zip(*(line.split(" ")[:2] for line in said.splitlines()))
            self.assertEqual("".join(words), "oe" * upgrade_work.LINES)
            self.assertGreater(len(set(times)), upgrade_work.LINES)
        self.assertEqual(self.after.timed, self.before.timed)

    def test_tasks_of_finished_arrays_have_ended_as_they_did(self) -> None:
        ledger = self.fleet.ledger()
        for launcher, array in self.fleet.arrays.items():
            tasks = [self.after.jobs[job] for job in self.after.jobs
                     if self.after.jobs[job].get("part_of") == array]
            codes = {task.get("part_index", 0): task["attempts"][0]["end"]["exit_code"]
                     for task in tasks}
            self.assertEqual(codes, {index: index % 7 for index in range(TASKS)})
            for index in range(TASKS):
                self.assertEqual(ledger.count(f"task-{launcher}-{index}"), 1)
        for name, index in self.fleet.sampled_tasks().items():
            self.assertEqual(self.after.output[name], (f"task {index}\n", ""))

    def test_the_record_of_what_has_ended_reads_as_before(self) -> None:
        ended = {job: found for job, found in self.before.jobs.items() if found["state"] in ENDED}
        self.assertEqual(len(ended), len(self.fleet.finished) + len(LAUNCHERS) * (1 + TASKS))
        for job, found in ended.items():
            self.assertEqual(comparable(self.after.jobs[job]), comparable(found))
        self.assertEqual(comparable(self.after.said), comparable(self.before.said))
        self.assertEqual(comparable(self.after.events[:len(self.before.events)]),
                         comparable(self.before.events))

    def test_what_is_queued_waits_on_and_runs_when_it_may(self) -> None:
        waiting = [job for group in self.fleet.queued.values() for job in group]
        waiting += [job for job in self.before.jobs
                    if self.before.jobs[job].get("part_of") in self.fleet.queued["array"]]
        self.assertEqual(len(waiting), 5 * QUEUED + 1)
        for job in waiting:
            self.assertEqual(self.after.jobs[job]["state"], "JOB_STATE_QUEUED")
            self.assertEqual(comparable(self.after.jobs[job]), comparable(self.before.jobs[job]))
        self.takt.run("release", *self.fleet.queued["held"], *self.fleet.queued["array"])
        self.fleet.configure(LABEL)
        self.let_end(self.fleet.of_kind("licence", "awaited"))
        self.takt.wait_for_ends([job for group in self.fleet.queued.values() for job in group])
        ledger = self.fleet.ledger()
        tasks = [f"{self.fleet.queued['array'][0]}/{index}" for index in range(QUEUED)]
        for why, group in {**self.fleet.queued, "array": tasks}.items():
            for number, job in enumerate(group):
                with self.subTest(f"{why}-{number}"):
                    self.assertEqual(self.takt.job(job)["state"], "JOB_STATE_SUCCEEDED")
                    self.assertEqual(self.fleet.output_of(job), (f"{why} {number}\n", ""))
                    self.assertEqual(ledger.count(f"{why}-{number}"), 1)

    def test_with_a_lease_they_are_alive_when_the_lease_before_is_long_over(self) -> None:
        leased = self.fleet.of_kind("lease")
        self.machine.wait_until(lambda: self.fleet.lease_is_over(self.lease_from_s),
                                "the time of a lease", 120)
        for job in leased:
            self.assertEqual(self.takt.job(job.job_id)["state"], "JOB_STATE_RUNNING")
        self.let_end(leased)


class StoredPackages(unittest.TestCase):
    """The stored versions as files."""

    def test_they_are_what_their_sums_say(self) -> None:
        self.assertTrue(staging.stored_versions())
        for stored in staging.stored_versions():
            with self.subTest(stored.name):
                lines = (stored / SUMS).read_text().splitlines()
                sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
                found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                         for path in stored.iterdir() if path.name != SUMS}
                self.assertEqual(found, sums)
                self.assertEqual(sorted(name.split("_")[0] for name in sums), sorted(PACKAGES))


def add_class(stored) -> None:
    """Makes the class of tests for one stored version."""
    name = f"Upgrade_{stored.name}"
    needed = root.dependencies(list(stored.glob("*.deb"))) - set(PACKAGES)
    globals()[name] = type(name, (Upgrade, PackagesCase), {
        "__module__": __name__, "stored": stored, "tools": tuple(sorted(needed)),
        "packages": functools.partial(staging.install_stored, stored)})


if root.release() == staging.STORED_RELEASE:
    for folder in staging.stored_versions():
        add_class(folder)
