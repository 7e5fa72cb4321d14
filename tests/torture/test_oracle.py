# SPDX-License-Identifier: Apache-2.0
"""The oracle of the torture suite by itself: it accepts what is true and sees what is not."""

import copy
import dataclasses
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

INSIDE = pathlib.Path(__file__).resolve().parent / "inside"
sys.path.insert(0, str(INSIDE))

import oracle  # noqa: E402
import plan as plans  # noqa: E402
from plan import Plan  # noqa: E402

JOB = "6f0b2c1e-8d3f-4f0e-9a57-0c1f7f7f2b61"
KILLED = {f"{JOB}.1"}


def a_plan(**changes: object) -> Plan:
    """Returns a plan of the plainest kind, with changes."""
    plain = Plan(number=7, path="direct", launcher="", kind="exit", value=5, stdout_bytes=100,
                 stderr_bytes=0, pause_ms=0, stop_ms=0, early=False, leader_only=False,
                 follow=False, script=False, journal=False)
    return dataclasses.replace(plain, **changes)


def true_view(plan: Plan, cause: str, status: int, **end: object) -> dict:
    """Returns what is seen of a job whose leader ended with a wait status, all being well."""
    leader = ({"exit_code": os.WEXITSTATUS(status)} if os.WIFEXITED(status)
              else {"signal": os.WTERMSIG(status)})
    told = {"cause": f"END_CAUSE_{cause}", **leader, **end}
    attempt = {"number": 1, "start_time": "2026-01-01T00:00:00Z", "end": told,
               "usage": {"stdout_bytes": str(plan.stdout_bytes),
                         "stderr_bytes": str(plan.stderr_bytes)}}
    return {"job_id": JOB, "job": {"end": told, "attempts": [attempt]},
            "witness": {"began": ["12"], "end": plan.told, "ready": plan.stopped},
            "folder": {"cause": cause.lower(), "wait_status": status, "leader_status": status,
                       "stdout": plan.stdout_bytes, "stderr": plan.stderr_bytes},
            "o": {"bytes": plan.stdout_bytes, "wrong_at": None},
            "e": {"bytes": plan.stderr_bytes, "wrong_at": None}}


def lost_view(plan: Plan, stdout_bytes: int) -> dict:
    """Returns what is seen of a job whose supervisor was lost."""
    seen = true_view(plan, "SUPERVISOR_LOST", 0)
    for told in (seen["job"]["end"], seen["job"]["attempts"][0]):
        told.pop("exit_code", None)
        told.pop("usage", None)
    seen["folder"] = {"cause": "supervisor_lost", "stdout": stdout_bytes, "stderr": 0}
    seen["o"]["bytes"] = stdout_bytes
    return seen


class Oracle(unittest.TestCase):
    """Views that are true, each made false in one way."""

    def assert_good(self, plan: Plan, seen: dict, killed: set[str] = frozenset()) -> None:
        self.assertEqual(oracle.judge(plan, seen, killed), [])

    def assert_fault(self, part: str, plan: Plan, seen: dict,
                     killed: set[str] = frozenset()) -> None:
        self.assertIn(part, "\n".join(oracle.judge(plan, seen, killed)))

    def test_what_is_true_is_accepted(self) -> None:
        self.assert_good(a_plan(), true_view(a_plan(), "EXITED", 5 << 8))
        ended = a_plan(kind="signal", value=10)
        self.assert_good(ended, true_view(ended, "SIGNALED", 10))
        heeding = a_plan(kind="heed")
        self.assert_good(heeding, true_view(heeding, "STOPPED", 5 << 8, stopped_by="uid 0",
                                            reason="reason 7"))

    def test_a_wrong_end_is_seen(self) -> None:
        self.assert_fault("ended as", a_plan(), true_view(a_plan(), "EXITED", 6 << 8))
        self.assert_fault("ended as", a_plan(), true_view(a_plan(), "SIGNALED", 9))
        dying = a_plan(kind="die")
        self.assert_fault("was stopped, and ended as", dying, true_view(dying, "SIGNALED", 15))
        stopped = true_view(dying, "STOPPED", 9, stopped_by="uid 0", reason="reason 7")
        self.assert_fault("its leader ended as", dying, stopped)

    def test_a_lost_supervisor_is_excused_only_if_the_test_killed_it(self) -> None:
        seen = lost_view(a_plan(), 64)
        self.assert_good(a_plan(), seen, KILLED)
        self.assert_fault("ended as", a_plan(), seen)
        for known, value in (("leader_status", 5 << 8), ("ending", "stopped")):
            said = copy.deepcopy(seen)
            said["folder"][known] = value
            self.assert_fault("is on record", a_plan(), said, KILLED)

    def test_output_of_a_lost_supervisor_is_a_true_prefix(self) -> None:
        seen = lost_view(a_plan(), 64)
        seen["o"]["wrong_at"] = 3
        self.assert_fault("stdout is wrong from byte 3 on", a_plan(), seen, KILLED)

    def test_missing_and_doubled_bytes_are_seen(self) -> None:
        for size, part in ((99, "99 bytes of 100"), (164, "64 too many")):
            seen = true_view(a_plan(), "EXITED", 5 << 8)
            seen["o"]["bytes"] = seen["folder"]["stdout"] = size
            self.assert_fault(part, a_plan(), seen)
        seen = true_view(a_plan(), "EXITED", 5 << 8)
        seen["o"]["bytes"] = 90
        self.assert_fault("90 bytes, its file 100", a_plan(), seen)

    def test_a_job_that_ran_twice_or_never_is_seen(self) -> None:
        seen = true_view(a_plan(), "EXITED", 5 << 8)
        twice = copy.deepcopy(seen)
        twice["witness"]["began"] = ["12", "13"]
        self.assert_fault("started 2 times", a_plan(), twice)
        twice = copy.deepcopy(seen)
        twice["job"]["attempts"] *= 2
        self.assert_fault("ran 2 times", a_plan(), twice)
        seen["witness"] = {"began": [], "end": "", "ready": False}
        self.assert_fault("its witness says", a_plan(), seen)

    def test_a_record_that_says_otherwise_is_seen(self) -> None:
        seen = true_view(a_plan(), "EXITED", 5 << 8)
        seen["folder"]["wait_status"] = 6 << 8
        self.assert_fault("on record as (6, None)", a_plan(), seen)
        seen = true_view(a_plan(), "EXITED", 5 << 8)
        seen["folder"]["cause"] = "stopped"
        self.assert_fault("on record as stopped", a_plan(), seen)


class Plans(unittest.TestCase):
    """What the plans say is what the job program does."""

    def test_the_job_writes_the_planned_bytes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for number, sizes in enumerate(((0, 1), (63, 64), (65, 1000), (200001, 4096))):
                done = subprocess.run([str(INSIDE / "job"), folder, str(number),
                                       *map(str, sizes), "0", "exit", "3"], capture_output=True)
                self.assertEqual(done.stdout, plans.output(number, "o", sizes[0]))
                self.assertEqual(done.stderr, plans.output(number, "e", sizes[1]))
                self.assertEqual(done.returncode, 3)

    def test_a_seed_makes_the_same_plans_again(self) -> None:
        self.assertEqual(plans.make(1, 5), plans.make(1, 5))
        self.assertNotEqual([plans.make(1, n) for n in range(9)],
                            [plans.make(2, n) for n in range(9)])

    def test_all_kinds_come(self) -> None:
        made = [plans.make(3, number) for number in range(2000)]
        self.assertEqual({plan.kind for plan in made}, set(plans.KINDS))
        self.assertGreater(max(plan.stdout_bytes for plan in made), 9_000_000)
