# SPDX-License-Identifier: Apache-2.0
"""The RPM packages on a machine: installed by rpm, used, replaced under a job, removed.

The machine is this distribution's, whose packages satisfy no RPM name: hence --nodeps. What
Fedora's packages do after every transaction (file triggers) is done here by hand, in settle().
"""

import pathlib
import shutil

import test_rpm
from harness import host
from harness.case import SERVICES, SOCKETS, PackagesCase
from harness.process import Result
from harness.staging import PACKAGES, PACKAGES_INSIDE
from harness.takt import folder_of

HELPER = pathlib.Path(__file__).parent / "inside" / "systemd-update-helper"
HELPER_INSIDE = "/usr/lib/systemd/systemd-update-helper"
FILES = [f"{PACKAGES_INSIDE}/{package}.rpm" for package in PACKAGES]
# What a reboot cleans, and what an administrator may want to look at.
KEPT = ("/run/takt", "/var/lib/takt")
# Where RPM is at home these belong to others.
FOLDERS = {"/usr/share/licenses", "/usr/share/zsh/site-functions"}
GO = "/var/tmp/witness/go"


def put_packages(tree: pathlib.Path) -> None:
    """Puts the RPM packages below `tree`, as files, and the program that their scripts call."""
    for file, package in zip(FILES, PACKAGES):
        target = tree / file.removeprefix("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(test_rpm.rpm(package), target)
    helper = tree / HELPER_INSIDE.removeprefix("/")
    helper.parent.mkdir(parents=True)
    shutil.copy(HELPER, helper)


class Life(PackagesCase):
    """From nothing to a job that runs, and back to nothing."""

    suite = "rpm"
    packages = put_packages
    tools = ("rpm",)

    def rpm(self, *arguments: str) -> Result:
        """Runs rpm, which has nothing to say if all went well; Debian's wants to be told twice."""
        done = self.machine.run("rpm", "--force-debian", "--dbpath=/var/lib/rpm", *arguments)
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        return done

    def settle(self) -> None:
        """Does what file triggers do where a transaction has changed units, users or folders."""
        self.machine.run("systemd-sysusers")
        self.machine.run("systemd-tmpfiles", "--create")
        self.machine.run(HELPER_INSIDE, "system-reload-restart")

    def test_life_of_an_installation(self) -> None:
        before = self.files()
        self.check_first_run()
        job = self.takt.submit("sh", "-c", f"until test -e {GO}; do sleep 0.2; done; exit 4")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.check_replaced()
        self.machine.run("touch", GO)
        attempt, = self.takt.wait_for_end(job)["attempts"]
        self.assertEqual(attempt["end"]["exit_code"], 4)
        self.check_removed(before)

    def check_first_run(self) -> None:
        """Enabled once, a member of group takt runs a job; no file is other than it came."""
        self.rpm("--install", "--nodeps", *FILES)
        self.settle()
        self.machine.run("systemctl", "enable", "--now", *SOCKETS, *SERVICES)
        self.takt.wait_for_ready_worker()
        ran = self.takt.run("run", "--", "sh", "-c", "hostname; id -un")
        self.assertEqual(ran.stdout, f"{self.machine.name}\nalice\n")
        self.rpm("--verify", "--nodeps", *PACKAGES)

    def check_replaced(self) -> None:
        """Of the units only the daemons' services are started anew."""
        pids = [host.main_pid(self.machine, service) for service in SERVICES]
        since = [host.show(self.machine, unit, "ActiveEnterTimestampMonotonic")
                 for unit in (*SOCKETS, "takt-jobs.slice")]
        self.rpm("--upgrade", "--nodeps", "--replacepkgs", *FILES)
        self.settle()
        self.takt.wait_for_ready_worker()
        for service, pid in zip(SERVICES, pids):
            self.assertNotIn(host.main_pid(self.machine, service), (0, pid), service)
        self.assertEqual(since, [host.show(self.machine, unit, "ActiveEnterTimestampMonotonic")
                                 for unit in (*SOCKETS, "takt-jobs.slice")])

    def check_removed(self, before: set[str]) -> None:
        """A running job outlives that; records, output and users stay, and nothing else does."""
        job = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.rpm("--erase", *reversed(PACKAGES))
        self.machine.run("systemctl", "daemon-reload")
        for unit in (*SOCKETS, *SERVICES):
            self.assertEqual(host.show(self.machine, unit, "LoadState"), "not-found", unit)
        self.assertEqual(len(host.job_cgroups(self.machine)), 1)
        self.machine.run("systemctl", "stop", "takt-jobs.slice")
        self.machine.wait_until(lambda: not host.job_cgroups(self.machine), "no cgroup")
        self.assertTrue(self.machine.exists(f"{folder_of(job)}/exit"))
        self.machine.run("id", "takt-job")
        left = {path for path in self.files() - before if not path.startswith(KEPT)}
        self.assertEqual(left, FOLDERS)
