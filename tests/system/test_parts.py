# SPDX-License-Identifier: Apache-2.0
"""Jobs of many parts, and jobs that wait for others, as a user has them."""

import re

from harness.case import TaktCase


class Parts(TaktCase):
    """One machine, which is scheduler and worker."""

    def test_an_array_in_the_foreground(self) -> None:
        done = self.takt.run("run", "--array", "4%2", "--", "sh", "-c",
                             'echo "$TAKT_ARRAY_INDEX of $TAKT_ARRAY_COUNT"; echo no >&2;'
                             " exit $((TAKT_ARRAY_INDEX * 2))", check=False)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         [f"{index}: {index} of 4" for index in range(4)])
        self.assertEqual(done.code, 6)
        for index in range(4):
            self.assertIn(f"{index}: no\n", done.stderr)
        self.assertIn("takt: 3: exited with code 6.\n", done.stderr)
        self.assertRegex(done.stderr, r"takt: job [0-9a-f]{8}: 3 of 4 parts did not succeed\.\n$")

    def test_a_part_on_each_worker(self) -> None:
        done = self.takt.run("run", "--all", "--", "hostname")
        self.assertEqual(done.stdout, f"{self.machine.name}: {self.machine.name}\n")
        refused = self.takt.run("run", "--all", "--on", "role=none", "--", "true", check=False)
        self.assertEqual(refused.code, 125)
        self.assertIn("no worker matches", refused.stderr)

    def test_the_whole_and_its_parts_on_record(self) -> None:
        job = self.takt.submit(
            "sh", "-c", "echo part $TAKT_ARRAY_INDEX; test $TAKT_ARRAY_INDEX = 0",
            options=("--array", "3", "--name", "frames"))
        self.assertEqual(self.takt.run("wait", job, check=False).code, 1)
        status = self.takt.run("status", "frames").stdout
        self.assertIn("2 of 3 parts did not succeed", status)
        self.assertRegex(status, r"Parts: \[#{20}\] 100% 3 in all, 1 succeeded, 2 failed")
        listed = self.takt.run("list", "--parts-of", job, "--state", "failed").stdout
        self.assertEqual(re.findall(r"^(\S+/\d)", listed, re.MULTILINE),
                         [f"{job[:8]}/2", f"{job[:8]}/1"])
        self.assertEqual(self.takt.run("logs", f"{job}/1").stdout, "part 1\n")
        self.assertEqual(self.takt.run("list", "--all", "--name", "frames").stdout.count("\n"), 2)
        again = self.takt.run("retry", job).stdout.strip()
        self.takt.run("wait", again, check=False)
        self.assertIn("2 in all, 2 failed", self.takt.run("status", again).stdout)

    def test_ctrl_c_stops_all_parts(self) -> None:
        with self.takt.popen("run", "--array", "3", "--name", "ctrl-c", "--", "sh", "-c",
                             "echo up; exec sleep 1000") as client:
            for _ in range(3):
                self.assertRegex(client.stdout.readline(), r"^\d: up$")
            pid = self.machine.run("pgrep", "-f", "^takt run.*ctrl-c").stdout.strip()
            self.machine.run("kill", "-INT", pid)
            _, said = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 130, said)
        self.assertIn("3 stopped", self.takt.run("status", "ctrl-c").stdout)

    def test_jobs_that_wait_for_others(self) -> None:
        first = self.takt.submit("sh", "-c", "sleep 1; exit 3")
        never = self.takt.submit("true", options=("--after-success", first))
        then = self.takt.submit("true", options=("--after-failure", first[:8]))
        last = self.takt.submit("true", options=("--after-end", never, "--after-success", then))
        self.assertIn(f"waits for job {first} to succeed",
                      self.takt.run("explain", never).stdout)
        self.assertEqual(self.takt.run("wait", last).code, 0)
        self.assertIn("a job that it depends on ended otherwise",
                      self.takt.run("status", never).stdout)

    def test_a_group_by_its_label(self) -> None:
        for _ in range(3):
            self.takt.submit("sleep", "1000", options=("--label", "batch=parts"))
        self.takt.run("stop", "--label", "batch=parts")
        self.assertIn(self.takt.run("wait", "--label", "batch=parts", check=False).code, (0, 143))
        self.assertEqual(self.takt.run("list", "--label", "batch=parts").stdout.count("\n"), 1)
