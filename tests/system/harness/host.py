# SPDX-License-Identifier: Apache-2.0
"""What the tests ask of a machine's systemd, cgroup tree and process table."""

import signal

from .inside import Inside
from .process import Result

def show(machine: Inside, unit: str, prop: str) -> str:
    """Returns one property of a unit."""
    return machine.run("systemctl", "show", "--value", f"--property={prop}", unit).stdout.strip()

def apt_get(machine: Inside, *arguments: str, check: bool = True) -> Result:
    """Runs apt-get without questions."""
    return machine.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", *arguments,
                       check=check, timeout_s=180)

def main_pid(machine: Inside, unit: str) -> int:
    """Returns the main process of a service; 0 if it has none."""
    return int(show(machine, unit, "MainPID"))

def spawner_pid(machine: Inside) -> int:
    """Returns the worker's spawner: its only child of that name."""
    parent = main_pid(machine, "takt-worker.service")
    found = machine.run("pgrep", "-P", str(parent), "-x", "takt-supervisor", check=False).lines
    return int(found[0]) if len(found) == 1 else 0

def kill(machine: Inside, pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to a process of the machine."""
    machine.run("kill", f"-{number.value}", str(pid))

def processes_with(machine: Inside, mark: str) -> list[str]:
    """Returns the processes whose command line has the mark, but for the one that looks."""
    found = machine.run("pgrep", "-a", "-f", mark, check=False).lines
    return [line for line in found if "pgrep" not in line]

def job_cgroups(machine: Inside) -> list[str]:
    """Returns every cgroup of an attempt that is left: scopes, and folders of the direct unit."""
    # Named after the attempt: UUID.NUMBER, and as a scope with takt-job- before and .scope behind.
    return machine.shell("find /sys/fs/cgroup -depth -type d -name '*-*-*-*-*.[0-9]*'").lines

def supervisors(machine: Inside) -> list[str]:
    """Returns the attempts' supervisors: all of that name but spawner and pause process."""
    spawner = str(spawner_pid(machine))
    holder = str(main_pid(machine, "takt-jobs-direct.service"))
    found = machine.run("pgrep", "-x", "takt-supervisor", check=False).lines
    return [pid for pid in found if pid not in (spawner, holder)]

def parked(machine: Inside) -> list[str]:
    """Returns the supervisors that have no scope yet; unlike the others this asks no systemd."""
    table = [line.split(maxsplit=4) for line in
             machine.run("ps", "-eo", "pid=,ppid=,stat=,comm=,cgroup=").lines]
    workers = [pid for pid, _, _, name, _ in table if name == "takt-worker"]
    return [pid for pid, parent, state, name, group in table
            if name == "takt-supervisor" and "takt-worker.service" in group
            and not state.startswith("Z") and parent not in workers]

def job_units(machine: Inside) -> list[str]:
    """Returns the scopes of attempts that systemd knows."""
    return machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend",
                       "takt-job-*.scope").lines
