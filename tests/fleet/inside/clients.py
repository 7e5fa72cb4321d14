#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that have short jobs run while the scheduler comes and goes.

Usage: clients.py MARK JOBS SEED WITNESS. The names of the jobs begin with MARK. Several submit at
once, single jobs and batches, each with a request id; a call that got no answer is made again, and
so are some that got one. One watches and reads on where it was cut off. Prints a line for every
ten jobs that are over, and at last one JSON object: {"submitted": {name: id}, "told": {id: how
often its end was}, "jobs": [{"job_id", "name", "end", "attempts"}], "repeats": calls made again for
want of an answer, "faults": [text]}.
"""

import collections
import itertools
import json
import random
import sys
import threading
import time

import calls
from calls import grpc, job_pb2, job_service_pb2, job_service_pb2_grpc

from takt.v1 import job_end_pb2

SUBMITTERS = 4
AT_ONCE = 80  # jobs under way: more than there are slots
BATCH = 5
LONGEST_S = 1
PAGE = 1000
SETTLE_S = 120  # without news of an end
TELL_EVERY = 10  # jobs
WATCH_S = 10  # at a time
ENDED = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_STOPPED)
# The line is one write, to a file that belongs to this job alone.
SCRIPT = 'echo "$TAKT_JOB_ID $TAKT_ATTEMPT" >> "$1/$2"; sleep "$3"; exit "$4"'


class Clients:
    """All clients, and what they were told."""

    def __init__(self, mark: str, jobs: int, seed: int, witness: str):
        self._mark = mark
        self._jobs = jobs
        self._chance = random.Random(seed)
        self._witness = witness
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._room = threading.Semaphore(AT_ONCE)
        self._submitted: dict[str, str] = {}
        self._told: collections.Counter = collections.Counter()
        self._repeats = 0
        self._news_at = time.monotonic()
        self._faults: list[str] = []

    def run(self) -> dict:
        """Has all jobs run; returns what is printed at the end."""
        revision = self._submit_first()
        watcher = threading.Thread(target=self._watch, args=(revision - 1,), daemon=True)
        submitters = [threading.Thread(target=self._guarded, args=(self._submit_rest,))
                      for _ in range(SUBMITTERS)]
        for thread in [watcher, *submitters]:
            thread.start()
        for thread in submitters:
            thread.join()
        watcher.join()
        return {"submitted": self._submitted, "told": self._told, "jobs": self._list(),
                "repeats": self._repeats, "faults": self._faults}

    def _stub(self) -> job_service_pb2_grpc.JobServiceStub:
        return job_service_pb2_grpc.JobServiceStub(
            grpc.insecure_channel("unix:/run/takt/scheduler.sock", calls.OPTIONS))

    def _spec(self, number: int) -> job_pb2.JobSpec:
        code = number % 100
        name = f"{self._mark}-{number}-{code}"
        takes = f"{self._chance.uniform(0, LONGEST_S):.2f}"
        return job_pb2.JobSpec(name=name, argv=["sh", "-c", SCRIPT, "job", self._witness, name,
                                                takes, str(code)])

    def _surely(self, call, request: object) -> object:
        """Makes a call again until it is answered; counts how often that took."""
        deadline = time.monotonic() + calls.PATIENCE_S
        while True:
            try:
                return call(request, timeout=calls.CALL_S)
            except grpc.RpcError as error:
                if not calls.cut_off(error) or time.monotonic() > deadline:
                    raise
            with self._lock:
                self._repeats += 1
            time.sleep(calls.PAUSE_S)

    def _submit_first(self) -> int:
        """Submits one job; returns its revision, from which on all is watched."""
        spec = self._spec(next(self._numbers))
        self._room.acquire()
        done = self._surely(self._stub().SubmitJob, job_service_pb2.SubmitJobRequest(
            spec=spec, request_id=spec.name))
        self._submitted[spec.name] = done.job_id
        return done.revision

    def _guarded(self, work) -> None:
        """Whatever goes wrong in a thread is a fault."""
        try:
            work()
        except Exception as error:  # noqa: BLE001: every kind of trouble is a finding
            self._faults.append(f"trouble: {type(error).__name__}: {error}")

    def _submit_rest(self) -> None:
        """One client, until all is submitted."""
        stub = self._stub()
        while True:
            with self._lock:
                size = self._chance.choice([1, 1, BATCH])
                numbers = [number for number in itertools.islice(self._numbers, size)
                           if number <= self._jobs]
                specs = [self._spec(number) for number in numbers]
                again = self._chance.random() < 0.1
            if not specs:
                return
            for _ in specs:
                if not self._room.acquire(timeout=SETTLE_S):
                    raise TimeoutError("no job comes to its end")
            ids = self._submit(stub, specs)
            if again and (repeated := self._submit(stub, specs)) != ids:
                self._faults.append(f"double: {specs[0].name} was {ids}, then {repeated}")
            with self._lock:
                self._submitted.update(zip((spec.name for spec in specs), ids))

    def _submit(self, stub, specs: list[job_pb2.JobSpec]) -> list[str]:
        request_id = specs[0].name
        if len(specs) == 1:
            return [self._surely(stub.SubmitJob, job_service_pb2.SubmitJobRequest(
                spec=specs[0], request_id=request_id)).job_id]
        return list(self._surely(stub.SubmitJobs, job_service_pb2.SubmitJobsRequest(
            specs=specs, request_id=request_id)).job_ids)

    def _watch(self, revision: int) -> None:
        """Counts the ends that are told, until all are or nothing more comes."""
        self._news_at = time.monotonic()
        while self._told.total() < self._jobs and time.monotonic() < self._news_at + SETTLE_S:
            try:
                request = job_service_pb2.WatchJobsRequest(after_revision=revision)
                for change in self._stub().WatchJobs(request, timeout=WATCH_S):
                    revision = change.revision
                    self._take(change.event)
                    if self._told.total() >= self._jobs:
                        break
            except grpc.RpcError as error:
                if not calls.cut_off(error):
                    self._faults.append(f"trouble: watching: {error}")
                    return
            time.sleep(calls.PAUSE_S)

    def _take(self, event: job_service_pb2.JobEvent) -> None:
        if event.state in ENDED:
            self._told[event.job_id] += 1
            self._news_at = time.monotonic()
            self._room.release()
            if self._told.total() % TELL_EVERY == 0:
                print(f"{self._told.total()} of {self._jobs} jobs over", flush=True)

    def _list(self) -> list[dict]:
        """Returns all jobs of ours as they stand in the end."""
        stub, found = self._stub(), []
        request = job_service_pb2.ListJobsRequest(page_size=PAGE)
        while True:
            answer = self._surely(stub.ListJobs, request)
            found += [{"job_id": job.job_id, "name": job.spec.name, "end": end_of(job.end),
                       "attempts": len(job.attempts)} for job in answer.jobs
                      if job.spec.name.startswith(f"{self._mark}-")]
            if not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token


def end_of(end: job_end_pb2.JobEnd) -> dict:
    """Returns what is told of an end, in short."""
    said = {"cause": job_end_pb2.EndCause.Name(end.cause).removeprefix("END_CAUSE_")}
    for field in ("exit_code", "signal"):
        if end.HasField(field):
            said[field] = getattr(end, field)
    return said


def main() -> None:
    mark, jobs, seed, witness = sys.argv[1:]
    print(json.dumps(Clients(mark, int(jobs), int(seed), witness).run()), flush=True)


main()
