# SPDX-License-Identifier: Apache-2.0
"""What bad input gets: an RPC status, or START_FAILED with its step, errno and field."""

import errno
import json

from harness import host
from harness.case import TaktCase
from harness.staging import INSIDE

ID = "7d1f3a52-9a0c-4c38-8a54-2f2f6f1f0c11"
SCHEDULER = ("/run/takt/scheduler.sock", "takt.v1.JobService")
WORKER = ("/run/takt/worker.sock", "takt.v1.WorkerService")
# Spec in protobuf's JSON form → the field that the refusal names.
INVALID_SPECS = {
    "empty argv": ({}, "argv"),
    "NUL in argv": ({"argv": ["echo", "a\0b"]}, "argv"),
    "empty argv[0]": ({"argv": [""]}, "argv"),
    "script without #!": ({"script": "ZWNobwo="}, "script"),
    "NUL in environment": (
        {"argv": ["true"], "environment": [{"name": "A", "value": "a\0"}]}, "environment"),
    "= in a variable's name": (
        {"argv": ["true"], "environment": [{"name": "A=B", "value": ""}]}, "environment"),
    "relative folder": ({"argv": ["true"], "working_directory": "tmp"}, "working_directory"),
    "unknown enum value": ({"argv": ["true"], "launcher": 77}, "launcher"),
    "unknown stop target": ({"argv": ["true"], "stop": {"target": 77}}, "target"),
    "signal out of range": ({"argv": ["true"], "stop": {"signal": 99}}, "signal"),
    "priority out of range": ({"argv": ["true"], "priority": 1001}, "priority"),
    "count of nothing": (
        {"argv": ["true"], "resources": {"counted": {"gpu": "0"}}}, "counted.gpu"),
    "array of nothing": ({"argv": ["true"], "array": {"count": 0}}, "array.count"),
    "array and workers": (
        {"argv": ["true"], "array": {"count": 1}, "one_per_worker": True}, "one_per_worker"),
    "unknown condition": (
        {"argv": ["true"], "dependencies": [{"job_id": ID}]}, "dependencies[0].condition"),
    "queue time below 0": ({"argv": ["true"], "queue_time_limit": "-1s"}, "queue_time_limit"),
    "over the limit": ({"argv": ["true"], "stdin_data": "QUFB" * 360000}, "spec"),
}
# What a worker that is called directly does not do.
WAITING_SPECS = {
    "queue_time_limit": {"argv": ["true"], "queue_time_limit": "60s"},
    "not_before_time": {"argv": ["true"], "not_before_time": "2030-01-01T00:00:00Z"},
    "priority": {"argv": ["true"], "priority": 7},
    "hold": {"argv": ["true"], "hold": True},
    "array": {"argv": ["true"], "array": {"count": 3}},
    "one_per_worker": {"argv": ["true"], "one_per_worker": True},
    "dependencies": {"argv": ["true"], "dependencies": [
        {"job_id": ID, "condition": "DEPENDENCY_CONDITION_END"}]},
}


