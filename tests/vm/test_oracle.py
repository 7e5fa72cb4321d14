# SPDX-License-Identifier: Apache-2.0
"""The oracles of the power cuts, without a machine: content with the truth and nothing else."""

import copy
import unittest

from machine import ledger
from machine.oracle import judge

DIRECT = "direct"
EXITED = {"cause": "EXITED", "exit_code": 5}
LOST = {"cause": "WORKER_LOST"}


def told(door: str, what: str, job: str, **more: object) -> dict:
    return {"door": door, "told": what, "job": job, **more}


def ran(what: str, job: str, code: int) -> dict:
    return {"ran": what, "job": job, "attempt": 1, "code": code}


REPORTS = [
    told("scheduler", "submitted", "a", name="load-1-1-5"),
    told("scheduler", "submitted", "b", name="load-1-2-6"),
    ran("begin", "a", 5),
    ran("begin", "b", 6),
    told("scheduler", "started", "b", attempt=1),
    ran("end", "a", 5),
    told("scheduler", "ended", "a", attempt=1, end=EXITED),
    ran("begin", DIRECT, 5),
    ran("end", DIRECT, 5),
    told("worker", "ended", DIRECT, attempt=1, end=EXITED),
]
FOUND = {
    "boot": "second", "active": [],
    "jobs": {"a": {"name": "load-1-1-5", "state": "JOB_STATE_FAILED",
                   "attempts": {"1": {"boot": "first", "end": EXITED}}},
             "b": {"name": "load-1-2-6", "state": "JOB_STATE_FAILED",
                   "attempts": {"1": {"boot": "first", "end": LOST}}}},
    "attempts": {"a": {"1": {"boot": "first", "end": EXITED}},
                 "b": {"1": {"boot": "first", "end": LOST}},
                 DIRECT: {"1": {"boot": "first", "end": EXITED}}},
}


class Oracle(unittest.TestCase):
    """One lie at a time."""

    def kinds(self, change, reports: list[dict] | None = None) -> set[str]:
        """Returns the kinds of complaint about what was found, changed."""
        found = copy.deepcopy(FOUND)
        change(found)
        return {complaint.kind for complaint in judge(reports or REPORTS, found)}

    def test_the_truth_is_accepted(self) -> None:
        self.assertEqual(self.kinds(lambda found: None), set())

    def test_what_was_told_must_be_there(self) -> None:
        self.assertEqual(
            self.kinds(lambda found: [found[part].pop("b") for part in ("jobs", "attempts")]),
            {"scheduler: submitted lost", "scheduler: started lost", "worker: attempt lost"})
        self.assertEqual(self.kinds(lambda found: found["attempts"].pop(DIRECT)),
                         {"worker: ended lost", "worker: attempt lost"})

    def test_a_told_end_must_not_change(self) -> None:
        def change(found: dict) -> None:
            found["jobs"]["a"]["attempts"]["1"]["end"] = LOST
        self.assertEqual(self.kinds(change), {"scheduler: end changed", "no agreement"})

    def test_a_wrong_code_is_invented(self) -> None:
        def change(found: dict) -> None:
            found["attempts"][DIRECT]["1"]["end"] = {"cause": "EXITED", "exit_code": 0}
        self.assertEqual(self.kinds(change), {"worker: end changed", "end invented"})

    def test_a_right_code_of_a_job_that_never_came_there_is_invented(self) -> None:
        def change(found: dict) -> None:
            for part in (found["jobs"]["b"]["attempts"], found["attempts"]["b"]):
                part["1"]["end"] = {"cause": "EXITED", "exit_code": 6}
        self.assertEqual(self.kinds(change), {"end invented"})

    def test_an_exit_of_a_direct_job_that_never_began_is_invented(self) -> None:
        def change(found: dict) -> None:
            found["attempts"]["other"] = {"1": {"boot": "first", "end": EXITED}}
        self.assertEqual(self.kinds(change), {"end invented"})

    def test_other_causes_are_invented(self) -> None:
        def change(found: dict) -> None:
            for part in (found["jobs"]["b"]["attempts"], found["attempts"]["b"]):
                part["1"]["end"] = {"cause": "START_FAILED"}
        self.assertEqual(self.kinds(change), {"end invented"})

    def test_a_worker_is_not_lost_in_the_boot_that_tells(self) -> None:
        def change(found: dict) -> None:
            found["jobs"]["b"]["attempts"]["1"]["boot"] = "second"
        self.assertEqual(self.kinds(change), {"end invented"})

    def test_nothing_stays_under_way(self) -> None:
        def change(found: dict) -> None:
            found["jobs"]["b"]["state"] = "JOB_STATE_RUNNING"
            found["active"].append("b.1")
            found["attempts"][DIRECT]["1"]["end"] = None
        self.assertEqual(self.kinds(change), {"not accounted for", "worker: end changed"})

    def test_nothing_runs_twice(self) -> None:
        again = [*REPORTS, {**ran("begin", "b", 6), "attempt": 2}]

        def change(found: dict) -> None:
            found["jobs"]["b"]["attempts"]["2"] = {"boot": "second", "end": LOST}
        self.assertIn("ran twice", self.kinds(change, again))


