# SPDX-License-Identifier: Apache-2.0
"""The blows that fall on takt while it works: kill -9, SIGSTOP, restarts of it and of systemd.

Guarantees: which blows come in which order follows from the seed; each is on record, in the journal
too, before it falls; whatever was stopped goes on again; one process is hit only by what names it.
"""

import heapq
import itertools
import random
import signal
import subprocess
import syslog
import threading
import time
from collections.abc import Callable

import processes

SERVICES = ("takt-worker.service", "takt-scheduler.service")
COMMAND_S = 90
PAUSE_MAX_S = 0.6
STOPPED_MAX_S = 3.0  # a daemon; systemd's watchdog bites after 30 s
SUPERVISOR_STOPPED_MAX_S = 8.0  # the worker overrules after the grace and 15 s

# With how often each comes. In calm weather, at the end, the daemons live on, so that what they
# leak shows.
BLOWS = {"kill_worker": 4, "kill_scheduler": 2, "restart_worker": 2, "restart_scheduler": 1,
         "restart_both": 1, "kill_both": 1, "kill_worker_and_spawner": 1, "stop_and_kill_worker": 1}
CALM_BLOWS = {"kill_spawner": 3, "kill_supervisor": 5, "stop_worker": 2, "stop_scheduler": 1,
              "stop_spawner": 2, "stop_supervisors": 4, "reload_systemd": 2, "reexec_systemd": 1}


class Blows:
    """A thread that lets blows fall until end(). `fallen` is the record."""

    def __init__(self, seed: int):
        self.fallen: list[dict] = []
        self.calm = False
        self._rng = random.Random(f"blows/{seed}")
        self._over = threading.Event()
        self._stopped: list[tuple[float, int, processes.Held]] = []  # a heap by when to go on
        self._serial = itertools.count()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._fall), threading.Thread(target=self._mend)]
        self.trouble = ""
        syslog.openlog("torture")

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Lets no more fall; returns when all that was stopped goes on."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def killed(self) -> set[str]:
        """Returns the attempts whose supervisor was killed."""
        return {blow["attempt"] for blow in self.fallen if blow["blow"] == "kill_supervisor"}

    def count(self) -> dict[str, int]:
        """Returns how many fell of each kind."""
        names = [blow["blow"] for blow in self.fallen]
        return {name: names.count(name) for name in sorted(set(names))}

    def _fall(self) -> None:
        while not self._over.wait(self._rng.uniform(0, PAUSE_MAX_S)):
            table = CALM_BLOWS if self.calm else {**BLOWS, **CALM_BLOWS}
            name = self._rng.choices(list(table), weights=list(table.values()))[0]
            try:
                getattr(self, "_" + name)()
            except (subprocess.SubprocessError, OSError) as error:
                self.trouble += f"blow {name}: {error}\n"

    def _mend(self) -> None:
        """Continues what was stopped, each in its time."""
        while True:
            with self._lock:
                due = self._stopped and (self._stopped[0][0] <= time.monotonic()
                                         or self._over.is_set())
                held = heapq.heappop(self._stopped)[2] if due else None
                done = self._over.is_set() and not self._stopped
            if held:
                syslog.syslog(f"continue pid={held.process.pid}")
                held.send(signal.SIGCONT)
                held.close()
            elif done and not self._threads[0].is_alive():
                return
            else:
                time.sleep(0.02)

    def _note(self, name: str, **data: object) -> None:
        self.fallen.append({"blow": name, **data})
        syslog.syslog(" ".join([name, *(f"{key}={value}" for key, value in data.items())]))

    def _hit(self, name: str, role: str, most: int, use: Callable[[processes.Held], None]) -> None:
        """Does something to some processes of a role, and has it on record first."""
        there = processes.with_role(role)
        for process in self._rng.sample(there, min(most, len(there))):
            held = processes.Held(process)
            if held.alive:
                self._note(name, pid=process.pid, attempt=process.attempt)
                use(held)

    def _kill(self, name: str, role: str) -> None:
        def kill(held: processes.Held) -> None:
            held.send(signal.SIGKILL)
            held.close()
        self._hit(name, role, 1, kill)

    def _stop(self, name: str, role: str, most_s: float, most: int = 1) -> None:
        def stop(held: processes.Held) -> None:
            held.send(signal.SIGSTOP)
            until = time.monotonic() + self._rng.uniform(0.05, most_s)
            with self._lock:
                heapq.heappush(self._stopped, (until, next(self._serial), held))
        self._hit(name, role, most, stop)

    def _command(self, name: str, *words: str) -> None:
        self._note(name)
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=True,
                       timeout=COMMAND_S)

    def _kill_worker(self) -> None:
        self._kill("kill_worker", "worker")

    def _kill_scheduler(self) -> None:
        self._kill("kill_scheduler", "scheduler")

    def _kill_spawner(self) -> None:
        self._kill("kill_spawner", "spawner")

    def _kill_supervisor(self) -> None:
        self._kill("kill_supervisor", "supervisor")

    def _kill_both(self) -> None:
        self._kill("kill_worker", "worker")
        self._kill("kill_scheduler", "scheduler")

    def _kill_worker_and_spawner(self) -> None:
        self._kill("kill_spawner", "spawner")
        self._kill("kill_worker", "worker")

    def _stop_and_kill_worker(self) -> None:
        self._stop("stop_worker", "worker", STOPPED_MAX_S)
        self._kill("kill_supervisor", "supervisor")
        self._kill("kill_worker", "worker")

    def _stop_worker(self) -> None:
        self._stop("stop_worker", "worker", STOPPED_MAX_S)

    def _stop_scheduler(self) -> None:
        self._stop("stop_scheduler", "scheduler", STOPPED_MAX_S)

    def _stop_spawner(self) -> None:
        self._stop("stop_spawner", "spawner", STOPPED_MAX_S)

    def _stop_supervisors(self) -> None:
        self._stop("stop_supervisor", "supervisor", SUPERVISOR_STOPPED_MAX_S, most=4)

    def _restart_worker(self) -> None:
        self._command("restart_worker", "systemctl", "restart", SERVICES[0])

    def _restart_scheduler(self) -> None:
        self._command("restart_scheduler", "systemctl", "restart", SERVICES[1])

    def _restart_both(self) -> None:
        self._command("restart_both", "systemctl", "restart", *SERVICES)

    def _reload_systemd(self) -> None:
        self._command("reload_systemd", "systemctl", "daemon-reload")

    def _reexec_systemd(self) -> None:
        self._command("reexec_systemd", "systemctl", "daemon-reexec")
