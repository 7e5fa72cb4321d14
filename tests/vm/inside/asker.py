#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The work of a scheduler without a worker that a power cut interrupts: submissions without end,
single ones and batches, and what clients do with jobs that wait.

Usage: asker.py BATCH SEED. Reports to the host, at once and past every disk of this machine, what
it is about to ask: {"asked": what, …}, and that it was answered: {"told": what, …}. A "submit" has
"request", "names" and, answered, "jobs"; "stop", "priority" and "held" have "job" and "value".
"""

import itertools
import json
import os
import random
import sys
import threading

import doors
from doors import job_service_pb2

REPORTS = os.open("/dev/reports", os.O_WRONLY | os.O_NOCTTY)
CLIENTS = 4
BATCH_OF_JOBS = 5
LOWEST = -1000
# What becomes of a job; those that are released run when there is a worker, so they are few.
FATES = ((), (), ("priority",), ("priority", "priority"), ("stop",), ("priority", "stop"),
         ("release", "hold"), ("release",))


def report(**what: object) -> None:
    """Tells the host; a line is one write, so lines never mix."""
    os.write(REPORTS, json.dumps(what).encode() + b"\n")


class Client:
    """One of several that ask at the same time, each for jobs of its own."""

    def __init__(self, batch: int, number: int, seed: int):
        self._mark = f"ask-{batch}-{number}"
        self._chance = random.Random(seed + number)
        self._jobs = doors.scheduler()

    def ask(self, call, request: object) -> object:
        return call(request, timeout=doors.DEADLINE_S, wait_for_ready=True)

    def submit_for_ever(self) -> None:
        """Submits, and deals with what it has got."""
        for number in itertools.count():
            size = self._chance.choice([1, 1, BATCH_OF_JOBS])
            names = [f"{self._mark}-{number}-{part}" for part in range(size)]
            for job in self._submit(f"{self._mark}-{number}", names):
                for step in self._chance.choice(FATES):
                    self._change(job, step)

    def _submit(self, request: str, names: list[str]) -> list[str]:
        report(asked="submit", request=request, names=names)
        jobs = doors.submit(self._jobs, request, names)
        report(told="submit", request=request, names=names, jobs=jobs)
        return jobs

    def _change(self, job: str, step: str) -> None:
        """Makes one change to a job that waits."""
        what, value, call, request = {
            "stop": lambda: ("stop", True, self._jobs.StopJob,
                             job_service_pb2.StopJobRequest(job_id=job)),
            "hold": lambda: ("held", True, self._jobs.HoldJob,
                             job_service_pb2.HoldJobRequest(job_id=job)),
            "release": lambda: ("held", False, self._jobs.ReleaseJob,
                                job_service_pb2.ReleaseJobRequest(job_id=job)),
            "priority": lambda: self._priority(job, self._chance.randint(LOWEST, -1)),
        }[step]()
        report(asked=what, job=job, value=value)
        self.ask(call, request)
        report(told=what, job=job, value=value)

    def _priority(self, job: str, value: int) -> tuple:
        return ("priority", value, self._jobs.UpdateJob,
                job_service_pb2.UpdateJobRequest(job_id=job, priority=value))


def main() -> None:
    batch, seed = map(int, sys.argv[1:])
    for number in range(CLIENTS):
        threading.Thread(target=Client(batch, number, seed).submit_for_ever).start()


main()