class BadInput(TaktCase):
    """Over gRPC, at the scheduler and at the worker itself."""

    def call(self, door: tuple[str, str], method: str, request: dict) -> dict:
        """Makes a call as alice; returns the answer, or the status of its refusal."""
        done = self.machine.run(f"{INSIDE}/rpc.py", *door, method, stdin=json.dumps(request),
                                user="alice", check=False)
        self.assertIn(done.code, (0, 3), str(done))
        return json.loads(done.stdout if done.code == 0 else done.stderr)

    def start_failure(self, **spec: object) -> dict:
        """Submits a spec that is accepted and cannot be started; returns its end."""
        job = self.call(SCHEDULER, "SubmitJob", {"spec": spec})
        ended = self.takt.wait_for_end(job["job_id"])
        end = ended["attempts"][-1]["end"]
        self.assertEqual(ended["state"], "JOB_STATE_FAILED")
        self.assertEqual(end["cause"], "END_CAUSE_START_FAILED")
        self.assertTrue(end["message"])
        return end

    def test_invalid_specs_name_their_field(self) -> None:
        for door, method in ((SCHEDULER, "SubmitJob"), (WORKER, "StartJob")):
            for what, (spec, field) in INVALID_SPECS.items():
                with self.subTest(what, method=method):
                    status = self.call(door, method, {"spec": spec})
                    self.assertEqual(status["code"], "INVALID_ARGUMENT", status)
                    self.assertIn(field, status["message"])

    def test_a_worker_refuses_what_only_a_scheduler_does(self) -> None:
        for field, spec in WAITING_SPECS.items():
            with self.subTest(field):
                status = self.call(WORKER, "StartJob", {"spec": spec})
                self.assertEqual(status["code"], "INVALID_ARGUMENT", status)
                self.assertIn(field, status["message"])

    def test_a_priority_for_operators_is_refused(self) -> None:
        status = self.call(SCHEDULER, "SubmitJob", {"spec": {"argv": ["true"], "priority": 7}})
        self.assertEqual(status["code"], "PERMISSION_DENIED", status)
        self.assertIn("priority_max", status["message"])

    def test_ids(self) -> None:
        calls = [(SCHEDULER, m) for m in ("GetJob", "StopJob", "ReadOutput")]
        calls += [(WORKER, m) for m in ("QueryJob", "StopJob", "ReadOutput")]
        for door, method in calls:
            with self.subTest(f"{door[1]}.{method}"):
                status = self.call(door, method, {"job_id": ID})
                self.assertEqual(status["code"], "NOT_FOUND", status)
                self.assertIn(ID, status["message"])
        for door, method in calls:
            status = self.call(door, method, {"job_id": "no-uuid"})
            # The scheduler takes names, too: there is no job of this one.
            code = "NOT_FOUND" if door == SCHEDULER else "INVALID_ARGUMENT"
            self.assertEqual(status["code"], code, status)
            self.assertIn("no-uuid", status["message"])
        status = self.call(WORKER, "StartJob", {"job_id": ID, "spec": {"argv": ["true"]}})
        self.assertEqual(status["code"], "INVALID_ARGUMENT", status)
        self.assertIn("request_id", status["message"])

    def test_start_failures_say_step_errno_and_field(self) -> None:
        end = self.start_failure(argv=["/no/such/program"])
        self.assertEqual((end["failed_step"], end["error_number"]), ("exec", errno.ENOENT))
        self.assertIn("argv", end["field"])
        end = self.start_failure(argv=["/etc/passwd"])
        self.assertEqual((end["failed_step"], end["error_number"]), ("exec", errno.EACCES))
        end = self.start_failure(argv=["true"], workingDirectory="/no/such/folder")
        self.assertEqual((end["failed_step"], end["error_number"]), ("chdir", errno.ENOENT))
        self.assertIn("working_directory", end["field"])
        end = self.start_failure(argv=["./nothing-here"])
        self.assertEqual((end["failed_step"], end["error_number"]), ("exec", errno.ENOENT))

    def test_unknown_user(self) -> None:
        status = self.call(WORKER, "StartJob", {"spec": {"argv": ["true"], "user": "nosuchuser"}})
        if "attempt" in status:  # accepted: then the attempt says it
            end = status["attempt"]["end"]
            self.assertEqual(end["cause"], "END_CAUSE_START_FAILED")
            self.assertIn("user", end["field"])
        else:
            self.assertIn(status["code"], ("INVALID_ARGUMENT", "PERMISSION_DENIED"))
            self.assertIn("user", status["message"])

    def test_root_is_refused(self) -> None:
        done = self.machine.run("takt", "run", "--user", "root", "--", "true", check=False)
        self.assertNotEqual(done.code, 0)
        self.assertIn("root", done.stderr)
        done = self.machine.run("takt", "run", "--", "id", "-un")
        self.assertEqual(done.stdout, "takt-job\n", "root's own jobs run as the default user")

    def test_other_users_are_refused(self) -> None:
        done = self.takt.run("run", "--user", "bob", "--", "true", check=False)
        self.assertNotEqual(done.code, 0)
        self.assertIn("bob", done.stderr)

    def test_system_users_and_takts_own_are_refused(self) -> None:
        for user in ("takt-scheduler", "backup"):
            with self.subTest(user):
                done = self.machine.run("takt", "run", "--user", user, "--", "true", check=False)
                self.assertNotEqual(done.code, 0)
                self.assertIn(user, done.stderr)
                self.assertIn("users in [jobs]", done.stderr)

    def test_second_start_of_an_attempt_runs_nothing_twice(self) -> None:
        witness = "/var/tmp/witness/second-start"
        request = {"request_id": "second start",
                   "spec": {"argv": ["sh", "-c", f"echo ran >> {witness}; exit 4"]}}
        job = self.call(WORKER, "StartJob", request)["attempt"]["job_id"]
        ended = self.machine.wait_until(lambda: self.ended_direct(job), "the direct job's end")
        second = self.call(WORKER, "StartJob", request)["attempt"]
        self.assertEqual(second, ended)
        self.assertEqual(second["end"]["exit_code"], 4)
        self.assertEqual(self.machine.read(witness), "ran\n")

    def test_second_start_of_a_running_attempt_runs_nothing_twice(self) -> None:
        witness = "/var/tmp/witness/start-running"
        request = {"request_id": "start running",
                   "spec": {"argv": ["sh", "-c", f"echo ran >> {witness}; exec sleep 1000"]}}
        first = self.call(WORKER, "StartJob", request)["attempt"]
        self.assertEqual(first["state"], "JOB_STATE_RUNNING")
        self.assertEqual(self.call(WORKER, "StartJob", request)["attempt"], first)
        self.call(WORKER, "StopJob", {"job_id": first["job_id"]})
        self.machine.wait_until(lambda: self.ended_direct(first["job_id"]), "the direct job's end")
        self.assertEqual(self.machine.read(witness), "ran\n")

    def ended_direct(self, job: str) -> dict | None:
        """Returns the direct attempt once it has ended."""
        attempt = self.call(WORKER, "QueryJob", {"job_id": job})["attempt"]
        return attempt if "end" in attempt else None

    def test_worker_whose_address_does_not_answer(self) -> None:
        """It is known, shown as not reached, gets no jobs, and does not hurt."""
        nobody = "unix:/run/takt/nobody-listens.sock"
        self.register({"worker_id": ID, "name": "ghost", "address": nobody, "boot_id": ID})
        self.machine.wait_until(self.ghost_is_unreachable, "the ghost to be shown as unreachable")
        self.assertEqual(self.takt.run("run", "--", "echo", "well").stdout, "well\n")
        self.assertEqual(host.show(self.machine, "takt-scheduler.service", "NRestarts"), "0")

    def ghost_is_unreachable(self) -> bool:
        """Says whether the worker of that id is shown, and as unreachable."""
        return any((worker["worker_id"], worker["state"]) == (ID, "WORKER_STATE_UNREACHABLE")
                   for worker in self.takt.workers())

    def test_worker_addresses_that_cannot_be(self) -> None:
        for address in ("", "unix:relative", "nonsense", "host:99999"):
            with self.subTest(address):
                status = self.register({"worker_id": ID, "name": "ghost", "address": address,
                                        "boot_id": ID})
                self.assertEqual(status.get("code"), "INVALID_ARGUMENT", status)
                self.assertIn("address", status["message"])

    def register(self, worker: dict) -> dict:
        """Registers a worker as root, whose role it is; returns the answer or the refusal."""
        done = self.machine.run(
            f"{INSIDE}/rpc.py", "/run/takt/scheduler.sock", "takt.v1.RegistryService",
            "RegisterWorker", stdin=json.dumps(worker), check=False)
        self.assertIn(done.code, (0, 3), str(done))
        return json.loads(done.stdout if done.code == 0 else done.stderr)
