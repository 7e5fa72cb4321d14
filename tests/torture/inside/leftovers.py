# SPDX-License-Identifier: Apache-2.0
"""What is left on the machine: of each job its witness and its folder, and what nobody should find.

Guarantees: reads only.
"""

import collections
import json
import os
import pathlib
import stat
import subprocess

import processes

STATE = pathlib.Path("/var/lib/takt")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
STATE_ENTRIES = {"active", "damaged", "jobs", "lock", "worker-id"}
ATTEMPT_FILES = {"spec", "supervisor", "script", "stdout", "stderr", "timeline", "stop", "exit"}
DAEMONS = ("worker", "scheduler", "spawner")
JOB_USERS = ("takt-job",)
UNIT_EXIT = "98e322203f7a4ed290d09fe03c09fe15"  # systemd: a unit's process exited


def witness_of(folder: pathlib.Path, number: int) -> dict:
    """Returns what a job said itself."""
    def text(name: str) -> str:
        path = folder / f"{number}.{name}"
        return path.read_text() if path.exists() else ""
    return {"began": text("began").split(), "end": text("end"),
            "ready": (folder / f"{number}.ready").exists()}


def folder_of(job_id: str) -> dict:
    """Returns what the folder of the job's last attempt says, and of which files it is made."""
    attempts = sorted((STATE / "jobs" / (job_id or "none")).glob("*"),
                      key=lambda path: int(path.name))
    if not attempts:
        return {"files": []}
    said: dict = {"files": sorted(file.name for file in attempts[-1].iterdir()),
                  "attempt": attempts[-1].name}
    for name in ("stdout", "stderr"):
        path = attempts[-1] / name
        said[name] = path.stat().st_size if path.exists() else 0
    end = _key_values(attempts[-1] / "exit")
    supervisor = _key_values(attempts[-1] / "supervisor")
    said["cause"] = end.get("cause")
    if "wait_status" in end:
        said["wait_status"] = int(end["wait_status"])
    if "leader" in supervisor:
        said["leader_status"] = int(supervisor["leader"].split()[0])
    if "ending" in supervisor:
        said["ending"] = supervisor["ending"]
    return said


def _key_values(path: pathlib.Path) -> dict[str, str]:
    if not path.exists():
        return {}
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def descriptors(role: str) -> collections.Counter:
    """Returns the descriptors of a daemon, by what they are."""
    kinds: collections.Counter = collections.Counter()
    for process in processes.with_role(role):
        folder = pathlib.Path("/proc") / str(process.pid) / "fd"
        for entry in os.listdir(folder):
            try:
                kinds[os.readlink(folder / entry).split(":[")[0]] += 1
            except OSError:
                continue
    return kinds


def all_descriptors() -> dict[str, collections.Counter]:
    """Returns the descriptors of every daemon."""
    return {role: descriptors(role) for role in DAEMONS}


def more_descriptors(before: dict[str, collections.Counter]) -> list[str]:
    """Returns what the daemons hold more of than they did."""
    now = all_descriptors()
    return [f"{role} holds {count} more of {kind}" for role in DAEMONS
            for kind, count in (now[role] - before[role]).items()]


def stray_processes() -> list[str]:
    """Returns processes of jobs, supervisors, and takt's zombies."""
    found = []
    for process in processes.everyone():
        try:
            user = pathlib.Path(f"/proc/{process.pid}").owner()
        except (OSError, KeyError):
            continue
        mine = process.name.startswith("takt-") and process.role != "hold"
        daemons = sum(process.role == role for role in DAEMONS)
        if process.attempt or user in JOB_USERS or (mine and (not daemons or process.state == "Z")):
            found.append(f"process {process.pid} {process.state} {user} "
                         f"{process.words or process.name} in {process.cgroup}")
    for role in DAEMONS:
        if len(processes.with_role(role)) != 1:
            found.append(f"there are {len(processes.with_role(role))} processes of role {role}")
    return found


def stray_cgroups() -> list[str]:
    """Returns cgroups of attempts, and scopes that systemd knows."""
    named = [path for path, _, _ in os.walk(CGROUPS) if processes.attempt_of(path)]
    listed = subprocess.run(["systemctl", "list-units", "--all", "--plain", "--no-legend",
                             "takt-job-*.scope"], capture_output=True, text=True, check=True)
    return ([f"cgroup {path}" for path in named]
            + [f"unit {line}" for line in listed.stdout.splitlines()])


def stray_links() -> list[str]:
    """Returns the attempts whose end nobody acknowledged, or whose records nobody could read."""
    return [f"link {folder}/{name}" for folder in ("active", "damaged")
            for name in os.listdir(STATE / folder)]


def job_folders() -> set[str]:
    """Returns the ids of the jobs that have a folder."""
    return set(os.listdir(STATE / "jobs"))


def stray_files(job_ids: set[str]) -> list[str]:
    """Returns what does not belong into the worker's folder."""
    found = [f"{STATE}/{name}" for name in os.listdir(STATE)
             if name not in STATE_ENTRIES and not name.startswith("contact.")]
    for job in (STATE / "jobs").iterdir():
        if job.name not in job_ids:
            found.append(f"{job} is of no job that anybody asked for")
        for attempt in job.iterdir():
            names = set(os.listdir(attempt)) if attempt.is_dir() else set()
            if not {"spec", "exit"} <= names or not names <= ATTEMPT_FILES:
                found.append(f"{attempt} holds {sorted(names)}")
    for path in pathlib.Path("/run/takt").iterdir():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            found.append(str(path))
    return found


def daemon_deaths(since: float, fallen: list[dict]) -> list[str]:
    """Returns the ends of daemons that the test did not bring about."""
    lines = subprocess.run(["journalctl", "-o", "json", f"--since=@{since:.0f}",
                            f"MESSAGE_ID={UNIT_EXIT}"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    killed: collections.Counter = collections.Counter()
    found = []
    for line in lines:
        entry = json.loads(line)
        unit = entry.get("UNIT", "")
        if unit not in ("takt-worker.service", "takt-scheduler.service"):
            continue
        if entry.get("EXIT_STATUS") == "9" and entry.get("EXIT_CODE") == "killed":
            killed[unit.removeprefix("takt-").removesuffix(".service")] += 1
        else:
            found.append(f"{unit}: {entry['MESSAGE']}")
    for role in ("worker", "scheduler"):
        blows = sum(blow["blow"] == f"kill_{role}" for blow in fallen)
        if killed[role] > blows:
            found.append(f"takt-{role} was killed {killed[role]} times, "
                         f"{blows} of them by the test")
    return found
