# SPDX-License-Identifier: Apache-2.0
"""TLS between three network namespaces: a scheduler and two workers with certificates of their own.

The scheduler has its files from the configuration and its socket from systemd; worker one has its
files as systemd credentials and its socket from systemd; worker two listens by itself.
"""

import json
import subprocess

from harness.case import MachineCase
from harness.pki import Authority
from harness.staging import INSIDE
from harness.takt import Takt

PROBE = f"{INSIDE}/tls_probe.py"
FILES = "/etc/takt/tls"
SCHEDULER = "10.77.1.1:7070"
PLAIN = "127.0.0.1:7079"
RESTARTS = 5
NETWORK = """
set -e
i=1
for name in one two; do
  ip netns add $name
  ip link add to-$name type veth peer name eth0 netns $name
  ip address add 10.77.$i.1/24 dev to-$name
  ip link set to-$name up
  ip -n $name address add 10.77.$i.2/24 dev eth0
  ip -n $name link set eth0 up
  ip -n $name link set lo up
  i=$((i + 1))
done
"""
NAMESPACE = "NetworkNamespacePath=/run/netns/one\n"
CREDENTIALS = "".join(
    f"LoadCredential=takt.{kind}:{FILES}/{name}\n"
    for kind, name in (("crt", "one.crt"), ("key", "one.key"), ("ca", "ca.crt")))


def tls_section(name: str) -> str:
    """Returns [tls] with the files of that name."""
    return (f"[tls]\ncertificate = {FILES}/{name}.crt\nkey = {FILES}/{name}.key\n"
            f"ca = {FILES}/ca.crt\n")


