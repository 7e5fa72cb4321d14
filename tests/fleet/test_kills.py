# SPDX-License-Identifier: Apache-2.0
"""Short jobs over a fleet whose scheduler is killed again and again, and whose wires are cut: each
job that a client submitted runs and ends exactly once, and its end is told exactly once.
"""

import json
import random
import subprocess
import threading
import time
from collections.abc import Callable

from hosts.case import LONG, FleetCase, chance
from hosts.fleet import INSIDE, WITNESS
from hosts.oracle import judge

JOBS = 5000 if LONG else 2000
JOBS_OVER_CUT_WIRES = 2000 if LONG else 1500
BETWEEN_KILLS_S = (0.3, 4) if LONG else (0.2, 2)
BETWEEN_CUTS_S = (0.2, 2)
# Short ones nobody notices; after some seconds connections are made anew.
CUT_S = (0.2, 12) if LONG else (0.2, 4)
PATIENCE_S = 1500 if LONG else 180
PROGRESS_S = 20  # without any, the next blow comes all the same
SHOWN = 20  # complaints


class Kills(FleetCase):
    """One fleet for both."""

    def run_jobs(self, mark: str, jobs: int, source: random.Random,
                 blow: Callable[[], None]) -> dict:
        """Has clients run jobs under one blow after another; returns what the clients saw."""
        for machine in self.fleet.workers.values():
            machine.run("install", "-d", "-m", "1777", f"{WITNESS}/{mark}")
        seed = str(source.randrange(10**9))
        began = time.monotonic()
        with self.fleet.scheduler.popen(
                [f"{INSIDE}/clients.py", mark, str(jobs), seed, f"{WITNESS}/{mark}"], user="alice",
                stdout=subprocess.PIPE, text=True) as clients:
            said: list[str] = []
            reader = threading.Thread(target=lambda: said.extend(clients.stdout))
            reader.start()
            blows = 0
            while clients.poll() is None:
                if time.monotonic() > began + PATIENCE_S:
                    clients.kill()
                blow()
                blows += 1
                # A slow host is not to spend all of its time on what the blows cost.
                self.wait_for_progress(clients, said)
            reader.join()
        self.assertEqual(clients.returncode, 0, said[-1:])
        seen = json.loads(said[-1])
        print(f"{mark}: {jobs} jobs in {time.monotonic() - began:.0f} s, {blows} blows, "
              f"{seen['repeats']} calls made again", flush=True)
        return seen

    @staticmethod
    def wait_for_progress(clients: subprocess.Popen, said: list[str]) -> None:
        """Waits until the clients say that more jobs are over, or for some time."""
        before, deadline = len(said), time.monotonic() + PROGRESS_S
        while (len(said) == before and clients.poll() is None
               and time.monotonic() < deadline):
            time.sleep(0.05)

    def check(self, mark: str, seen: dict, jobs: int) -> None:
        """Every job ran and ended once, and nothing is left of any."""
        lines = [(worker, file.split("/")[-1], line)
                 for worker, file, line in self.fleet.witnesses() if file.startswith(f"{mark}/")]
        found = judge(seen, lines)
        print("\n".join(found[:SHOWN]), flush=True)
        self.assertEqual((len(found), len(seen["submitted"])), (0, jobs))
        self.assertGreater(len({worker for worker, _, _ in lines}), 1)
        for name, machine in self.fleet.workers.items():
            machine.wait_until(lambda machine=machine: not machine.run(
                "ls", "/var/lib/takt/active").stdout, f"{name} to owe nothing")

    def kill_scheduler(self) -> None:
        self.fleet.scheduler.run("systemctl", "kill", "-s", "KILL", "takt-scheduler.service",
                                 check=False)  # it may just be down

    def test_a_scheduler_that_is_killed_again_and_again(self) -> None:
        source = chance()

        def blow() -> None:
            time.sleep(source.uniform(*BETWEEN_KILLS_S))  # not for anything: any moment will do
            self.kill_scheduler()
        self.check("kills", self.run_jobs("kills", JOBS, source, blow), JOBS)

    def test_wires_that_are_cut_at_random(self) -> None:
        source = chance()

        def blow() -> None:
            time.sleep(source.uniform(*BETWEEN_CUTS_S))  # as above
            names = source.sample(list(self.fleet.workers), source.randint(1, 2))
            self.fleet.cut(*names)
            time.sleep(source.uniform(*CUT_S))
            self.fleet.mend(*names)
        seen = self.run_jobs("wires", JOBS_OVER_CUT_WIRES, source, blow)
        self.check("wires", seen, JOBS_OVER_CUT_WIRES)
