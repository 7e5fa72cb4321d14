# SPDX-License-Identifier: Apache-2.0
"""The files in /usr/share/doc/takt/examples work as they are, put where they say.

Scheduler, worker and alice are on one host, and take it for three: they have names and certificates
of their own, and meet by TCP only.
"""

from harness import host
from harness.case import SERVICES, SOCKETS, MachineCase
from harness.pki import Authority
from harness.takt import Takt

EXAMPLES = "/usr/share/doc/takt/examples"
UNITS = "/etc/systemd/system"
FILES = "/etc/takt/tls"
HOSTS = "127.0.0.1 localhost scheduler.example.org\n127.0.0.2 worker.example.org\n"
# Where each of them goes. What is left out of the first set-up is policy.conf: it sets limits that
# this machine has no controllers for.
PLACES = {
    "client.conf.d/remote.conf": "/etc/takt",
    "nightly.service": UNITS,
    "nightly.timer": UNITS,
    "takt-backup.service": UNITS,
    "takt-backup.timer": UNITS,
    "takt-jobs.slice.d/memory.conf": UNITS,
    "takt-scheduler.service.d/tls.conf": UNITS,
    "takt-scheduler.socket.d/tcp.conf": UNITS,
    "takt-worker.service.d/tls.conf": UNITS,
    "takt-worker.socket.d/tcp.conf": UNITS,
    "worker.conf.d/policy.conf": "/etc/takt",
    "worker.conf.d/remote.conf": "/etc/takt",
}
POLICY = "worker.conf.d/policy.conf"


class Examples(MachineCase):
    """All of them at once."""

    takt: Takt

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.takt = Takt(cls.machine)
        cls.machine.write("/etc/hosts", HOSTS)
        authority = Authority()
        cls.machine.write(f"{FILES}/ca.crt", authority.certificate)
        for name, role, file in (("scheduler", "scheduler", "scheduler"),
                                 (cls.machine.name, "worker", "worker"), ("alice", "user", "user")):
            certificate, key = authority.issue(name, role)
            cls.machine.write(f"{FILES}/{file}.key", key, 0o600)
            cls.machine.write(f"{FILES}/{file}.crt", certificate)
        cls.machine.run("chown", "alice", f"{FILES}/user.key")
        for file in PLACES.keys() - {POLICY}:
            cls.put(file)
        cls.machine.run("systemctl", "daemon-reload")
        cls.machine.run("systemctl", "start", *SOCKETS, *SERVICES)
        cls.takt.wait_for_ready_worker()

    @classmethod
    def put(cls, file: str) -> None:
        """Puts an example where it says."""
        target = f"{PLACES[file]}/{file}"
        cls.machine.shell(f"mkdir -p $(dirname {target}) && cp {EXAMPLES}/{file} {target}")

    def test_each_is_known_here(self) -> None:
        found = self.machine.shell(f"cd {EXAMPLES} && find * -type f | sort").lines
        self.assertEqual(found, sorted(PLACES))

    def test_systemd_has_nothing_to_say(self) -> None:
        said = self.machine.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                                "nightly.service", "nightly.timer", "takt-backup.service",
                                "takt-backup.timer", *SOCKETS, *SERVICES,
                                "takt-jobs.slice")
        self.assertEqual((said.stdout, said.stderr), ("", ""))

    def test_a_job_goes_from_host_to_host(self) -> None:
        worker = self.takt.wait_for_ready_worker()
        self.assertEqual(worker["address"], "worker.example.org:7071")
        self.machine.run("rm", "/run/takt/scheduler.sock", "/run/takt/worker.sock")
        self.assertEqual(self.takt.run("run", "--", "hostname").stdout, f"{self.machine.name}\n")

    def test_the_nightly_job_runs(self) -> None:
        self.machine.run("systemctl", "enable", "--now", "nightly.timer")
        self.assertNotEqual(host.show(self.machine, "nightly.timer", "NextElapseUSecRealtime"), "")
        self.machine.run("systemctl", "start", "nightly.service")
        self.takt.run("wait", "nightly")
        self.assertEqual(self.takt.logs("nightly").stdout, "tidied up\n")

    def test_the_backup_is_made(self) -> None:
        self.machine.run("systemctl", "enable", "--now", "takt-backup.timer")
        self.assertNotEqual(host.show(self.machine, "takt-backup.timer", "NextElapseUSecRealtime"),
                            "")
        self.machine.run("systemctl", "start", "takt-backup.service")
        files = self.machine.shell("cd /var/backups/takt && stat -c '%a %n' *").stdout
        self.assertRegex(files, r"^600 \d{4}-\d\d-\d\d-\d{6}\.db\n$")

    def test_all_jobs_together_have_a_limit(self) -> None:
        for limit in ("MemoryMax", "MemoryHigh", "TasksMax"):
            self.assertTrue(host.show(self.machine, "takt-jobs.slice", limit).isdecimal(), limit)

    def test_the_worker_takes_the_policy(self) -> None:
        self.put(POLICY)
        try:
            checked = self.machine.run("takt-worker", "--check-config")
            self.assertEqual((checked.stdout, checked.stderr), ("", ""))
            self.machine.run("systemctl", "reload", "takt-worker.service")
            self.machine.wait_until(
                lambda: self.takt.wait_for_ready_worker()["capacity"]["slots"] == 32, "32 slots")
        finally:
            self.machine.run("rm", f"{PLACES[POLICY]}/{POLICY}")
            self.machine.run("systemctl", "reload", "takt-worker.service")
