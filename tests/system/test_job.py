# SPDX-License-Identifier: Apache-2.0
"""One job on booted systemd: where it runs, what it leaves, how it is stopped. Both launchers."""

import json
import subprocess
import uuid

from harness import host
from harness.case import TaktCase
from harness.staging import INSIDE
from harness.takt import folder_of, unit_of

WITNESS = "/var/tmp/witness"
SHORT_JOBS = 20
SUPERVISOR = "/usr/lib/takt/takt-supervisor"


class JobTests:
    """What holds under both launchers; self is a TaktCase."""

    def rpc(self, method: str, request: dict) -> dict:
        """Calls JobService as alice."""
        done = self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/scheduler.sock",
                                "takt.v1.JobService", method, stdin=json.dumps(request),
                                user="alice")
        return json.loads(done.stdout)

    def submit_spec(self, **spec: object) -> str:
        """Submits a spec in protobuf's JSON form."""
        return self.rpc("SubmitJob", {"spec": spec})["job_id"]

    def start_tree(self, mark: str, *arguments: str, **spec: object) -> str:
        """Starts the tree that resists, and waits until all of it is up."""
        job = self.submit_spec(argv=[f"{INSIDE}/resist.py", mark, *arguments], **spec)
        self.addCleanup(self.takt.run, "stop", job, check=False)
        self.takt.wait_for_output(job, "tree up 9")
        self.assertEqual(len(host.processes_with(self.machine, mark)), 9)
        return job

    def start_trapping_job(self, witness: str) -> str:
        """Starts a job whose stop signal is SIGUSR1, and which tells the witness what it got."""
        script = (f"trap 'echo usr1 >> {witness}; exit 7' USR1; trap 'echo term >> {witness}' TERM;"
                  " echo ready; while :; do sleep 1000 & wait; done")
        job = self.submit_spec(argv=["sh", "-c", script],
                               stop={"signal": 10, "target": "STOP_TARGET_LEADER"})
        self.takt.wait_for_output(job, "ready")
        return job

    def assert_own_stop_ran(self, job: str, witness: str) -> None:
        """The job got its own signal, within its grace, and it is on record who asked."""
        end = self.takt.wait_for_end(job)["attempts"][-1]["end"]
        self.assertEqual((end["cause"], end["exit_code"]), ("END_CAUSE_STOPPED", 7))
        self.assertEqual(end["stopped_by"], "systemctl stop")
        self.assertFalse(end.get("killed", False))
        self.assertEqual(self.machine.read(witness), "usr1\n")
        self.assert_nothing_left(witness)

    def test_the_daemons_dump_no_core_and_a_job_has_the_limit_of_the_host(self) -> None:
        def core_limits(text: str) -> list[str]:
            """Returns the soft and the hard one of a file of limits."""
            return next(line.split()[4:6] for line in text.splitlines()
                        if line.startswith("Max core file size"))
        for service in ("takt-scheduler.service", "takt-worker.service"):
            pid = host.main_pid(self.machine, service)
            self.assertEqual(core_limits(self.machine.read(f"/proc/{pid}/limits"))[0], "0", service)
        of_job = core_limits(self.takt.run("run", "--", "cat", "/proc/self/limits").stdout)
        self.assertEqual(of_job, core_limits(self.machine.read("/proc/1/limits")))

    def test_run_shows_each_attempt(self) -> None:
        done = self.takt.run("run", "--attempts", "2", "--", "sh", "-c",
                             'echo "attempt $TAKT_ATTEMPT"; exit 3', check=False)
        self.assertEqual((done.stdout, done.code), ("attempt 1\nattempt 2\n", 3))

    def test_what_an_operator_holds_only_operators_release(self) -> None:
        job = self.takt.run("submit", "--hold", "--", "true").stdout.strip()
        self.machine.run("takt", "hold", job)
        refused = self.takt.run("release", job, check=False)
        self.assertEqual(refused.code, 1)
        self.assertIn("only operators may release it", refused.stderr)
        self.machine.run("takt", "release", job)
        self.takt.wait_for_end(job)

    def test_output_and_exit_code_come_through_run(self) -> None:
        done = self.takt.run("run", "--", "sh", "-c", "echo hello; exit 3", check=False)
        self.assertEqual((done.stdout, done.code), ("hello\n", 3))
        done = self.takt.run("run", "--", "sh", "-c", "kill -USR1 $$", check=False)
        self.assertEqual(done.code, 128 + 10)
        self.assertEqual(self.takt.run("run", "--", "/no/such/file", check=False).code, 127)
        self.assertEqual(self.takt.run("run", "--", "/etc/passwd", check=False).code, 126)

    def test_job_runs_as_its_caller_with_an_environment_of_its_own(self) -> None:
        script = ("id -un; pwd; cat /proc/self/oom_score_adj; echo $TAKT_JOB_ID; ulimit -Sn;"
                  " ls /proc/self/fd")
        job = self.takt.submit("sh", "-c", script)
        self.takt.wait_for_end(job)
        lines = self.takt.logs(job).stdout.splitlines()
        self.assertEqual(lines[:5], ["alice", "/home/alice", "0", job, "1024"])
        self.assertEqual(lines[5:], ["0", "1", "2", "3"])

    def test_output_files_are_in_the_state_folder(self) -> None:
        job = self.takt.submit("sh", "-c", "printf out; printf err >&2")
        self.takt.wait_for_end(job)
        self.assertEqual(self.machine.read(f"{folder_of(job)}/stdout"), "out")
        self.assertEqual(self.machine.read(f"{folder_of(job)}/stderr"), "err")
        self.assertTrue(self.machine.exists(f"{folder_of(job)}/exit"))
        logs = self.takt.logs(job)
        self.assertEqual((logs.stdout, logs.stderr), ("out", "err"))

    def test_journal_has_every_line(self) -> None:
        job = self.takt.submit("sh", "-c", "echo first; echo second >&2; printf last")
        self.takt.wait_for_end(job)
        self.machine.run("journalctl", "--sync")
        for query in (["-u", f"takt-job-{job}*"], [f"TAKT_JOB_ID={job}"]):
            lines = self.machine.run("journalctl", "-o", "cat", *query).lines
            for line in ("first", "second", "last"):
                self.assertIn(line, lines)

    def test_no_line_of_a_job_passes_for_another_programs_or_jobs(self) -> None:
        job = self.takt.submit("sh", "-c", "echo Accepted publickey; exec sleep 1000",
                               options=("--name", "sshd"))
        self.addCleanup(self.takt.run, "stop", job, check=False)
        self.takt.wait_for_output(job, "Accepted publickey")
        self.machine.run("logger", "--journald", user="alice", stdin=(
            f"TAKT_JOB_ID={job}\nTAKT_ATTEMPT=1\nTAKT_STREAM=stdout\nSYSLOG_IDENTIFIER=takt/sshd\n"
            "MESSAGE=forged by alice\n"))
        self.machine.run("journalctl", "--sync")
        said = self.machine.run("journalctl", "-o", "json", "_UID=0", f"_EXE={SUPERVISOR}",
                                f"TAKT_JOB_ID={job}").lines
        entries = [json.loads(line) for line in said if line.startswith("{")]
        self.assertEqual([entry["MESSAGE"] for entry in entries], ["Accepted publickey"])
        self.assertEqual(entries[0]["SYSLOG_IDENTIFIER"], "takt/sshd")
        self.assertEqual(entries[0]["OBJECT_UID"], self.machine.run("id", "-u", "alice").lines[0])
        leader = self.takt.job(job)["attempts"][-1]["leader_pid"]
        self.assertEqual(entries[0]["OBJECT_PID"], str(leader))
        bare = self.machine.run("journalctl", "-o", "cat", "-t", "sshd", check=False).lines
        self.assertNotIn("Accepted publickey", bare)

    def test_journal_has_the_last_line_of_the_shortest_jobs(self) -> None:
        jobs = {self.takt.submit("echo", f"line-of-{n}"): f"line-of-{n}"
                for n in range(SHORT_JOBS)}
        for job in jobs:
            self.takt.wait_for_end(job)
        self.machine.run("journalctl", "--sync")
        for job, line in jobs.items():
            for query in (["-u", f"takt-job-{job}*"], [f"TAKT_JOB_ID={job}"]):
                self.assertIn(line, self.machine.run("journalctl", "-o", "cat", *query).lines)

    def test_script_is_sent_along(self) -> None:
        script = "#!/bin/sh\necho \"script says $1\"\nexit 4\n"
        self.machine.write("/home/alice/job.sh", script)
        done = self.takt.run("run", "--script", "/home/alice/job.sh", "--", "hello", check=False)
        self.assertEqual((done.stdout, done.code), ("script says hello\n", 4))

    def test_what_outlives_the_command_is_ended(self) -> None:
        mark = f"outlive-{self.launcher}"
        self.takt.run("run", "--", "sh", "-c", f"setsid sh -c 'sleep 1000; : {mark}' & echo x")
        self.assert_nothing_left(mark)

    def test_stop_leaves_nothing_of_a_tree_that_resists(self) -> None:
        mark = f"resist-{self.launcher}"
        job = self.start_tree(mark, stop={"grace": "1s"})
        self.takt.run("stop", job, "--reason", "wrong table")
        ended = self.takt.wait_for_end(job)
        self.assertEqual(ended["state"], "JOB_STATE_STOPPED")
        end = ended["attempts"][-1]["end"]
        self.assertEqual((end["cause"], end["reason"]), ("END_CAUSE_STOPPED", "wrong table"))
        self.assertTrue(end["killed"])
        self.assert_nothing_left(mark)

    def test_stop_asks_first(self) -> None:
        mark, witness = f"graceful-{self.launcher}", f"{WITNESS}/graceful-{self.launcher}"
        job = self.start_tree(mark, witness)
        self.takt.run("stop", job)
        ended = self.takt.wait_for_end(job)
        self.assertEqual(ended["attempts"][-1]["end"]["cause"], "END_CAUSE_STOPPED")
        self.assertEqual(ended["attempts"][-1]["end"]["exit_code"], 9)
        self.assertEqual(self.machine.read(witness), "stopped\n")
        self.assertIn("leader leaves", self.takt.logs(job).stdout)
        self.assert_nothing_left(mark)

    def test_ctrl_c_stops_the_job(self) -> None:
        mark = f"ctrl-c-{self.launcher}"
        with self.takt.popen("run", "--", f"{INSIDE}/resist.py", mark, "/dev/null") as client:
            self.assertEqual(client.stdout.readline(), "tree up 9\n")
            pid = self.machine.run("pgrep", "-f", f"^takt run.*{mark}").stdout.strip()
            self.machine.run("kill", "-INT", pid)
            _, said = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 130, said)
        self.assert_nothing_left(mark)

    def test_logs_follow_a_job_to_its_end(self) -> None:
        go = f"{WITNESS}/follow-{self.launcher}"
        wait = f"until test -e {go}; do sleep 0.05; done"
        job = self.takt.submit("sh", "-c", f"echo early; {wait}; echo late")
        with self.takt.popen("logs", "-f", job) as follower:
            self.assertEqual(follower.stdout.readline(), "early\n")
            self.machine.run("touch", go)
            rest, _ = follower.communicate(timeout=60)
        self.assertEqual((rest, follower.returncode), ("late\n", 0))


