#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One run of the torture suite, inside a machine on which both daemons are up; as root.

Usage: torture.py --jobs N --seed S. Prints how it goes on, and at last one JSON line: what was
counted, and the faults. Ends with code 0 whatever is found, so that the faults are read.
"""

import argparse
import collections
import json
import pathlib
import tempfile
import time
from collections.abc import Callable

import leftovers
import load
import oracle
import plan as plans
from blows import Blows

WITNESSES = pathlib.Path("/var/tmp/witness")
PEACEFUL_JOBS = 30  # before the blows, and after
PEACEFUL_FROM = 90000  # their numbers
CALM_SHARE = 0.2  # of the jobs, at the end
SETTLE_S = 60
TELL_EVERY_S = 10
SLOWEST_SHOWN = 5


def settled(look: Callable[[], list[str]]) -> list[str]:
    """Looks until nothing is found, for a bounded time; returns what is found still."""
    deadline = time.monotonic() + SETTLE_S
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


class Run:
    """One run: some jobs in peace, the load, the blows, and the judgement."""

    def __init__(self, jobs: int, seed: int):
        self._jobs = jobs
        self._witness = pathlib.Path(tempfile.mkdtemp(dir=WITNESSES))
        self._witness.chmod(0o777)
        self._folders = leftovers.job_folders()
        self._since = time.time()
        self._peaceful = [plans.make(seed, PEACEFUL_FROM + number)
                          for number in range(2 * PEACEFUL_JOBS)]
        self._plans = [plans.make(seed, number) for number in range(jobs)]
        self._descriptors: dict[str, collections.Counter] = {}
        self._seen: list[dict] = []
        self.blows = Blows(seed)
        self._began = self._told = time.monotonic()

    def warm_up(self) -> None:
        """Has some jobs run without a blow, and notes which descriptors remain of them."""
        with load.Load(self._witness) as client:
            self._seen += client.run(self._peaceful[:PEACEFUL_JOBS], lambda _: None)
        settled(leftovers.stray_processes)
        settled(leftovers.stray_links)
        self._descriptors = leftovers.all_descriptors()

    def torture(self) -> None:
        """Has all jobs run under blows."""
        self._began = self._told = time.monotonic()
        self.blows.start()
        try:
            with load.Load(self._witness) as client:
                self._seen += client.run(self._plans, self._progress)
        finally:
            self.blows.end()

    def cool_down(self) -> None:
        """Has some jobs run in peace again: takt is as it was."""
        with load.Load(self._witness) as client:
            self._seen += client.run(self._peaceful[PEACEFUL_JOBS:], lambda _: None)

    def _progress(self, over: int) -> None:
        self.blows.calm = over >= (1 - CALM_SHARE) * self._jobs
        now = time.monotonic()
        if now - self._told < TELL_EVERY_S and over < self._jobs:
            return
        self._told = now
        print(f"{over} of {self._jobs} jobs over after {now - self._began:.0f} s, "
              f"{len(self.blows.fallen)} blows", flush=True)

    def faults(self) -> list[str]:
        """Returns everything that is wrong."""
        found = self.blows.trouble.splitlines()
        for look in (leftovers.stray_processes, leftovers.stray_links, leftovers.stray_cgroups,
                     lambda: leftovers.more_descriptors(self._descriptors)):
            found += settled(look)
        found += leftovers.stray_files({seen["job_id"] for seen in self._seen} | self._folders)
        found += leftovers.daemon_deaths(self._since, self.blows.fallen)
        killed = self.blows.killed()
        by_number = {plan.number: plan for plan in self._peaceful + self._plans}
        for seen in self._seen:
            seen["witness"] = leftovers.witness_of(self._witness, seen["number"])
            seen["folder"] = leftovers.folder_of(seen["job_id"])
            wrong = oracle.judge(by_number[seen["number"]], seen, killed)
            found += wrong and [*wrong, load.evidence(seen)]
        return found

    def report(self) -> dict:
        """Judges; returns what is printed at the end."""
        seconds = round(time.monotonic() - self._began)
        causes = collections.Counter(
            seen["job"]["end"]["cause"].removeprefix("END_CAUSE_")
            for seen in self._seen if seen.get("job", {}).get("end"))
        slow = sorted(self._seen, key=lambda seen: -seen["took_s"])[:SLOWEST_SHOWN]
        return {"jobs": self._jobs, "seconds": seconds, "causes": dict(causes.most_common()),
                "blows": self.blows.count(),
                "bytes": sum(seen.get(stream, {}).get("bytes", 0)
                             for seen in self._seen for stream in "oe"),
                "slowest_s": {seen["number"]: round(seen["took_s"], 1) for seen in slow},
                "faults": self.faults()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    run = Run(options.jobs, options.seed)
    run.warm_up()
    run.torture()
    run.cool_down()
    print(json.dumps(run.report()), flush=True)


main()
