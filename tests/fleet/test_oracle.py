# SPDX-License-Identifier: Apache-2.0
"""The oracle of the fleet, without a machine: content with the truth and nothing else."""

import copy
import unittest

from hosts.oracle import judge

SEEN = {
    "submitted": {"m-1-1": "a", "m-2-2": "b"}, "told": {"a": 1, "b": 1}, "faults": [],
    "jobs": [{"job_id": "a", "name": "m-1-1", "end": {"cause": "EXITED", "exit_code": 1},
              "attempts": 1},
             {"job_id": "b", "name": "m-2-2", "end": {"cause": "EXITED", "exit_code": 2},
              "attempts": 1}],
}
LINES = [("w1", "m-1-1", "a 1"), ("w2", "m-2-2", "b 1")]


class Oracle(unittest.TestCase):
    """One lie at a time."""

    def kinds(self, change=lambda seen: None, lines: list | None = None) -> list[str]:
        """Returns the kinds of complaint about what was seen, changed."""
        seen = copy.deepcopy(SEEN)
        change(seen)
        return [text.split(":")[0] for text in judge(seen, LINES if lines is None else lines)]

    def test_the_truth_is_accepted(self) -> None:
        self.assertEqual(self.kinds(), [])

    def test_a_job_that_is_gone_is_lost(self) -> None:
        self.assertEqual(self.kinds(lambda seen: seen["jobs"].pop()),
                         ["lost", "wrong end", "not once"])

    def test_a_job_that_nobody_was_told_of_is_double(self) -> None:
        self.assertEqual(self.kinds(lambda seen: seen["jobs"].append(
            {**seen["jobs"][0], "job_id": "c"})), ["double"])

    def test_each_runs_once(self) -> None:
        self.assertEqual(self.kinds(lines=[*LINES, ("w3", "m-1-1", "a 1")]), ["not once"])
        self.assertEqual(self.kinds(lines=[*LINES, ("w3", "m-1-1", "a 2")]), ["not once"])
        self.assertEqual(self.kinds(lines=LINES[:1]), ["not once"])
        self.assertEqual(self.kinds(lines=[*LINES, ("w1", "m-3-3", "c 1")]), ["unasked"])

    def test_each_ends_as_it_said_and_is_told_once(self) -> None:
        def change(seen: dict) -> None:
            seen["jobs"][0]["end"] = {"cause": "WORKER_LOST"}
            seen["told"]["b"] = 2
        self.assertEqual(self.kinds(change), ["wrong end", "not told once"])

    def test_faults_of_the_clients_count(self) -> None:
        self.assertEqual(self.kinds(lambda seen: seen["faults"].append("trouble: x")), ["trouble"])
