# SPDX-License-Identifier: Apache-2.0
"""Programs of the original design in Python: a conductor and a worker."""

import json
import subprocess

from harness.case import TaktCase
from harness.host import kill, main_pid
from harness.staging import INSIDE

PROGRAM = f"{INSIDE}/old_programs.py"
WORKER_DOOR = "127.0.0.1:7071"
SCHEDULER_DOOR = "127.0.0.1:7072"
OLD_WORKER = "127.0.0.1:7073"
SCRIPTS = "/srv/scripts"
WITNESS = "/var/tmp/witness"
UNKNOWN = "7d1f3a52-9a0c-4c38-8a54-2f2f6f1f0c11"
WORKER_CONF = f"[compat]\nlisten = {WORKER_DOOR}\ninsecure = yes\nscripts = {SCRIPTS}\n"
SCHEDULER_CONF = (f"[workers]\nunreachable_after = 10s\n"
                  f"[compat]\nlisten = {SCHEDULER_DOOR}\ninsecure = yes\n")


class OldPrograms(TaktCase):
    """Both daemons as installed, with [compat] switched on."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name, text in (("ok.sh", "exit 0\n"), ("three.sh", "exit 3\n"),
                           ("who.sh", f"echo $(id -un) $(pwd) $0 > {WITNESS}/who\n"),
                           ("long.sh", f"echo $$ >> {WITNESS}/long\nexec sleep 1000\n"),
                           ("tree.sh", f"setsid sleep 1001 &\necho $! > {WITNESS}/tree\n"
                                       "exec sleep 1002\n")):
            cls.machine.write(f"{SCRIPTS}/{name}", text)
        cls.machine.run("ln", "-s", "/etc/hostname", f"{SCRIPTS}/out.sh")
        cls.machine.write("/etc/takt/worker.conf.d/60-compat.conf", WORKER_CONF)
        cls.machine.write("/etc/takt/scheduler.conf.d/60-compat.conf", SCHEDULER_CONF)
        cls.machine.run("systemctl", "restart", "takt-scheduler.service", "takt-worker.service")
        cls.takt.wait_for_ready_worker()

    def start(self, *arguments: str) -> subprocess.Popen:
        """Starts one of the old programs."""
        return self.machine.popen([PROGRAM, *arguments], text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)

    def call(self, *words: str) -> dict:
        """Makes one call as the old conductor."""
        self.conductor.stdin.write(json.dumps(words) + "\n")
        self.conductor.stdin.flush()
        return json.loads(self.conductor.stdout.readline())

    def end_of(self, job: str) -> dict:
        """Returns how the conductor's job ended, once it has."""
        def ended() -> dict | None:
            said = self.call("query", job)
            return said if said["done"] else None
        return self.machine.wait_until(ended, "the end of the old conductor's job")

    def test_a_conductor_drives_our_worker(self) -> None:
        with self.start("conductor", WORKER_DOOR) as self.conductor:
            self.assertEqual(self.end_of(self.call("start", "sh", "ok.sh")["id"]),
                             {"done": True, "error": False, "text": ""})
            self.assertEqual(self.end_of(self.call("start", "sh", "three.sh")["id"]),
                             {"done": True, "error": True, "text": "exit status 3"})
            self.end_of(self.call("start", "sh", "who.sh")["id"])
            self.assertEqual(self.machine.read(f"{WITNESS}/who"), f"takt-job {SCRIPTS} who.sh\n")
            job = self.call("start", "sh", "tree.sh")["id"]
            child = self.machine.wait_until(
                lambda: self.machine.run("cat", f"{WITNESS}/tree", check=False).stdout.strip(),
                "the tree")
            self.assertTrue(self.machine.exists(f"/proc/{child}"))
            self.assertEqual(self.call("query", job), {"done": False, "error": False, "text": ""})
            self.assertEqual(self.call("stop", job), {})
            self.assertEqual(self.end_of(job)["text"], "signal: killed")
            self.machine.wait_until(lambda: not self.machine.exists(f"/proc/{child}"),
                                    "the end of the whole tree")
            self.assertEqual(self.call("stop", job), {})
            for verb in ("stop", "query"):
                self.assertEqual(self.call(verb, UNKNOWN),
                                 {"code": "NOT_FOUND", "message": "job not found"})
            for path in ("", "nothing.sh", "../hostname", f"{SCRIPTS}/ok.sh", "out.sh"):
                self.assertEqual(self.call("start", "sh", path)["code"], "INVALID_ARGUMENT", path)
            self.assertIn("code", self.call("start", "no-such-program", "ok.sh"))
            self.conductor.stdin.close()

    def test_an_old_worker_gets_jobs_dies_and_comes_back(self) -> None:
        old = self.start("worker", SCHEDULER_DOOR, OLD_WORKER, SCRIPTS)
        known, pid = old.stdout.readline().split()
        self.wait_for_old("READY")
        for script, state, code in (("ok.sh", "SUCCEEDED", 0), ("three.sh", "FAILED", 3)):
            ended = self.takt.wait_for_end(self.submit(script))
            self.assertEqual(ended["state"], f"JOB_STATE_{state}")
            self.assertEqual(ended["end"]["exit_code"], code)
            said = self.takt.run("status", ended["job_id"]).stdout
            self.assertIn("known only as far as the old worker", said)
        stopped = self.running()
        self.takt.run("stop", stopped)
        self.assertEqual(self.takt.wait_for_end(stopped)["end"]["signal"], 9)

        job = self.running()
        kill(self.machine, main_pid(self.machine, "takt-scheduler.service"))
        self.wait_for_old("READY")
        self.assertEqual(self.takt.job(job)["state"], "JOB_STATE_RUNNING")
        self.assertEqual(len(self.machine.read(f"{WITNESS}/long").split()), 2, "each ran once")

        self.machine.run("kill", "-KILL", pid)
        old.wait()
        self.wait_for_old("UNREACHABLE")
        self.assertEqual(self.takt.job(job)["state"], "JOB_STATE_RUNNING")
        with self.start("worker", SCHEDULER_DOOR, OLD_WORKER, SCRIPTS) as old:
            self.assertEqual(old.stdout.readline().split()[0], known, "the same worker again")
            lost = self.takt.wait_for_end(job)
            self.assertEqual(lost["end"]["cause"], "END_CAUSE_WORKER_LOST")
            self.assertEqual(self.takt.wait_for_end(self.submit("ok.sh"))["state"],
                             "JOB_STATE_SUCCEEDED")
            old.stdin.close()
            old.wait()
        self.wait_for_old("AWAY")
        # What a worker of the original design leaves behind when it dies: takt cannot know of it.
        self.machine.run("kill", self.machine.read(f"{WITNESS}/long").split()[-1])

    def submit(self, script: str) -> str:
        """Submits a job for old workers."""
        return self.takt.submit("sh", script, options=("--on", "takt.compat=jobscheduler"))

    def running(self) -> str:
        """Returns a job that runs on the old worker."""
        job = self.submit("long.sh")
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        return job

    def wait_for_old(self, state: str) -> None:
        """Waits until the old worker is in a state."""
        def reached() -> bool:
            done = self.takt.run("workers", "--json", check=False)
            found = json.loads(done.stdout).get("workers", []) if done.code == 0 else []
            return any((worker["name"], worker["state"]) ==
                       (f"jobscheduler@{OLD_WORKER}", f"WORKER_STATE_{state}") for worker in found)
        self.machine.wait_until(reached, f"the old worker to be {state}")
