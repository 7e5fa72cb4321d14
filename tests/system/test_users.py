# SPDX-License-Identifier: Apache-2.0
"""A job runs as the user that its caller is now: names change, and uids are used again."""

from harness.case import TaktCase

UID = "4711"


class Users(TaktCase):
    """Users come and go while the daemons run."""

    def run_as(self, user: str) -> str:
        """Returns what the job of a user calls itself; its refusal if it does not run."""
        done = self.machine.run("takt", "run", "--", "id", "-un", user=user, check=False)
        return done.stdout.strip() or done.stderr

    def wait_to_run_as(self, user: str, name: str) -> None:
        """Waits until the jobs of a user run as the one of this name; meanwhile as no other."""
        def runs() -> bool:
            said = self.run_as(user)
            self.assertTrue(said == name or "takt:" in said, said)
            return said == name
        self.machine.wait_until(runs, f"jobs to run as {name}")

    def test_a_name_that_changes_and_a_uid_that_is_used_again(self) -> None:
        self.machine.run("useradd", "--create-home", "--uid", UID, "--groups", "takt", "carol")
        self.assertEqual(self.run_as("carol"), "carol")
        self.machine.run("usermod", "--login", "clara", "carol")
        self.machine.run("groupmod", "--new-name", "clara", "carol")
        self.wait_to_run_as("clara", "clara")
        self.machine.run("userdel", "clara")
        self.machine.run("useradd", "--create-home", "--uid", UID, "--groups", "takt", "dora")
        self.addCleanup(self.machine.run, "userdel", "dora")
        self.wait_to_run_as("dora", "dora")

    def test_a_caller_without_a_name_is_no_other_user(self) -> None:
        gid = self.machine.shell("getent group takt | cut -d: -f3").stdout.strip()
        call = ("setpriv", "--reuid=4712", f"--regid={gid}", "--clear-groups", "env", "HOME=/",
                "takt", "run", "--", "id", "-un")
        refused = self.machine.run(*call, check=False)
        self.assertNotEqual(refused.code, 0)
        self.assertIn("uid 4712 has no name", refused.stderr)
        self.machine.run("useradd", "--uid", "4712", "--groups", "takt", "erik")
        self.addCleanup(self.machine.run, "userdel", "erik")
        self.machine.wait_until(
            lambda: self.machine.run(*call, check=False).stdout == "erik\n", "erik's job")
