# SPDX-License-Identifier: Apache-2.0
"""What cuts are made of: a load that is cut off at a random moment, or a start that is."""

import os
import random
import time

from . import image
from .case import GuestCase
from .guest import BOOT_TIMEOUT_S

CUTS = int(os.environ.get("TAKT_VM_CUTS", "3"))
LONGEST_WAIT_S = 0.05  # after the report that was waited for
RECOVERY_S = 1.0  # from the first sign of the daemon
LOAD_TIMEOUT_S = 300


class PowerCase(GuestCase):
    """A class says which program of inside/ its load is, and how much of it a cut waits for."""

    maxDiff = None
    load = "load.py"
    reports_until_cut = (20, 150)

    def load_until(self, batch: int, random_source: random.Random, enough) -> None:
        """Starts a batch of load; returns when enough() says so of its reports."""
        before = len(self.guest.reports)
        load = self.guest.begin(f"{image.INSIDE}/{self.load}", str(batch),
                                str(random_source.randrange(10**9)), user="alice")

        def ready() -> bool:
            if load.done():
                raise AssertionError(f"the load ended: {load.result()}")
            return enough(self.guest.reports[before:])
        self.guest.wait_until(ready, "the load's reports", LOAD_TIMEOUT_S)

    def cut_under_load(self, number: int, source: random.Random) -> None:
        """Cuts the power after some number of reports, or a moment later."""
        wanted = source.randint(*self.reports_until_cut)
        self.load_until(number, source, lambda reports: len(reports) >= wanted)
        time.sleep(source.uniform(0, LONGEST_WAIT_S))  # not for anything: any moment will do
        self.guest.cut()

    def cut_in_recovery(self, source: random.Random, daemon: str) -> None:
        """Boots, and cuts the power about when a daemon settles what it finds."""
        self.guest.start(*self.kernel_arguments)
        self.guest.wait_until(lambda: daemon in self.guest.said(), daemon, BOOT_TIMEOUT_S)
        time.sleep(source.uniform(0, RECOVERY_S))  # as above
        self.guest.cut()
