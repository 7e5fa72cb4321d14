# SPDX-License-Identifier: Apache-2.0
"""Socket activation: each daemon comes up when somebody connects to its socket."""

import json

from harness.case import SERVICES, SOCKETS, MachineCase
from harness.host import show
from harness.staging import INSIDE
from harness.takt import Takt

DIRECT_JOB = '{"spec": {"argv": ["true"]}}'


class Activation(MachineCase):
    """Only the sockets are started; the services never by name."""

    def setUp(self) -> None:
        # The worker first: it takes its leave of a scheduler that is up. One that is not would be
        # brought up by that, as by any other client of its socket.
        self.machine.run("systemctl", "stop", *reversed(SERVICES))
        self.machine.run("systemctl", "start", *SOCKETS)
        for service in SERVICES:
            self.assertEqual(show(self.machine, service, "ActiveState"), "inactive")

    def test_scheduler_comes_up_by_its_socket_alone(self) -> None:
        Takt(self.machine).run("list")
        self.assertEqual(show(self.machine, "takt-scheduler.service", "ActiveState"), "active")

    def test_worker_comes_up_by_its_socket_and_registers(self) -> None:
        done = self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/worker.sock",
                                "takt.v1.WorkerService", "StartJob", stdin=DIRECT_JOB,
                                user="alice")
        self.assertIn("attempt", json.loads(done.stdout))
        self.assertEqual(show(self.machine, "takt-worker.service", "ActiveState"), "active")
        Takt(self.machine).wait_for_ready_worker()

    def test_a_whole_job_needs_no_service_started_by_name(self) -> None:
        takt = Takt(self.machine)
        self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/worker.sock", "takt.v1.WorkerService",
                         "ListJobs", user="alice")
        done = takt.run("run", "--", "sh", "-c", "echo hello; echo oops >&2; exit 3", check=False)
        self.assertEqual((done.stdout, done.code), ("hello\n", 3))
        self.assertIn("oops\n", done.stderr)
        job = json.loads(takt.run("list", "--all", "--json").stdout)["jobs"][0]
        self.assertEqual(job["attempts"][-1]["launcher"], "LAUNCHER_SCOPE", "auto is scope here")

    def test_daemons_answer_health_on_their_sockets(self) -> None:
        for name in ("scheduler", "worker"):
            done = self.machine.run(f"{INSIDE}/rpc.py", f"/run/takt/{name}.sock",
                                    "grpc.health.v1.Health", "Check", user="alice")
            self.assertEqual(json.loads(done.stdout), {"status": "SERVING"})

    def test_units_are_what_systemd_expects(self) -> None:
        done = self.machine.run("systemd-analyze", "verify", "--man=no", *SOCKETS, *SERVICES,
                                "takt-jobs.slice", "takt-jobs-direct.service")
        self.assertEqual(done.stderr, "")

    def test_outsiders_are_refused(self) -> None:
        done = Takt(self.machine, user="mallory").run("list", check=False)
        self.assertEqual(done.code, 1)
        self.assertIn("not in group takt", done.stderr)