class ScopeJob(JobTests, TaktCase):
    """The scope launcher."""

    launcher = "scope"

    def test_job_is_a_scope_below_the_slice(self) -> None:
        job = self.start_tree("placed-scope")
        attempt, unit = self.takt.attempt(job), unit_of(job)
        status = self.machine.run("systemctl", "status", "--no-pager", "--full", unit).stdout
        place = rf"takt-jobs\.slice/takt-jobs-u(\d+)\.slice/takt-jobs-u\1-\d\d\.slice/{unit}"
        self.assertRegex(status, rf"CGroup: /takt\.slice/{place}")
        self.assertIn("placed-scope", status)
        self.assertEqual(attempt["unit"], unit)
        group = self.machine.read(f"/proc/{attempt['leader_pid']}/cgroup").splitlines()[-1]
        self.assertRegex(group, rf"/{place}/job$")
        uid = self.machine.run("id", "-u", self.takt.user).stdout.strip()
        self.assertIn(f"/takt-jobs-u{uid}.slice/", group)
        self.takt.run("stop", job)
        self.takt.wait_for_end(job)
        self.assert_nothing_left("placed-scope")

    def test_systemctl_stop_runs_the_jobs_own_stop(self) -> None:
        job = self.start_trapping_job(f"{WITNESS}/own-stop")
        self.machine.run("systemctl", "stop", unit_of(job))
        self.assert_own_stop_ran(job, f"{WITNESS}/own-stop")

    def test_systemctl_stop_ends_a_tree_that_resists(self) -> None:
        job = self.start_tree("resist-systemctl", stop={"grace": "1s"})
        self.machine.run("systemctl", "stop", unit_of(job))
        ended = self.takt.wait_for_end(job)
        self.assertEqual(ended["state"], "JOB_STATE_STOPPED")
        self.assertTrue(ended["attempts"][-1]["end"]["killed"])
        self.assert_nothing_left("resist-systemctl")

    def start_directly_over(self, script: str) -> tuple[dict, str]:
        """Runs a script in a scope of an attempt's name, then starts the attempt at the worker.

        Returns the attempt as it settled, and the scope's name.
        """
        # As the worker makes the id of alice's request.
        alice = self.machine.run("id", "-u", "alice").stdout.strip()
        worker = uuid.UUID(self.machine.read("/var/lib/takt/worker-id").strip())
        request_id = str(uuid.uuid4())
        job = str(uuid.uuid5(worker, f"{alice} alice\n{request_id}"))
        unit = unit_of(job)
        holder = self.machine.popen(["systemd-run", "--quiet", "--scope", f"--unit={unit}",
                                     "--property=Delegate=yes", "sh", "-c", script],
                                    stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        self.addCleanup(self.machine.run, "systemctl", "stop", unit, check=False)
        self.assertEqual(holder.stdout.readline(), "up\n")
        request = {"request_id": request_id, "spec": {"argv": ["sleep", "1000"]}}
        done = self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/worker.sock",
                                "takt.v1.WorkerService", "StartJob", stdin=json.dumps(request),
                                user="alice")
        attempt = json.loads(done.stdout)["attempt"]
        self.assertEqual(attempt["job_id"], job)
        return attempt, unit

    def test_scope_that_a_killed_worker_left_over_a_start_is_replaced(self) -> None:
        attempt, unit = self.start_directly_over("echo up; exec sleep 1000")
        self.assertEqual(attempt["state"], "JOB_STATE_RUNNING")
        group = self.machine.read(f"/proc/{attempt['leader_pid']}/cgroup").splitlines()[-1]
        self.assertTrue(group.endswith(f"{unit}/job"), group)

    def test_scope_of_that_name_with_a_running_job_is_left_alone(self) -> None:
        attempt, unit = self.start_directly_over(
            "cd /sys/fs/cgroup$(tail -n 1 /proc/self/cgroup | cut -d: -f3); mkdir job;"
            " echo $$ > job/cgroup.procs; echo up; exec sleep 1000")
        end = attempt["end"]
        self.assertEqual((end["cause"], end["failed_step"]), ("END_CAUSE_START_FAILED", "scope"))
        self.assertEqual(host.show(self.machine, unit, "ActiveState"), "active")

    def test_systemctl_stop_of_the_slice_stops_all(self) -> None:
        jobs = [self.start_tree(f"slice-{n}", stop={"grace": "1s"}) for n in range(3)]
        self.machine.run("systemctl", "stop", "takt-jobs.slice")
        for job in jobs:
            self.assertEqual(self.takt.wait_for_end(job)["state"], "JOB_STATE_STOPPED")
        self.assert_nothing_left("slice-0", "slice-1", "slice-2")


