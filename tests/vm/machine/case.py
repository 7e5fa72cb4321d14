# SPDX-License-Identifier: Apache-2.0
"""The base of the tests on a kernel of their own: one machine a class, over any number of boots.

Guarantees: a class's machine is stopped and removed however the class ends; a failing test leaves
what kernel and journal said in build/vm-artifacts.
"""

import os
import random

from harness.case import EvidenceCase
from harness.takt import Takt

from .guest import Guest


def chance() -> random.Random:
    """Returns the source of what is random in a test; TAKT_TEST_SEED repeats a run."""
    seed = os.environ.get("TAKT_TEST_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"TAKT_TEST_SEED={seed}", flush=True)
    return random.Random(int(seed))


class GuestCase(EvidenceCase):
    """A test class with a booted machine in self.guest; takt's daemons are up."""

    suite = "vm"
    kernel_arguments: tuple[str, ...] = ()
    guest: Guest
    takt: Takt

    @classmethod
    def setUpClass(cls) -> None:
        cls.guest = Guest()
        cls.addClassCleanup(cls.guest.stop)
        cls.takt = Takt(cls.guest)
        cls.guest.boot(*cls.kernel_arguments)

    def evidence(self) -> str:
        return self.guest.console()
