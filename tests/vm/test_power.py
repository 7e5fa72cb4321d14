# SPDX-License-Identifier: Apache-2.0
"""Power cuts: what takt has told is on disk, and what it tells afterwards is true.

Each boot checks what the cut before it left, then is the workload of the next cut; every third cut
falls while takt recovers from the one before. What is proven is that each write was synced before
it was told; that a disk keeps the order of writes below the file system is not.
"""

import collections
import json

from machine import image
from machine.case import chance
from machine.oracle import Complaint, judge
from machine.power import CUTS, PowerCase

SETTLE_S = 240
SURVEY_TIMEOUT_S = 300


class DaemonsCase(PowerCase):
    """Both daemons, under jobs."""

    def survey(self) -> dict:
        """Returns what takt knows when all has ended."""
        said = self.guest.run(f"{image.INSIDE}/survey.py", str(SETTLE_S),
                              timeout_s=SETTLE_S + SURVEY_TIMEOUT_S).stdout
        return json.loads(said)

    def complaints(self) -> list[Complaint]:
        """Returns the promises that are broken now; says how much there was to break."""
        found = self.survey()
        ends = collections.Counter(
            attempt["end"]["cause"] for known in [
                *(job["attempts"] for job in found["jobs"].values()), *found["attempts"].values()]
            for attempt in known.values() if attempt["end"])
        told = collections.Counter(f"{report['door']} {report['told']}"
                                   for report in self.guest.reports if "told" in report)
        print(f"told: {dict(told)}; found: {dict(ends)}", flush=True)
        return judge(self.guest.reports, found)


class PowerCuts(DaemonsCase):
    """The daemons as they are."""

    def test_told_is_kept_and_nothing_is_invented(self) -> None:
        source = chance()
        for number in range(1, CUTS + 1):
            if number % 3:
                self.cut_under_load(number, source)
            else:
                self.cut_in_recovery(source, "takt-worker")
            if number % 3 == 2 and number < CUTS:
                continue  # the next cut falls into what comes now
            self.guest.boot()
            with self.subTest(cut=number):
                self.assertEqual(list(map(str, self.complaints())), [])


class Control(DaemonsCase):
    """The same with syncing made void: if nobody complains about that, nothing above is proven."""

    kernel_arguments = (f"systemd.setenv=LD_PRELOAD={image.INSIDE}/{image.EATMYDATA}",)

    def test_without_syncing_the_oracle_complains(self) -> None:
        told = {("scheduler", "submitted"), ("scheduler", "ended"), ("worker", "ended")}
        self.load_until(1, chance(), lambda reports: told <= {
            (report.get("door"), report.get("told")) for report in reports})
        self.guest.cut()
        self.guest.boot(*self.kernel_arguments)
        kinds = {complaint.kind for complaint in self.complaints()}
        self.assertGreaterEqual(kinds, {" ".join([f"{door}:", what, "lost"])
                                        for door, what in told})

