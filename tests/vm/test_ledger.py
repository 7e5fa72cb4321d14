# SPDX-License-Identifier: Apache-2.0
"""Power cuts of a scheduler that has much to write: every answered request is on its books, what
was not answered is there whole or not at all, and asking again makes nothing twice.

There is no worker until the last boot, so all that goes to the scheduler's disk is what clients ask
for. Every third cut falls while the scheduler reads what the cut before it left.
"""

import collections
import json

from machine import image
from machine.case import chance
from machine.ledger import Complaint, judge, to_repeat, unanswered
from machine.power import CUTS, PowerCase

SETTLE_S = 240  # until what was released has run
SURVEY_TIMEOUT_S = 300
NO_WORKER = ("systemd.mask=takt-worker.socket", "systemd.mask=takt-worker.service")


class LedgerCase(PowerCase):
    """A scheduler on its own."""

    load = "asker.py"
    reports_until_cut = (40, 300)  # a question and its answer are two
    kernel_arguments = NO_WORKER

    def complaints(self, worker: bool = False) -> list[Complaint]:
        """Returns the promises that are broken now; says how much there was to break."""
        reports = list(self.guest.reports)
        patience_s = SETTLE_S if worker else 0
        said = self.guest.run(f"{image.INSIDE}/ledger.py", "alice", str(patience_s),
                              stdin=json.dumps({"again": to_repeat(reports)}),
                              timeout_s=patience_s + SURVEY_TIMEOUT_S).stdout
        found = json.loads(said)
        told = collections.Counter(report["told"] for report in reports if "told" in report)
        states = collections.Counter(job["state"] for job in found["later"].values())
        print(f"told: {dict(told)}; unanswered: {len(unanswered(reports))}; "
              f"found: {dict(states)}", flush=True)
        # What was not answered before is now.
        self.guest.reports += [{"told": "submit", "request": request, "names": names,
                                "jobs": found["again"][request]}
                               for request, names in unanswered(reports).items()]
        runs = [report for report in self.guest.reports if "ran" in report]
        return judge([*(report for report in reports if "ran" not in report), *runs], found, worker)


class SchedulerCuts(LedgerCase):
    """The scheduler as it is."""

    def test_answered_is_kept_and_nothing_is_half_done(self) -> None:
        source = chance()
        for number in range(1, CUTS + 1):
            if number % 3:
                self.cut_under_load(number, source)
            else:
                self.cut_in_recovery(source, "takt-scheduler")
            last = number == CUTS
            if number % 3 == 2 and not last:
                continue  # the next cut falls into what comes now
            self.guest.boot(*(() if last else self.kernel_arguments))
            with self.subTest(cut=number):
                self.assertEqual(list(map(str, self.complaints(worker=last))), [])


class SchedulerControl(LedgerCase):
    """The same with syncing made void: if nobody complains about that, nothing above is proven."""

    kernel_arguments = (*NO_WORKER,
                        f"systemd.setenv=LD_PRELOAD={image.INSIDE}/{image.EATMYDATA}")

    def test_without_syncing_the_oracle_complains(self) -> None:
        told = {"submit", "stop", "priority"}
        self.load_until(1, chance(), lambda reports: told <= {
            report.get("told") for report in reports})
        self.guest.cut()
        self.guest.boot(*self.kernel_arguments)
        kinds = {complaint.kind for complaint in self.complaints()}
        self.assertGreaterEqual(kinds, {f"{what} lost" for what in told})
