# SPDX-License-Identifier: Apache-2.0
"""Brings a machine into the state that an upgrade has to carry over, and records what is seen.

Guarantees: each step returns once its effect can be observed; a snapshot is taken with what is
installed at that time, so that two of them compare two versions.
"""

import contextlib
import dataclasses
import json

import upgrade_work
from harness import host
from harness.takt import ENDED, Takt, folder_of
from upgrade_work import LAUNCHERS, LEDGER, LEASE_S, STOP_REASON, TASKS, Finished, Running

WORKER = "takt-worker.service"
SCHEDULER = ("takt-scheduler.socket", "takt-scheduler.service")
WORKER_CONF = "/etc/takt/worker.conf.d/50-test.conf"
ACTIVE, DAMAGED = "/var/lib/takt/active", "/var/lib/takt/damaged"
RECORD_DAMAGED_ID = "7a1c40e5d2f64d0bb0f3a1f2c9d83e21"
# What ends a spec's life as a record: half of it is gone, or its version is one of the future.
DAMAGE = {"scope": "truncate -s $(($(stat -c %s {spec}) / 2)) {spec}",
          "cgroup": "printf '\\143' | dd of={spec} bs=1 seek=4 conv=notrunc status=none"}
SETTLE_S = 20  # from a worker that is ready to all of its reports
SAMPLED = (0, 6, 17, TASKS - 1)  # tasks of each array whose output is read
# A sentence for people, made when it is asked for; and fields that stored versions do not know.
NOT_COMPARED = {"message"}
NEW_FIELDS = {"is_summary", "readers", "input_removed"}
LIVE = {"usage", "remaining", "revision"}  # differ from one moment to the next while a job runs


def comparable(document: object, without: frozenset[str] | set[str] = frozenset()) -> object:
    """Returns a JSON document without the fields that may differ between two versions."""
    left_out = NOT_COMPARED | NEW_FIELDS | without
    if isinstance(document, dict):
        return {key: comparable(value, without) for key, value in document.items()
                if key not in left_out}
    if isinstance(document, list):
        return [comparable(value, without) for value in document]
    return document


@dataclasses.dataclass
class Snapshot:
    """What is seen of all jobs, through the API, the command line and the process table."""

    jobs: dict[str, dict]  # by id, tasks of arrays too
    said: dict[str, dict]  # by id, of the jobs that have ended, as takt status prints them
    events: list[dict]  # the scheduler's history, from its begin
    attempts: dict[str, dict]  # by name, of the running jobs
    processes: dict[str, str]  # by name, the leader's pid and when it was started
    supervisors: dict[str, str]  # by pid, the program that each runs
    output: dict[str, tuple[str, str]]  # of a job, or a task, both streams
    timed: dict[str, str]  # by id, both streams in one, each line with its time
    lines: dict[str, int]  # by name, that a running job has written


