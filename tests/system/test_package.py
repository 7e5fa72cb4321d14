# SPDX-License-Identifier: Apache-2.0
"""The packages: installed, used at once, upgraded and downgraded under load, removed, purged."""

import json
import subprocess
import unittest

from harness import host, staging
from harness.case import SERVICES, SOCKETS, PackagesCase
from harness.process import Result
from harness.staging import INSIDE, PACKAGES, PACKAGES_INSIDE, SOURCE

VERSION, NEXT_VERSION = staging.versions()
JOBS = 100
LAUNCHERS = ("LAUNCHER_SCOPE", "LAUNCHER_CGROUP")
WITNESS = "/var/tmp/witness"
# Writes to both streams all the time until the file is there; its output has no gaps then.
WRITER = ("n=0; until test -e {go}; do n=$((n+1)); echo out $n; echo err $n >&2; sleep 0.01; done;"
          " exit 3")
WAITER = "until test -e {go}; do sleep 0.2; done; exit 4"


class Package(PackagesCase):
    """From nothing to a job that runs, and back to nothing."""

    def apt(self, *arguments: str, check: bool = True) -> Result:
        """Runs apt-get without questions."""
        return host.apt_get(self.machine, *arguments, check=check)

    def install(self, version: str, *options: str) -> str:
        """Installs all packages of a version; returns what apt said."""
        return self.apt("install", *options, *self.debs(version)).stdout

    def debs(self, version: str) -> list[str]:
        """Returns the packages of a version, as files of the machine."""
        return [f"{PACKAGES_INSIDE}/{version}/{file.name}"
                for file in staging.package_files(version)]

    def version(self) -> str:
        """Returns the version of the command line that is installed."""
        return self.machine.run("takt", "--version").stdout.split()[-1]

    def start_jobs(self, count: int, go: str) -> tuple[str, list[str]]:
        """Starts a job that writes all the time, and others that wait; all run on return."""
        specs = [{"argv": ["sh", "-c", (WAITER if number else WRITER).format(go=go)],
                  "launcher": LAUNCHERS[number % 2]} for number in range(count)]
        ids = self.takt.rpc("SubmitJobs", specs=specs)["job_ids"]
        self.machine.wait_until(
            lambda: all(self.takt.all_jobs()[job]["state"] == "JOB_STATE_RUNNING" for job in ids),
            f"{count} jobs to run", 60)
        return ids[0], ids[1:]

    def end_jobs(self, writer: str, waiters: list[str], go: str) -> None:
        """All end as they were to, and no byte of the one that wrote is missing."""
        self.machine.run("touch", go)
        for job, code in zip(self.takt.wait_for_ends([writer, *waiters]), [3] + [4] * len(waiters)):
            attempt, = job["attempts"]
            end = attempt["end"]
            self.assertEqual((end["cause"], end.get("exit_code")), ("END_CAUSE_EXITED", code), end)
        for stream, word in ((1, "out"), (2, "err")):
            said = self.takt.logs(writer)
            lines = (said.stdout if stream == 1 else said.stderr).splitlines()
            self.assertEqual(lines, [f"{word} {n}" for n in range(1, len(lines) + 1)])
            self.assertGreater(len(lines), 10)
        self.machine.run("rm", go)

    def test_life_of_an_installation(self) -> None:
        before = self.files()
        self.check_first_run()
        self.check_upgrade_under_load()
        self.check_downgrade()
        self.check_remove()
        self.check_install_again()
        self.check_purge(before)
        self.check_failed_setup()

    def check_first_run(self) -> None:
        """After apt install a member of group takt runs a job, with nothing configured."""
        self.install(VERSION)
        for unit in (*SOCKETS, *SERVICES):
            self.assertEqual(host.show(self.machine, unit, "ActiveState"), "active", unit)
            self.assertEqual(host.show(self.machine, unit, "UnitFileState"), "enabled", unit)
        self.machine.run("useradd", "--create-home", "carol")
        refused = self.machine.run("takt", "run", "--", "hostname", user="carol", check=False)
        self.assertEqual(refused.code, 125, refused)
        self.assertIn("usermod -aG takt carol", refused.stderr)
        self.machine.run("usermod", "-aG", "takt", "carol")
        ran = self.machine.run("takt", "run", "--", "sh", "-c", "hostname; id -un", user="carol")
        self.assertEqual(ran.stdout, f"{self.machine.name}\ncarol\n")
        self.assertEqual(self.machine.run("systemctl", "--failed", "--no-legend").stdout, "")
        self.machine.shell((SOURCE / "packaging/debian/tests/first-run").read_text())

    def check_upgrade_under_load(self) -> None:
        """Nothing ends, no connection is refused, no call fails, no byte is lost."""
        go = f"{WITNESS}/go"
        self.machine.write("/etc/takt/worker.conf.d/50-test.conf", f"[jobs]\nslots = {2 * JOBS}\n")
        self.machine.run("systemctl", "reload", "takt-worker.service")
        writer, waiters = self.start_jobs(JOBS, go)
        worker = host.main_pid(self.machine, "takt-worker.service")
        untouched = (*SOCKETS, "takt-jobs-direct.service", "takt-jobs.slice")
        since = [host.show(self.machine, unit, "ActiveEnterTimestampMonotonic")
                 for unit in untouched]
        loops = [self.loop("connect_loop.py", f"/run/takt/{name}.sock")
                 for name in ("scheduler", "worker")]
        loops.append(self.loop("verb_loop.py", "submit -- true", "run -- true", "list"))
        self.install(NEXT_VERSION)
        self.assertEqual(self.version(), NEXT_VERSION)
        *connects, verbs = [json.loads(loop.communicate(timeout=120)[0]) for loop in loops]
        self.takt.wait_for_ready_worker()
        self.assertEqual([loop["refused"] for loop in connects], [{}, {}])
        self.assertEqual(verbs["failed"], [])
        self.assertNotEqual(host.main_pid(self.machine, "takt-worker.service"), worker)
        self.assertEqual(self.takt.workers()[0]["version"], NEXT_VERSION)
        self.assertEqual(since, [host.show(self.machine, unit, "ActiveEnterTimestampMonotonic")
                                 for unit in untouched], untouched)
        self.end_jobs(writer, waiters, go)

    def loop(self, program: str, *arguments: str) -> subprocess.Popen:
        """Starts a loop as alice and waits until it has done its first round."""
        process = self.machine.popen([f"{INSIDE}/{program}", *arguments], user="alice", text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), "up\n")
        return process

    def check_downgrade(self) -> None:
        """One version back, what the newer one started is looked after."""
        go = f"{WITNESS}/down"
        writer, waiters = self.start_jobs(5, go)
        self.install(VERSION, "--allow-downgrades")
        self.assertEqual(self.version(), VERSION)
        self.takt.wait_for_ready_worker()
        self.end_jobs(writer, waiters, go)

    def check_remove(self) -> None:
        """The daemons go, jobs run on, and whoever removes them is told."""
        self.kept = self.start_jobs(3, f"{WITNESS}/kept")
        said = self.apt("remove", *PACKAGES).stdout
        self.assertIn("takt-worker: 3 of its jobs run on.", said)
        self.assertIn("systemctl stop takt-jobs.slice", said)
        self.assertEqual(len(host.job_cgroups(self.machine)), 3)
        for unit in (*SOCKETS, *SERVICES):
            self.assertEqual(host.show(self.machine, unit, "LoadState"), "not-found", unit)
        self.assertFalse(self.machine.exists("/run/takt"))
        self.assertTrue(self.machine.exists("/etc/takt/worker.conf"), "conffiles stay")

    def check_install_again(self) -> None:
        """What ran on is taken up, and told as it ended."""
        self.install(VERSION)
        self.takt.wait_for_ready_worker()
        self.end_jobs(*self.kept, f"{WITNESS}/kept")

    def check_purge(self, before: set[str]) -> None:
        """Nothing is left but the users; jobs that still ran are stopped."""
        self.start_jobs(2, f"{WITNESS}/never")
        self.machine.run("rm", "/etc/takt/worker.conf.d/50-test.conf")  # the administrator's own
        self.apt("purge", *PACKAGES)
        self.machine.wait_until(lambda: not host.job_units(self.machine), "no scope")
        self.machine.wait_until(lambda: not host.job_cgroups(self.machine), "no cgroup")
        left = self.files() - before
        self.assertEqual({path for path in left if not path.startswith("/home/carol")}, set())
        for user in ("takt-scheduler", "takt-job"):
            self.machine.run("id", user)

    def check_failed_setup(self) -> None:
        """What could not be set up is set up once the cause is gone, by dpkg's own means."""
        self.machine.run("mv", "/usr/bin/systemd-sysusers", "/usr/bin/systemd-sysusers.away")
        self.assertEqual(self.apt("install", *self.debs(VERSION), check=False).code, 100)
        self.machine.run("mv", "/usr/bin/systemd-sysusers.away", "/usr/bin/systemd-sysusers")
        self.machine.run("dpkg", "--configure", "-a")
        self.takt.wait_for_ready_worker()
        self.assertEqual(self.takt.run("run", "--", "echo", "well").stdout, "well\n")


class PackageFiles(unittest.TestCase):
    """The packages as files."""

    def test_lintian_has_nothing_to_say(self) -> None:
        changes, = staging.packages_folder(VERSION).glob("*.changes")
        said = subprocess.run(["lintian", "--tag-display-limit", "0", "--fail-on",
                               "error,warning", str(changes)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual((said.returncode, said.stdout), (0, ""))
