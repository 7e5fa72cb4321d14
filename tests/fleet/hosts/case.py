# SPDX-License-Identifier: Apache-2.0
"""The base of the tests of a fleet: one fleet a class, its journals kept when a test fails."""

import os
import random

from harness.case import EvidenceCase

from .fleet import Fleet

WORKERS = 4
LONG = os.environ.get("TAKT_ALL") == "1"


def chance() -> random.Random:
    """Returns the source of what is random in a test; TAKT_TEST_SEED repeats a run."""
    seed = os.environ.get("TAKT_TEST_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"TAKT_TEST_SEED={seed}", flush=True)
    return random.Random(int(seed))


class FleetCase(EvidenceCase):
    """A test class with a fleet in self.fleet, all of it up."""

    suite = "fleet"
    maxDiff = None
    fleet: Fleet

    @classmethod
    def setUpClass(cls) -> None:
        cls.fleet = Fleet(WORKERS)
        cls.addClassCleanup(cls.fleet.stop)
        try:
            cls.fleet.boot()
        except BaseException:
            print(cls.fleet.journals(), flush=True)
            raise

    def evidence(self) -> str:
        return self.fleet.journals()
