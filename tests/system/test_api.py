# SPDX-License-Identifier: Apache-2.0
"""A Python client with stubs made by protoc from our files, and nothing else of ours."""

import collections
import json
import queue
import subprocess
import threading

from harness import host
from harness.case import TaktCase
from harness.staging import INSIDE

CLIENT = f"{INSIDE}/client.py"
CUTS_WANTED = 3
CUT_PATIENCE_S = 5


class PythonClient(TaktCase):
    """Runs inside/client.py as alice."""

    def test_submit_follow_and_read(self) -> None:
        done = self.machine.run(CLIENT, "run", "sh", "-c", "echo hello; echo oops >&2; exit 3",
                                user="alice")
        told = json.loads(done.stdout)
        self.assertEqual((told["stdout"], told["stderr"]), ("hello\n", "oops\n"))
        self.assertEqual(told["exit_code"], 3)
        self.assertTrue(told["complete"])
        self.assertEqual(told["states"][0], "JOB_STATE_QUEUED")
        self.assertEqual(told["states"][-1], "JOB_STATE_FAILED")
        self.assertIn("JOB_STATE_RUNNING", told["states"])

    def test_reflection_lists_our_services(self) -> None:
        for daemon, services in (("scheduler", ("JobService", "OperatorService",
                                                "RegistryService")),
                                 ("worker", ("WorkerService",))):
            listed = self.machine.run(CLIENT, "reflect", f"unix:/run/takt/{daemon}.sock",
                                      user="alice").lines
            for service in services:
                self.assertIn(f"takt.v1.{service}", listed)
            self.assertIn("grpc.health.v1.Health", listed)

    def test_health_says_serving(self) -> None:
        self.assertEqual(self.machine.run(CLIENT, "health", user="alice").stdout, "SERVING\n")

    def test_repeated_calls_run_nothing_twice(self) -> None:
        witness = "/var/tmp/witness/resubmit"
        client = self.machine.popen([CLIENT, "resubmit", witness], user="alice", text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=lambda: [said.put(line) for line in client.stdout])
        reader.start()
        with client:
            self.assertEqual(said.get(timeout=60), "up\n")
            for _ in range(CUTS_WANTED):
                self.kill_scheduler_until_a_call_is_cut(client, said)
            client.stdin.close()
            client.wait(timeout=120)
            reader.join()
        answered = json.loads([line for line in said.queue if line != "cut\n"][-1])
        self.assertTrue(answered)
        for job in answered:
            self.assertEqual(job["job_id"], job["again"])
        self.machine.wait_until(lambda: not self.live_jobs(), "every job to end", 120)
        ran = collections.Counter(self.machine.read(witness).split())
        self.assertEqual(ran, {job["mark"]: 1 for job in answered})

    def live_jobs(self) -> list[dict]:
        """Returns the jobs that have not ended."""
        return json.loads(self.takt.run("list", "--json").stdout).get("jobs", [])

    def kill_scheduler_until_a_call_is_cut(self, client: subprocess.Popen,
                                           said: "queue.Queue[str]") -> None:
        """Kills the scheduler again and again until the client says that a call got no answer."""
        while client.poll() is None:
            pid = self.machine.wait_until(
                lambda: host.main_pid(self.machine, "takt-scheduler.service"), "a scheduler")
            host.kill(self.machine, pid)
            try:
                self.assertEqual(said.get(timeout=CUT_PATIENCE_S), "cut\n")
                return
            except queue.Empty:
                continue  # it fell between two calls
        self.fail(f"the client has ended with {client.returncode}")
