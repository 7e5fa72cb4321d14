# SPDX-License-Identifier: Apache-2.0
"""A fleet: one machine with the scheduler, some with a worker each, and a wire to each of these.

Guarantees: the wires lie in the machines' own networks and end with them, nothing of them is in the
host's; all that goes over them is mutual TLS; stop() stops every machine whatever becomes of the
others. The machines share the host's kernel, so their clocks since boot are one clock.
"""

import concurrent.futures
import contextlib
import pathlib
import shutil
import subprocess

from harness import case, staging
from harness.machine import Machine
from harness.pki import Authority
from harness.takt import Takt

HERE = pathlib.Path(__file__).resolve().parents[1]
CALLS = HERE.parent / "torture" / "inside" / "calls.py"
INSIDE = staging.INSIDE / "fleet"
WITNESS = "/var/tmp/witness"
TLS = "/etc/takt/tls"
UNREACHABLE_AFTER_S, LOST_AFTER_S = 10, 30  # the shortest that can be configured
SCHEDULER_PORT, WORKER_PORT = 7070, 7071
LAUNCHERS = ("scope", "cgroup")
DROP_IN = "/etc/systemd/system/takt-{}.socket.d/fleet.conf"


def address_of(number: int) -> str:
    """Returns the address of a machine: the scheduler's number is 0."""
    return f"10.77.0.{number + 1}"


def install_inside(tree: pathlib.Path) -> None:
    """Puts the programs that run in the machines below `tree`."""
    target = tree / INSIDE.relative_to("/")
    shutil.copytree(HERE / "inside", target, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CALLS, target)


class Fleet:
    """Call boot(), then stop(); workers are named w1, w2 and so on."""

    def __init__(self, workers: int):
        trees = (*case.trees(), case.tree(install_inside))
        self.scheduler = Machine(case.base_root(), trees)
        self.workers = {f"w{number + 1}": Machine(case.base_root(), trees)
                        for number in range(workers)}
        self.takt = Takt(self.scheduler)
        authority = Authority()  # one after another: it has one folder for all
        self._ca = authority.certificate
        self._certificates = {name: authority.issue(name, "worker" if number else "scheduler")
                              for number, name in enumerate(self.machines)}

    @property
    def machines(self) -> dict[str, Machine]:
        """All machines by name."""
        return {"scheduler": self.scheduler, **self.workers}

    def boot(self) -> None:
        """Boots all and joins them; returns when every worker takes jobs."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(Machine.boot, self.machines.values()))
            self.scheduler.shell(f"ip link add lan type bridge && ip link set lan up &&"
                                 f" ip address add {address_of(0)}/24 dev lan")
            for number, name in enumerate(self.workers, 1):
                self._lay_wire(name, number)
            list(pool.map(self._set_up, self.machines))
        self.scheduler.wait_until(
            lambda: set(self.states().values()) == {"READY"}
            and len(self.states()) == len(self.workers), "the workers to register")

    def stop(self) -> None:
        """Stops all machines."""
        with contextlib.ExitStack() as stack:
            for machine in self.machines.values():
                stack.callback(machine.stop)

    def states(self) -> dict[str, str]:
        """Returns the state of each worker, as the scheduler shows it."""
        return {worker["name"]: worker["state"].removeprefix("WORKER_STATE_")
                for worker in self.takt.workers()}

    def wait_for_worker(self, name: str, state: str, timeout_s: float = 30) -> None:
        """Waits until the scheduler shows a worker in a state."""
        self.scheduler.wait_until(lambda: self.states().get(name) == state,
                                  f"{name} to be {state}", timeout_s)

    def cut(self, *names: str) -> None:
        """Cuts the wires of workers: what is sent from then on is gone, and nobody is told."""
        for name in names:
            self.scheduler.run("ip", "link", "set", name, "down")

    def mend(self, *names: str) -> None:
        """Undoes cut()."""
        for name in names:
            self.scheduler.run("ip", "link", "set", name, "up")

    def witnesses(self) -> list[tuple[str, str, str]]:
        """Returns (worker, file, line) of every line that jobs have left in WITNESS."""
        return [(name, *line.split(":", 1)) for name, machine in self.workers.items()
                for line in machine.shell(f"cd {WITNESS} && grep -rH ''", check=False).lines]

    def journals(self) -> str:
        """Returns all that the machines' journals hold of takt."""
        return "\n".join(f"--- {name}\n{machine.journal('-u', 'takt-*')}"
                         for name, machine in self.machines.items())

    def _lay_wire(self, name: str, number: int) -> None:
        """Joins a worker to the scheduler's bridge."""
        worker = self.workers[name]
        done = subprocess.run(
            ["ip", "link", "add", "name", name, "netns", str(self.scheduler.init_pid), "type",
             "veth", "peer", "name", "eth0", "netns", str(worker.init_pid)],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"no wire to {name}: {done.stderr}")
        self.scheduler.shell(f"ip link set {name} master lan && ip link set {name} up")
        worker.shell(f"ip address add {address_of(number)}/24 dev eth0 && ip link set eth0 up")

    def _set_up(self, name: str) -> None:
        """Configures and starts what a machine is for."""
        machine = self.machines[name]
        number = list(self.machines).index(name)
        kind = "worker" if number else "scheduler"
        port = WORKER_PORT if number else SCHEDULER_PORT
        certificate, key = self._certificates[name]
        for file, text in (("ca", self._ca), ("crt", certificate), ("key", key)):
            machine.write(f"{TLS}/{file}", text, 0o600)
        machine.run("chown", "-R", "root" if number else "takt-scheduler", TLS)
        text = self._worker_conf(name, number) if number else (
            f"[workers]\nunreachable_after = {UNREACHABLE_AFTER_S}s\n"
            f"lost_after = {LOST_AFTER_S}s\n")
        machine.write(f"/etc/takt/{kind}.conf.d/50-fleet.conf", text + (
            f"[tls]\ncertificate = {TLS}/crt\nkey = {TLS}/key\nca = {TLS}/ca\n"))
        machine.write(DROP_IN.format(kind), f"[Socket]\nListenStream={port}\nNoDelay=yes\n")
        machine.shell(f"systemctl daemon-reload &&"
                      f" systemctl start takt-{kind}.socket takt-{kind}.service")

    @staticmethod
    def _worker_conf(name: str, number: int) -> str:
        return (f"[worker]\nname = {name}\naddress = {address_of(number)}:{WORKER_PORT}\n"
                f"[scheduler]\naddress = {address_of(0)}:{SCHEDULER_PORT}\n"
                f"[jobs]\nlauncher = {LAUNCHERS[number % 2]}\n")