ASKED = [
    {"asked": "submit", "request": "r1", "names": ["n1"]},
    {"told": "submit", "request": "r1", "names": ["n1"], "jobs": ["a"]},
    {"asked": "priority", "job": "a", "value": -3},
    {"told": "priority", "job": "a", "value": -3},
    {"asked": "submit", "request": "r2", "names": ["n2", "n3"]},
    {"told": "submit", "request": "r2", "names": ["n2", "n3"], "jobs": ["b", "c"]},
    {"asked": "stop", "job": "b", "value": True},
    {"told": "stop", "job": "b", "value": True},
    {"asked": "held", "job": "c", "value": False},
    {"told": "held", "job": "c", "value": False},
    {"asked": "priority", "job": "a", "value": -4},
    {"asked": "submit", "request": "r3", "names": ["n4", "n5"]},
    {"ran": "begin", "job": "c", "attempt": 1},
]


def booked(name: str, state: str = "QUEUED", **more: object) -> dict:
    return {"name": name, "state": f"JOB_STATE_{state}", "held": True, "priority": 0,
            "attempts": 0, **more}


BOOKS = {
    "check": "ok",
    "jobs": {"a": booked("n1", priority=-3), "b": booked("n2", "STOPPED", held=False),
             "c": booked("n3", held=False)},
    "again": {"r1": ["a"], "r2": ["b", "c"], "r3": ["d", "e"]},
    "later": {"a": booked("n1", priority=-3), "b": booked("n2", "STOPPED", held=False),
              "c": booked("n3", "SUCCEEDED", held=False, attempts=1),
              "d": booked("n4"), "e": booked("n5")},
}


class Ledger(unittest.TestCase):
    """One lie at a time."""

    def kinds(self, change=lambda books: None) -> set[str]:
        """Returns the kinds of complaint about the books, changed."""
        books = copy.deepcopy(BOOKS)
        change(books)
        return {complaint.kind for complaint in ledger.judge(ASKED, books, worker=True)}

    def test_the_truth_is_accepted(self) -> None:
        self.assertEqual(self.kinds(), set())

    def test_what_was_not_answered_may_be_there(self) -> None:
        def change(books: dict) -> None:
            books["jobs"]["a"]["priority"] = -4
            books["jobs"] |= {"d": booked("n4"), "e": booked("n5")}
        self.assertEqual(self.kinds(change), set())

    def test_half_of_it_may_not(self) -> None:
        self.assertEqual(self.kinds(lambda books: books["jobs"].update(d=booked("n4"))),
                         {"half done"})

    def test_what_was_answered_must_be_there(self) -> None:
        self.assertEqual(self.kinds(lambda books: books["jobs"].pop("a")),
                         {"submit lost", "priority lost"})
        for kind, job, change in (("priority", "a", {"priority": 0}), ("held", "c", {"held": True}),
                                  ("stop", "b", {"state": "JOB_STATE_QUEUED", "held": True})):
            kinds = self.kinds(lambda books: books["jobs"][job].update(change))
            self.assertEqual(kinds, {f"{kind} lost"})

    def test_nothing_is_there_that_nobody_asked_for(self) -> None:
        self.assertEqual(self.kinds(lambda books: books["jobs"].update(x=booked("n9"))),
                         {"invented"})
        self.assertEqual(self.kinds(lambda books: books["jobs"]["a"].update(
            state="JOB_STATE_STOPPED")), {"stop lost"})

    def test_asking_again_makes_nothing_new(self) -> None:
        self.assertEqual(self.kinds(lambda books: books["again"].update(r1=["x"])), {"double"})
        self.assertEqual(self.kinds(lambda books: books["later"].update(x=booked("n4"))),
                         {"double"})

        def change(books: dict) -> None:
            books["jobs"] |= {"x": booked("n4"), "y": booked("n5")}
        self.assertEqual(self.kinds(change), {"double"})

    def test_what_is_released_runs_once_and_nothing_else_does(self) -> None:
        self.assertEqual(self.kinds(lambda books: books["later"]["c"].update(attempts=2)),
                         {"not once"})
        self.assertEqual(self.kinds(lambda books: books["later"]["a"].update(attempts=1)),
                         {"not once"})

    def test_the_store_is_sound(self) -> None:
        self.assertEqual(self.kinds(lambda books: books.update(check="row 3 missing")),
                         {"not sound"})