class UpgradeFleet:
    """All jobs of one machine."""

    def __init__(self, takt: Takt):
        self.takt = takt
        self.machine = takt.machine
        self.running: list[Running] = upgrade_work.running_jobs()
        self.finished: list[Finished] = list(upgrade_work.finished_jobs())
        self.arrays: dict[str, str] = {}  # ids by launcher, of those that have ended
        self.queued: dict[str, list[str]] = {}  # ids by why they wait

    def of_kind(self, *kinds: str) -> list[Running]:
        """Returns the running jobs of these kinds."""
        return [job for job in self.running if job.kind in kinds]

    def on_record(self) -> list[Running]:
        """Returns the running jobs that the scheduler knows."""
        return [job for job in self.running if job.kind not in ("direct", "damaged")]

    def configure(self, labels: str = "") -> None:
        """Gives the worker room for all, and labels, with a reload."""
        self.machine.write(WORKER_CONF, f"[worker]\nresources = licence={len(LAUNCHERS)}\n"
                                        f"labels = {labels}\n[jobs]\nslots = 100\n")
        self.machine.run("systemctl", "reload", WORKER)

    def begin(self) -> None:
        """Submits all; returns when what is to run runs, and what is to have ended has."""
        self.machine.write(LEDGER, "", 0o666)
        self.configure()
        recorded = self.on_record()
        specs = [*(job.spec() for job in recorded), *(job.spec for job in self.finished),
                 *upgrade_work.finished_arrays()]
        ids = self.takt.rpc("SubmitJobs", specs=specs)["job_ids"]
        for job, job_id in zip([*recorded, *self.finished], ids):
            job.job_id = job_id
        self.arrays = dict(zip(LAUNCHERS, ids[-len(LAUNCHERS):], strict=True))
        for job in self.of_kind("direct", "damaged"):
            started = self.takt.worker_rpc("StartJob", spec=job.spec())
            job.job_id = json.loads(started.stdout)["attempt"]["job_id"]
        queued = upgrade_work.queued_jobs({job.name: job.job_id for job in recorded})
        for why, group in queued.items():
            self.queued[why] = self.takt.rpc("SubmitJobs", specs=group)["job_ids"]
        stopped = [job for job in self.finished if job.name.startswith("stopped")]
        self.wait_for_ledger({job.name for job in [*self.running, *stopped]})
        self.takt.run("stop", "--reason", STOP_REASON, *(job.job_id for job in stopped))
        self.takt.wait_for_ends([*(job.job_id for job in self.finished), *self.arrays.values()])

    def wait_for_ledger(self, names: set[str]) -> None:
        """Waits until these jobs have begun."""
        self.machine.wait_until(lambda: names <= set(self.ledger()), "jobs to begin", 60)

    def ledger(self) -> list[str]:
        """Returns the names of all jobs that have begun, once for each time."""
        return self.machine.read(LEDGER).split()

    def pause_and_stop(self) -> None:
        """Some are paused, and some are being stopped and do not heed it."""
        self.takt.run("pause", *(job.job_id for job in self.of_kind("paused")))
        self.takt.run("stop", "--reason", STOP_REASON,
                      *(job.job_id for job in self.of_kind("ending")))
        self.wait_for_states()

    def are_in_their_states(self) -> bool:
        """Says whether the running jobs are as they have to be before and after the upgrade."""
        jobs = self.takt.all_jobs()
        return all(jobs[job.job_id]["state"] == job.state and
                   "unreachable_since_time" not in jobs[job.job_id]
                   for job in self.on_record() if job.kind != "owed")

    def wait_for_states(self) -> None:
        """Waits until the running jobs are in their states."""
        self.machine.wait_until(self.are_in_their_states, "all to be in their states", 60)

    def damage(self) -> None:
        """The installed worker finds records that it cannot read, and sets them aside."""
        self.machine.run("systemctl", "stop", WORKER)
        for job in self.of_kind("damaged"):
            spec = f"{folder_of(job.job_id)}/spec"
            self.machine.shell(f"cp -p {spec} {spec}.kept; "
                               + DAMAGE[job.launcher].format(spec=spec))
        self.machine.run("systemctl", "start", WORKER)
        self.takt.wait_for_ready_worker()
        self.machine.wait_until(lambda: self.set_aside() == self.damaged_links(), "the damage")
        self.wait_for_states()

    def damaged_links(self) -> set[str]:
        """Returns the links of the damaged jobs."""
        return {f"{job.job_id}.1" for job in self.of_kind("damaged")}

    def set_aside(self) -> set[str]:
        """Returns the attempts whose records could not be read."""
        return set(self.machine.run("ls", DAMAGED).lines)

    def reported_damage(self) -> dict[str, int]:
        """Returns how often the journal says of a job that a record of it is damaged."""
        lines = self.machine.run("journalctl", "-o", "json", f"MESSAGE_ID={RECORD_DAMAGED_ID}",
                                 check=False).lines
        jobs = [json.loads(line)["TAKT_JOB_ID"] for line in lines if line.startswith("{")]
        return {job: jobs.count(job) for job in jobs}

    def owe_ends(self) -> None:
        """Jobs end while no scheduler can be reached; their ends are owed from then on."""
        self.machine.run("systemctl", "mask", "--runtime", *SCHEDULER)
        self.machine.run("systemctl", "stop", *SCHEDULER)
        owed = self.of_kind("owed")
        self.machine.run("touch", *(job.go for job in owed))
        for job in owed:
            self.machine.wait_until(
                lambda job=job: self.machine.exists(f"{folder_of(job.job_id)}/exit"), job.name)

    def owed_links(self) -> set[str]:
        """Returns what the worker still has to report of these ends."""
        owed = {f"{job.job_id}.1" for job in self.of_kind("owed")}
        return owed & set(self.machine.run("ls", ACTIVE).lines)

    def start_scheduler(self) -> None:
        """The scheduler is back, and has heard from the worker; what it knows then is recorded."""
        self.machine.run("systemctl", "unmask", "--runtime", *SCHEDULER)
        self.machine.run("systemctl", "start", *SCHEDULER)
        self.takt.wait_for_ready_worker()
        with contextlib.suppress(AssertionError):  # then a test says which is not
            self.machine.wait_until(self.are_in_their_states, "their states", SETTLE_S)

    def snapshot(self) -> Snapshot:
        """Records what is seen now."""
        jobs = self.takt.all_jobs()
        for array in [*self.arrays.values(), *self.queued["array"]]:
            jobs |= {job["job_id"]: job for job in self.takt.tasks(array)}
        attempts = {job.name: jobs[job.job_id]["attempts"][-1] for job in self.on_record()}
        for job in self.of_kind("direct"):
            attempts[job.name] = self.query(job)
        output = {name: self.output_of(name)
                  for name in [*(job.job_id for job in self.finished), *self.sampled_tasks()]}
        timed = {job.job_id: self.machine.shell(f"takt logs -t {job.job_id} 2>&1",
                                                user=self.takt.user, check=False).stdout
                 for job in self.finished if job.name.startswith("streams")}
        return Snapshot(jobs, self.said(), self.events(), attempts, self.processes(attempts),
                        self.supervisors(), output, timed, self.lines())

    def sampled_tasks(self) -> dict[str, int]:
        """Returns tasks of the arrays that have ended, and the index of each."""
        return {f"{array}/{index}": index for array in self.arrays.values() for index in SAMPLED}

    def query(self, job: Running) -> dict:
        """Returns an attempt as its worker reports it, or the status of the refusal."""
        answer = self.takt.worker_rpc("QueryJob", check=False, job_id=job.job_id)
        return json.loads(answer.stderr) if answer.code else json.loads(answer.stdout)["attempt"]

    def output_of(self, job: str) -> tuple[str, str]:
        """Returns both streams of a job, as takt logs prints them, or what it says instead."""
        logs = self.takt.run("logs", job, check=False)
        return logs.stdout, logs.stderr

    def said(self) -> dict[str, dict]:
        """Returns what takt status prints of all jobs that have ended."""
        names = [*(job.job_id for job in self.finished), *self.arrays.values(),
                 *self.sampled_tasks()]
        lines = self.takt.run("status", "--json", *names).lines
        return dict(zip(names, map(json.loads, lines), strict=True))

    def events(self) -> list[dict]:
        """Returns all changes that the scheduler knows."""
        lines = self.takt.run("watch", "--after-revision", "0", "--no-follow", "--json").lines
        return [json.loads(line) for line in lines]

    def ends_in(self, events: list[dict], job: Running) -> int:
        """Returns how often these changes say that the job has ended."""
        return sum(event["event"]["job_id"] == job.job_id and event["event"]["state"] in ENDED
                   for event in events if "event" in event)

    def processes(self, attempts: dict[str, dict]) -> dict[str, str]:
        """Returns the pid of each running job's leader, and when that process was started."""
        pids = {name: attempt.get("leader_pid", 0) for name, attempt in attempts.items()
                if "end" not in attempt}
        stats = self.machine.run("cut", "-d ", "-f1,22",
                                 *(f"/proc/{pid}/stat" for pid in pids.values()), check=False).lines
        started = {line.split()[0]: line for line in stats}
        return {name: started.get(str(pid), "gone") for name, pid in pids.items()}

    def supervisors(self) -> dict[str, str]:
        """Returns the program that each supervisor runs, by pid."""
        pids = host.supervisors(self.machine)
        programs = self.machine.shell(
            "".join(f"readlink /proc/{pid}/exe || echo gone\n" for pid in pids)).lines
        return dict(zip(pids, programs, strict=True))

    def lines(self) -> dict[str, int]:
        """Returns how many lines each running job has written to its standard output."""
        counts = self.machine.run("wc", "-l", *(f"{folder_of(job.job_id)}/stdout"
                                                for job in self.running)).lines
        return {job.name: int(line.split()[0]) for job, line in zip(self.running, counts)}

    def lease_is_over(self, since_s: float) -> bool:
        """Says whether a lease that was last renewed at `since_s` of the host's uptime is over."""
        return self.uptime_s() > since_s + LEASE_S

    def uptime_s(self) -> float:
        """Returns the host's uptime."""
        return float(self.machine.read("/proc/uptime").split()[0])
