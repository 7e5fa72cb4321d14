# SPDX-License-Identifier: Apache-2.0
"""takt inside a machine, as its users see it: the command line and its JSON."""

import json
import subprocess
from collections.abc import Sequence

from .machine import Machine
from .process import Result
from .staging import INSIDE

ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_STOPPED")
END_TIMEOUT_S = 60


class Takt:
    """Runs verbs of takt as one user (alice, who is in group takt)."""

    def __init__(self, machine: Machine, user: str = "alice"):
        self.machine = machine
        self.user = user

    def run(self, *args: str, check: bool = True, **kwargs: object) -> Result:
        """Runs `takt ARGS`."""
        return self.machine.run("takt", *args, check=check, user=self.user, **kwargs)

    def popen(self, *args: str) -> subprocess.Popen:
        """Starts `takt ARGS` with both outputs as text pipes."""
        return self.machine.popen(["takt", *args], user=self.user, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def submit(self, *argv: str, options: tuple[str, ...] = ()) -> str:
        """Submits a command; returns the job's UUID."""
        return self.run("submit", *options, "--", *argv).stdout.strip()

    def rpc(self, method: str, **request: object) -> dict:
        """Calls JobService; request and answer are in protobuf's JSON form."""
        done = self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/scheduler.sock",
                                "takt.v1.JobService", method, stdin=json.dumps(request),
                                user=self.user)
        return json.loads(done.stdout)

    def worker_rpc(self, method: str, check: bool = True, **request: object) -> Result:
        """Calls WorkerService of the worker itself; the answer, or the refusal, is in JSON."""
        return self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/worker.sock",
                                "takt.v1.WorkerService", method, stdin=json.dumps(request),
                                user=self.user, check=check)

    def tasks(self, array: str) -> list[dict]:
        """Returns all tasks of an array job, in one call."""
        return self.rpc("ListJobs", part_of=array, page_size=1000).get("jobs", [])

    def submit_all(self, scripts: Sequence[str]) -> list[str]:
        """Submits shell scripts in one call; returns the jobs' UUIDs."""
        specs = [{"argv": ["sh", "-c", script]} for script in scripts]
        return self.rpc("SubmitJobs", specs=specs)["job_ids"]

    def all_jobs(self) -> dict[str, dict]:
        """Returns the newest thousand jobs by UUID, in one call."""
        return {job["job_id"]: job for job in self.rpc("ListJobs", page_size=1000).get("jobs", [])}

    def wait_for_ends(self, ids: Sequence[str], timeout_s: float = END_TIMEOUT_S) -> list[dict]:
        """Waits until these jobs have ended; returns them in this order."""
        def ended() -> list[dict] | None:
            jobs = self.all_jobs()
            found = [jobs[job] for job in ids]
            return found if all(job["state"] in ENDED for job in found) else None
        return self.machine.wait_until(ended, f"{len(ids)} jobs to end", timeout_s)

    def job(self, job_id: str) -> dict:
        """Returns the job in protobuf's JSON form."""
        document = json.loads(self.run("status", "--json", job_id).stdout)
        return document.get("job", document)

    def workers(self) -> list[dict]:
        """Returns the workers in protobuf's JSON form."""
        return json.loads(self.run("workers", "--json").stdout).get("workers", [])

    def attempt(self, job_id: str) -> dict:
        """Returns the job's latest attempt."""
        return self.job(job_id)["attempts"][-1]

    def logs(self, job_id: str) -> Result:
        """Returns the output so far, each stream on its own descriptor."""
        return self.run("logs", job_id)

    def wait_for_state(self, job_id: str, *states: str, timeout_s: float = END_TIMEOUT_S) -> dict:
        """Waits until the job is in one of the states and returns it."""
        def reached() -> dict | None:
            job = self.job(job_id)
            return job if job["state"] in states else None
        return self.machine.wait_until(reached, f"job {job_id} to be {states}", timeout_s)

    def wait_for_end(self, job_id: str, timeout_s: float = END_TIMEOUT_S) -> dict:
        """Waits until the job has ended and returns it."""
        return self.wait_for_state(job_id, *ENDED, timeout_s=timeout_s)

    def wait_for_output(self, job_id: str, text: str) -> None:
        """Waits until the job's output holds the text."""
        self.machine.wait_until(
            lambda: text in self.run("logs", job_id, check=False).stdout,
            f"{text!r} in the output of {job_id}")

    def wait_for_worker(self, state: str) -> dict:
        """Waits until the one worker is in a state."""
        def reached() -> dict | None:
            done = self.run("workers", "--json", check=False)
            found = json.loads(done.stdout).get("workers", []) if done.code == 0 else []
            return next((w for w in found if w["state"] == f"WORKER_STATE_{state}"), None)
        return self.machine.wait_until(reached, f"the worker to be {state}")

    def wait_for_ready_worker(self) -> dict:
        """Waits until the one worker takes jobs."""
        return self.wait_for_worker("READY")


def unit_of(job_id: str, attempt: int = 1) -> str:
    """Returns the name of an attempt's scope."""
    return f"takt-job-{job_id}.{attempt}.scope"


def folder_of(job_id: str, attempt: int = 1) -> str:
    """Returns the folder of an attempt on its worker."""
    return f"/var/lib/takt/jobs/{job_id}/{attempt}"
