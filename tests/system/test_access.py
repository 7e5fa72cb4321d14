# SPDX-License-Identifier: Apache-2.0
"""What users get of each other's jobs: of scheduler and worker, by every RPC and by takt."""

import json

from harness.case import TaktCase
from harness.staging import INSIDE
from harness.takt import Takt

SECRET = "swordfish"
SCHEDULER = ("takt.v1.JobService", "takt.v1.OperatorService", "takt.v1.RegistryService")
WORKER = ("takt.v1.WorkerService",)
SHOWING = ("GetJob", "ListJobs", "WatchJobs", "ReadOutput")


class OthersJobs(TaktCase):
    """bob's job has a secret in all that it runs and prints; alice asks for it."""

    def setUp(self) -> None:
        self.bob = Takt(self.machine, "bob")
        script = f"#!/bin/sh\necho {SECRET}\n"
        self.machine.write("/home/bob/job.sh", script)
        self.job = self.bob.run("submit", "--name", "shown", "--label", f"customer={SECRET}",
                                "--env", f"PASSWORD={SECRET}", "--script", "/home/bob/job.sh",
                                "--", SECRET).stdout.strip()
        self.bob.wait_for_end(self.job)

    def every_rpc(self, user: str, daemon: str, services: tuple[str, ...]) -> list[dict]:
        """Has the user call every RPC about the job; returns what came of each."""
        lines = self.machine.run(f"{INSIDE}/every_rpc.py", f"/run/takt/{daemon}.sock", self.job,
                                 SECRET, *services, user=user).lines
        return [json.loads(line) for line in lines]

    def test_a_refusal_leaves_a_line_in_the_journal(self) -> None:
        job = self.takt.run("submit", "--hold", "--", "true").stdout.strip()
        self.addCleanup(self.takt.run, "stop", job)
        refused = self.bob.run("stop", job, check=False)
        self.assertIn("only they and operators may act on it", refused.stderr)
        line = f"refused JobService.StopJob to bob (uid 4002): job {job}"
        self.machine.wait_until(
            lambda: line in self.machine.run("journalctl", "--no-pager", "--output=cat",
                                             "--unit=takt-scheduler").stdout, "the line")

    def test_a_reader_sees_all_and_acts_on_nothing(self) -> None:
        job = self.bob.run("submit", "--reader", "alice", "--", "echo", "for alice").stdout.strip()
        self.bob.wait_for_end(job)
        self.assertIn("for alice", self.takt.run("status", job).stdout)
        self.assertEqual(self.takt.run("logs", job).stdout, "for alice\n")
        self.assertIn("only they and operators", self.takt.run("retry", job, check=False).stderr)

    def test_no_rpc_shows_them(self) -> None:
        for daemon, services in (("scheduler", SCHEDULER), ("worker", WORKER)):
            answers = self.every_rpc("alice", daemon, services)
            self.assertEqual([answer["rpc"] for answer in answers if answer["shows"]], [])
            refused = [a["rpc"] for a in answers if a["code"] == "PERMISSION_DENIED"]
            for verb in ("ReadOutput", "StopJob"):
                self.assertTrue([name for name in refused if name.endswith("." + verb)], refused)

    def test_their_owner_sees_them(self) -> None:
        shown = [a["rpc"] for a in self.every_rpc("bob", "scheduler", SCHEDULER[:1]) if a["shows"]]
        for verb in SHOWING[:2] + SHOWING[3:]:
            self.assertIn(f"JobService.{verb}", shown)
        shown = [a["rpc"] for a in self.every_rpc("bob", "worker", WORKER) if a["shows"]]
        self.assertIn("WorkerService.ReadOutput", shown)

    def test_takt_says_what_is_not_shown(self) -> None:
        listed = self.takt.run("list", "--all").stdout
        self.assertIn("(not shown)", listed)
        status = self.takt.run("status", self.job).stdout
        self.assertIn("not shown", status)
        self.assertIn("by bob", status)
        self.assertNotIn(SECRET, listed + status)
        logs = self.takt.run("logs", self.job, check=False)
        self.assertEqual(logs.code, 1)
        self.assertIn("only they and operators may read its output", logs.stderr)
