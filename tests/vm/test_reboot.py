# SPDX-License-Identifier: Apache-2.0
"""An orderly shutdown under running jobs: afterwards each is accounted for, by what happened."""

import json
import signal

from machine.case import GuestCase
from harness.staging import INSIDE

SLOTS = 20
QUEUED = 4
ALIVE_TIMEOUT_S = 300
WITNESS = "/var/tmp/witness"
LAUNCHERS = ("LAUNCHER_SCOPE", "LAUNCHER_CGROUP")

# How a job takes the stop signal, and how it ends then.
TAKERS = {
    "quiet": ("exec sleep 1000", {"signal": signal.SIGTERM.value}),
    "graceful": ("trap 'exit 7' TERM; while :; do sleep 1000 & wait; done", {"exit_code": 7}),
    "stubborn": ("trap '' TERM; while :; do sleep 1000; done",
                 {"signal": signal.SIGKILL.value, "killed": True}),
}
TOLD = ("cause", "exit_code", "signal", "killed", "stopped_by", "reason", "note", "detail")


def told_of(job: dict) -> dict:
    """Returns how often a job ran and what its end tells; JSON has every field, however empty."""
    end = {key: job["end"][key] for key in TOLD if key in job["end"]}
    return {"ran": sum("start_time" in attempt for attempt in job["attempts"]),
            **{key: value for key, value in end.items() if value or key == "exit_code"}}


def due_end(name: str) -> dict:
    """Returns what has to be told of a job of fill()."""
    kind = name.split("-")[0]
    if kind == "queued":
        return {"ran": 1, "cause": "END_CAUSE_EXITED", "exit_code": 0}
    return {"ran": 1, "cause": "END_CAUSE_HOST_SHUTDOWN", "stopped_by": "systemd",
            **TAKERS[kind][1]}


class Reboot(GuestCase):
    """One machine, taken down in different ways."""

    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.guest.write("/etc/takt/worker.conf.d/60-test.conf", f"[jobs]\nslots = {SLOTS}\n")
        cls.guest.run("systemctl", "restart", "takt-worker")

    def submit(self, specs: list[dict]) -> None:
        """Submits jobs as alice."""
        self.guest.run(f"{INSIDE}/rpc.py", "/run/takt/scheduler.sock", "takt.v1.JobService",
                       "SubmitJobs", stdin=json.dumps({"specs": specs}), user="alice")

    def jobs(self, mark: str) -> dict[str, dict]:
        """Returns the jobs of a test by name."""
        listed = json.loads(self.takt.run("list", "-a", "--json").stdout)["jobs"]
        return {job["spec"]["name"]: job for job in listed if job["spec"]["name"].endswith(mark)}

    def wait_for(self, mark: str, state: str, count: int) -> None:
        """Waits until so many jobs are in a state."""
        def there() -> bool:
            return [job["state"] for job in self.jobs(mark).values()].count(state) == count
        self.guest.wait_until(there, f"{count} jobs {state}", ALIVE_TIMEOUT_S)

    def fill(self, mark: str) -> None:
        """Fills every slot with jobs that would run on, half of them by each launcher, and has some
        more wait in the queue."""
        self.takt.wait_for_ready_worker()
        kinds = list(TAKERS)
        self.submit([{"name": f"{kinds[n % 3]}-{n}-{mark}", "stop": {"grace": "2s"},
                      "argv": ["sh", "-c", f"echo up; {TAKERS[kinds[n % 3]][0]}"],
                      "launcher": LAUNCHERS[n % 2]} for n in range(SLOTS)])
        self.wait_for(mark, "JOB_STATE_RUNNING", SLOTS)
        self.submit([{"name": f"queued-{n}-{mark}", "launcher": LAUNCHERS[n % 2],
                      "argv": ["sh", "-c", f"echo {n} >> {WITNESS}-{mark}"]}
                     for n in range(QUEUED)])

    def check_after(self, mark: str) -> None:
        """Every job of fill() has ended as it must have."""
        def ended() -> bool:
            return all("end" in job for job in self.jobs(mark).values())
        self.guest.wait_until(ended, "all to have ended", ALIVE_TIMEOUT_S)
        jobs = self.jobs(mark)
        self.assertEqual(len(jobs), SLOTS + QUEUED)
        self.assertEqual({name: told_of(job) for name, job in jobs.items()},
                         {name: due_end(name) for name in jobs})
        lines = self.guest.read(f"{WITNESS}-{mark}").split()
        self.assertEqual(sorted(lines), [str(n) for n in range(QUEUED)])
        self.guest.wait_until(lambda: not self.guest.run("ls", "/var/lib/takt/active").stdout,
                              "every end to be acknowledged")

    def test_jobs_that_the_shutdown_ends_say_so(self) -> None:
        self.fill("plain")
        self.guest.power_off()
        self.guest.boot()
        self.check_after("plain")

    def test_what_waits_then_is_not_started_while_the_bus_is_there(self) -> None:
        self.guest.write("/etc/systemd/system/takt-worker.service.d/bus.conf",
                         "[Unit]\nAfter=dbus.service\n")
        self.guest.run("systemctl", "daemon-reload")
        self.fill("bus")
        self.guest.power_off()
        self.guest.boot()
        self.check_after("bus")

    def test_they_say_so_without_a_worker_too(self) -> None:
        self.fill("alone")
        self.guest.run("systemctl", "mask", "--runtime", "--now", "takt-worker.socket",
                       "takt-worker.service")
        self.guest.power_off("reboot")
        self.guest.boot()
        self.check_after("alone")

    def test_a_stop_without_a_shutdown_is_a_stop(self) -> None:
        self.takt.wait_for_ready_worker()
        job = self.takt.submit("sleep", "1000", options=("--launcher", "scope"))
        self.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.guest.run("systemctl", "stop", f"takt-job-{job}.1.scope")
        end = self.takt.wait_for_end(job)["end"]
        self.assertEqual((end["cause"], end["stopped_by"]),
                         ("END_CAUSE_STOPPED", "systemctl stop"))