class CgroupJob(JobTests, TaktCase):
    """The cgroup launcher."""

    launcher = "cgroup"

    def test_job_is_below_the_delegated_unit(self) -> None:
        job = self.start_tree("placed-cgroup")
        status = self.machine.run("systemctl", "status", "--no-pager", "--full",
                                  "takt-jobs-direct.service").stdout
        self.assertIn("CGroup: /takt.slice/takt-jobs.slice/takt-jobs-direct.service", status)
        self.assertIn("placed-cgroup", status)
        pid = self.takt.attempt(job)["leader_pid"]
        group = self.machine.read(f"/proc/{pid}/cgroup").splitlines()[-1]
        self.assertRegex(group, rf"/takt-jobs-direct\.service/u\d+/[^/]*{job}[^/]*/job$")
        self.takt.run("stop", job)
        self.takt.wait_for_end(job)
        self.assert_nothing_left("placed-cgroup")

    def test_systemctl_stop_of_the_unit_stops_all(self) -> None:
        jobs = [self.start_tree(f"unit-{n}", stop={"grace": "1s"}) for n in range(3)]
        self.machine.run("systemctl", "stop", "takt-jobs-direct.service")
        for job in jobs:
            self.assertEqual(self.takt.wait_for_end(job)["state"], "JOB_STATE_STOPPED")
        self.assert_nothing_left("unit-0", "unit-1", "unit-2")
        # The next job starts the unit again.
        self.assertEqual(self.takt.run("run", "--", "echo", "well").stdout, "well\n")

    def test_systemctl_stop_runs_the_jobs_own_stop(self) -> None:
        job = self.start_trapping_job(f"{WITNESS}/own-stop-direct")
        self.machine.run("systemctl", "stop", "takt-jobs-direct.service")
        self.assert_own_stop_ran(job, f"{WITNESS}/own-stop-direct")