class Tls(MachineCase):
    """alice calls from the scheduler's namespace, by TCP."""

    authority: Authority
    takt: Takt

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.authority = Authority()
        cls.takt = Takt(cls.machine)
        cls.machine.shell(NETWORK)
        cls.machine.write(f"{FILES}/ca.crt", cls.authority.certificate)
        cls.install("scheduler", "scheduler", owner="takt-scheduler")
        cls.install("one", "worker")
        cls.install("two", "worker")
        cls.install("alice", "user", owner="alice")
        cls.configure()
        cls.machine.run("systemctl", "daemon-reload")
        cls.machine.run("systemctl", "start", "takt-scheduler.socket", "takt-worker.socket",
                        "takt-scheduler.service", "takt-worker.service")
        cls.machine.run(
            "systemd-run", "--quiet", "--unit=takt-worker-two", "--property=Type=notify",
            "--property=NetworkNamespacePath=/run/netns/two", "--property=KillMode=mixed",
            "takt-worker", "--config", "/etc/takt/two.conf")
        cls.machine.run("systemd-run", "--quiet", "--unit=takt-plain", "--property=Type=notify",
                        "takt-worker", "--config", "/etc/takt/plain.conf")
        cls.machine.wait_until(cls.both_ready, "two ready workers")

    @classmethod
    def install(cls, name: str, role: str, owner: str = "root") -> None:
        """Issues a certificate for takt://ROLE/NAME and puts it where configure() says."""
        certificate, key = cls.authority.issue(name, role)
        cls.machine.write(f"{FILES}/{name}.key", key, 0o600)
        cls.machine.run("chown", owner, f"{FILES}/{name}.key")
        cls.machine.write(f"{FILES}/{name}.crt", certificate)

    @classmethod
    def configure(cls) -> None:
        write = cls.machine.write
        write("/etc/takt/client.conf", f"[client]\naddress = {SCHEDULER}\n" + tls_section("alice"))
        write("/etc/takt/scheduler.conf.d/tls.conf", tls_section("scheduler"))
        write("/etc/takt/worker.conf.d/tls.conf",
              "[worker]\nname = one\naddress = 10.77.1.2:7071\n"
              f"[scheduler]\naddress = {SCHEDULER}\n")
        write("/etc/takt/two.conf",
              "[worker]\nname = two\nstate_directory = /var/lib/takt-two\n"
              "listen = 10.77.2.2:7071\naddress = 10.77.2.2:7071\n"
              "[scheduler]\naddress = 10.77.2.1:7070\n" + tls_section("two"))
        write("/etc/takt/plain.conf",
              f"[worker]\nname = plain\nstate_directory = /var/lib/takt-plain\nlisten = {PLAIN}\n"
              "insecure = yes\n[scheduler]\naddress = none\n")
        drop_in = "/etc/systemd/system/{}.d/tls.conf".format
        write(drop_in("takt-scheduler.socket"), "[Socket]\nListenStream=7070\nNoDelay=yes\n")
        write(drop_in("takt-worker.socket"),
              f"[Socket]\n{NAMESPACE}ListenStream=10.77.1.2:7071\nNoDelay=yes\n")
        write(drop_in("takt-worker.service"), f"[Service]\n{NAMESPACE}{CREDENTIALS}")

    @classmethod
    def both_ready(cls) -> bool:
        done = cls.takt.run("workers", "--json", check=False)
        found = json.loads(done.stdout).get("workers", []) if done.code == 0 else []
        return sorted(worker["name"] for worker in found
                      if worker["state"] == "WORKER_STATE_READY") == ["one", "two"]

    def warnings(self, unit: str = "takt-scheduler.service") -> list[str]:
        """Returns what the unit has warned of so far."""
        return self.machine.journal("--output=cat", f"_SYSTEMD_UNIT={unit}",
                                    "PRIORITY=4").splitlines()

    def expect_refusal(self, said: str, *probe: str, unit: str = "takt-scheduler.service",
                       address: str = SCHEDULER) -> None:
        """The probe gets not a byte, and one line of the journal says why."""
        before = self.warnings(unit)
        done = self.machine.run(PROBE, address, *probe)
        self.assertEqual(done.stdout.split()[0], "0", done.stdout)
        self.machine.wait_until(lambda: len(self.warnings(unit)) > len(before), said)
        added = self.warnings(unit)[len(before):]
        self.assertEqual(len(added), 1, added)
        self.assertIn(said, added[0])

    def probe_files(self, certificate: str, key: str) -> tuple[str, str]:
        self.machine.write("/tmp/probe.crt", certificate)
        self.machine.write("/tmp/probe.key", key)
        return "/tmp/probe.crt", "/tmp/probe.key"

    def test_jobs_run_on_both_workers(self) -> None:
        for name in ("one", "two"):
            done = self.takt.run("run", "--on", f"worker={name}", "--", "sh", "-c",
                                 "echo hello; id -un; exit 3", check=False)
            self.assertEqual((done.code, done.stdout), (3, "hello\ntakt-job\n"), done.stderr)
        job = json.loads(self.takt.run("list", "--all", "--json").stdout)["jobs"][0]
        self.assertEqual(job["submitted_by"], "takt://user/alice")

    def test_a_user_stops_their_own_job(self) -> None:
        job = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.takt.run("stop", job, "--reason", "enough")
        self.assertEqual(self.takt.wait_for_end(job)["end"]["stopped_by"], "takt://user/alice")

    def test_a_served_probe_gets_bytes(self) -> None:
        certificate = self.probe_files(*self.authority.issue("bob", "user"))
        done = self.machine.run(PROBE, SCHEDULER, "tls", *certificate)
        self.assertGreater(int(done.stdout.split()[0]), 0)

    def test_no_certificate(self) -> None:
        self.expect_refusal("no certificate was shown", "tls")

    def test_expired_certificate(self) -> None:
        files = self.probe_files(*self.authority.issue("bob", "user", days=-1))
        self.expect_refusal("(takt://user/bob) expired on", "tls", *files)

    def test_certificate_of_another_ca(self) -> None:
        files = self.probe_files(*Authority("another CA").issue("bob", "user"))
        self.expect_refusal("is not signed by the CA", "tls", *files)

    def test_plain_text_on_the_tls_port(self) -> None:
        self.expect_refusal("it spoke plain text", "plain")

    def test_tls_on_the_plain_port(self) -> None:
        self.expect_refusal("it spoke TLS", "tls", unit="takt-plain.service", address=PLAIN)

    def test_wrong_role(self) -> None:
        before = self.warnings()
        self.machine.write("/tmp/one/takt/client.conf", tls_section("one"))
        done = self.machine.run("env", "XDG_CONFIG_HOME=/tmp/one", "takt", "list", check=False)
        self.assertEqual(done.code, 1)
        self.assertIn("takt://worker/one may not call JobService.ListJobs", done.stderr)
        self.assertIn("role user or operator", done.stderr)
        added = self.warnings()[len(before):]
        self.assertEqual(len(added), 1, added)
        self.assertIn("refused JobService.ListJobs", added[0])

    def test_what_the_command_line_says_of_a_wrong_server(self) -> None:
        self.machine.write("/tmp/wrong/takt/client.conf", "[client]\naddress = 10.77.2.2:7071\n")
        done = self.machine.run("ip", "netns", "exec", "two", "env", "XDG_CONFIG_HOME=/tmp/wrong",
                                "takt", "list", check=False)
        self.assertEqual(done.code, 1)
        self.assertIn("is for takt://worker/two, not for a scheduler", done.stderr)

    def test_plain_text_is_not_spoken_unasked(self) -> None:
        done = self.takt.run("list", "--insecure", "--timeout", "2s", check=False)
        self.assertEqual(done.code, 1)
        self.assertIn("it spoke plain text", self.warnings()[-1])

    def test_renewal_loses_no_byte_and_no_session(self) -> None:
        gate = "/var/tmp/witness/renewed"
        job = self.takt.submit("sh", "-c", f"seq 1 1000; while ! test -e {gate}; do sleep 0.1; "
                               "done; seq 1001 2000", options=("--on", "worker=two"))
        self.takt.wait_for_output(job, "1000\n")
        follower = self.takt.popen("logs", "-f", job)
        self.assertEqual(follower.stdout.readline(), "1\n")
        files = self.probe_files(*self.authority.issue("bob", "user"))
        old = self.machine.run(PROBE, SCHEDULER, "tls", *files).stdout.split()[1]
        ended = self.sessions_ended()
        self.install("scheduler", "scheduler", owner="takt-scheduler")
        self.install("two", "worker")
        self.machine.run("systemctl", "reload", "takt-scheduler.service")
        for unit in ("takt-scheduler.service", "takt-worker-two.service"):
            self.machine.wait_until(
                lambda u=unit: "new TLS files are in force" in self.machine.journal("--unit", u),
                f"{unit} to take the new files")
        new = self.machine.run(PROBE, SCHEDULER, "tls", *files).stdout.split()[1]
        self.assertNotEqual(old, new)
        self.machine.run("touch", gate)
        with follower:  # by read() alone: communicate() forgets what readline() has read ahead
            rest = follower.stdout.read()
        self.assertEqual("1\n" + rest, "".join(f"{i}\n" for i in range(1, 2001)))
        self.assertEqual(self.sessions_ended(), ended)
        self.assertEqual(follower.returncode, 0)

    def sessions_ended(self) -> int:
        """Says how often worker two has lost its session so far."""
        return self.machine.journal("--unit", "takt-worker-two.service").count(" is over")

    def test_no_connection_is_refused_during_restarts(self) -> None:
        loop = self.machine.popen([f"{INSIDE}/connect_loop.py", SCHEDULER], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with loop:
            self.assertEqual(loop.stdout.readline(), "up\n")
            for _ in range(RESTARTS):
                self.machine.run("systemctl", "restart", "takt-scheduler.service")
            said, _ = loop.communicate(timeout=60)
        counted = json.loads(said)
        self.assertGreater(counted["made"], RESTARTS)
        self.assertEqual(counted["refused"], {})
        self.machine.wait_until(self.both_ready, "two ready workers")
