# SPDX-License-Identifier: Apache-2.0
"""One outage, seen from four sides: a wire that is cut for a while, one that is cut for longer than
`lost_after`, a worker that is stopped for as long, and jobs with a lease, which run elsewhere.

The outage takes the time that it takes, so it happens once; each test looks at one side of it.
"""

import time
from typing import ClassVar

from hosts.case import FleetCase
from hosts.fleet import LOST_AFTER_S, UNREACHABLE_AFTER_S, WITNESS

SHORT, LOST, AWAY, OTHER = "w1", "w2", "w3", "w4"
LEASE_S, GRACE_S = 10, 1
LEASE_OVER_S = 60  # lease, grace, what the worker has beyond that, and slack
BACK_S = 60  # until a worker is back for whom the wire was mended
CODES = {"during": 7, "after": 8}  # ends while its worker is out of reach, and when it is back
WAITER = (f'cd {WITNESS}; echo "begin $TAKT_ATTEMPT" >> "$1"; until [ -e "$2" ]; do sleep 0.1;'
          ' done; echo "end $TAKT_ATTEMPT" >> "$1"; exit "$3"')
# Says all the time that it is there; one of the two does not heed the stop signal.
TICKER = (f'cd {WITNESS}; [ "$2" = heed ] || trap "" TERM; until [ -e go ]; do'
          ' read -r up _ < /proc/uptime; echo "$TAKT_ATTEMPT $up" >> "$1"; sleep 0.05; done')


class Story:
    """What was seen of the outage: jobs by name, at its height, late, and when all was over."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.height: dict[str, dict] = {}
        self.late: dict[str, dict] = {}
        self.end: dict[str, dict] = {}
        self.states: list[dict[str, str]] = []  # of the workers, at the same three times
        self.lines: dict[str, list[tuple[str, str]]] = {}  # by job: (worker, what it noted)
        self.over = False


class Outage(FleetCase):
    """Live through it once; look at it four times."""

    _story: ClassVar[Story | None] = None

    @property
    def story(self) -> Story:
        """What was seen of the outage, which the first who asks lives through."""
        cls = type(self)
        if cls._story is None:
            cls._story = Story()
            self.live_through(cls._story)
        self.assertTrue(cls._story.over, "the outage did not come to its end")
        return cls._story

    def live_through(self, story: Story) -> None:
        """From the jobs' start to their ends."""
        fleet, began = self.fleet, time.monotonic()
        self.start_jobs(story)
        fleet.cut(SHORT, LOST)
        cut = time.monotonic()
        fleet.workers[AWAY].run("systemctl", "stop", "takt-worker.service")
        away = time.monotonic()
        fleet.wait_for_worker(SHORT, "UNREACHABLE", 3 * UNREACHABLE_AFTER_S)
        fleet.wait_for_worker(LOST, "UNREACHABLE")
        self.open_gate("during", SHORT, LOST, AWAY)
        self.wait_for_lines(story, "end 1", *(f"{name}-during" for name in (SHORT, LOST, AWAY)))
        self.look(story, story.height)
        fleet.mend(SHORT)
        mended = time.monotonic()
        fleet.wait_for_worker(SHORT, "READY", BACK_S)
        back = time.monotonic()
        fleet.wait_for_worker(LOST, "LOST", 2 * LOST_AFTER_S)
        for name in ("heed", "resist"):
            self.wait_for_attempt(story.ids[name], 2)
        fleet.scheduler.wait_until(lambda: time.monotonic() > away + LOST_AFTER_S + 3,
                                   "a stop that is longer than lost_after", 2 * LOST_AFTER_S)
        self.look(story, story.late)
        fleet.mend(LOST)
        fleet.workers[AWAY].run("systemctl", "start", "takt-worker.service")
        long_mended = time.monotonic()
        for name in (LOST, AWAY):
            fleet.wait_for_worker(name, "READY", BACK_S)
        long_back = time.monotonic()
        self.open_gate("after", SHORT, LOST, AWAY)
        self.open_gate("go", SHORT, OTHER)
        fleet.takt.wait_for_ends(list(story.ids.values()))
        self.look(story, story.end)
        self.collect(story)
        story.over = True
        print(f"{len(story.ids)} jobs; cut for {mended - cut:.0f} s, back {back - mended:.1f} s "
              f"later; cut for {long_mended - cut:.0f} s, back {long_back - long_mended:.1f} s "
              f"later; {time.monotonic() - began:.0f} s in all", flush=True)

    def start_jobs(self, story: Story) -> None:
        """Starts all jobs; those with a short lease on LOST, from where only OTHER takes over."""
        submit = self.fleet.takt.submit
        for worker in (SHORT, LOST, AWAY):
            for gate, code in CODES.items():
                name = f"{worker}-{gate}"
                story.ids[name] = submit("sh", "-c", WAITER, "job", name, gate, str(code),
                                         options=("--name", name, "--on", f"worker={worker}"))
        leased = ("--attempts", "3", "--retry-on", "lost", "--grace", f"{GRACE_S}s")
        story.ids["patient"] = submit(
            "sh", "-c", TICKER, "job", "patient", "heed",
            options=("--name", "patient", "--on", f"worker={SHORT}", "--lease", "10min", *leased))
        self.fleet.scheduler.run("takt", "drain", OTHER, "--no-wait")
        for name in ("heed", "resist"):
            story.ids[name] = submit(
                "sh", "-c", TICKER, "job", name, name,
                options=("--name", name, "--on", f"worker={LOST},{OTHER}", "--lease",
                         f"{LEASE_S}s", *leased))
        for job in story.ids.values():
            self.fleet.takt.wait_for_state(job, "JOB_STATE_RUNNING")
        self.wait_for_lines(story, "1", *story.ids)
        self.fleet.scheduler.run("takt", "undrain", OTHER)

    def open_gate(self, gate: str, *workers: str) -> None:
        """Lets the jobs of workers go on that wait for it."""
        for worker in workers:
            self.fleet.workers[worker].run("touch", f"{WITNESS}/{gate}")

    def collect(self, story: Story) -> None:
        """Takes what the jobs have noted so far."""
        story.lines = {name: [] for name in story.ids}
        for worker, file, line in self.fleet.witnesses():
            story.lines.setdefault(file, []).append((worker, line))

    def wait_for_lines(self, story: Story, text: str, *names: str) -> None:
        """Waits until each of these jobs has noted the text."""
        def noted() -> bool:
            self.collect(story)
            return all(any(text in line for _, line in story.lines[name]) for name in names)
        self.fleet.scheduler.wait_until(noted, f"{text!r} of {names}")

    def wait_for_attempt(self, job: str, number: int) -> None:
        """Waits until that attempt of a job runs."""
        def runs() -> bool:
            attempt = self.fleet.takt.attempt(job)
            return attempt["number"] == number and attempt["state"] == "JOB_STATE_RUNNING"
        self.fleet.scheduler.wait_until(runs, f"attempt {number} of {job}", LEASE_OVER_S)

    def look(self, story: Story, seen: dict[str, dict]) -> None:
        """Takes down how jobs and workers are shown now."""
        jobs = self.fleet.takt.all_jobs()
        seen.update({name: jobs[job] for name, job in story.ids.items()})
        story.states.append(self.fleet.states())

    def check_ran_once(self, worker: str) -> None:
        """The jobs without a lease of a worker ran once, there, and ended truly."""
        for gate, code in CODES.items():
            name = f"{worker}-{gate}"
            with self.subTest(name):
                job = self.story.end[name]
                self.assertEqual((job["end"]["cause"], job["end"]["exit_code"]),
                                 ("END_CAUSE_EXITED", code))
                self.assertEqual(len(job["attempts"]), 1)
                self.assertEqual(self.story.lines[name], [(worker, "begin 1"), (worker, "end 1")])

    def check_shown(self, seen: dict[str, dict], worker: str) -> None:
        """Its jobs keep their state, and say since when their worker is out of reach."""
        for gate in CODES:
            job = seen[f"{worker}-{gate}"]
            self.assertEqual(job["state"], "JOB_STATE_RUNNING", job)
            self.assertIn("unreachable_since_time", job)

    def test_a_wire_that_is_cut_for_a_while(self) -> None:
        self.assertEqual([states[SHORT] for states in self.story.states],
                         ["UNREACHABLE", "READY", "READY"])
        self.check_shown(self.story.height, SHORT)
        ended = self.story.late[f"{SHORT}-during"]
        self.assertEqual(ended["end"]["exit_code"], CODES["during"])
        self.assertNotIn("unreachable_since_time", self.story.late[f"{SHORT}-after"])
        self.check_ran_once(SHORT)

    def test_a_wire_that_is_cut_for_longer_than_lost_after(self) -> None:
        self.assertEqual([states[LOST] for states in self.story.states],
                         ["UNREACHABLE", "LOST", "READY"])
        for seen in (self.story.height, self.story.late):
            self.check_shown(seen, LOST)
        self.check_ran_once(LOST)

    def test_a_worker_that_is_stopped_for_longer_than_lost_after(self) -> None:
        self.assertEqual([states[AWAY] for states in self.story.states], ["AWAY", "AWAY", "READY"])
        for seen in (self.story.height, self.story.late):
            self.check_shown(seen, AWAY)
        self.check_ran_once(AWAY)

    def test_a_lease_that_is_over_gives_the_job_to_another_and_never_to_two_at_once(self) -> None:
        for name in ("heed", "resist"):
            with self.subTest(name):
                job = self.story.end[name]
                self.assertEqual(job["state"], "JOB_STATE_SUCCEEDED")
                self.assertEqual([(attempt["worker_name"], attempt["end"]["cause"])
                                  for attempt in job["attempts"]],
                                 [(LOST, "END_CAUSE_WORKER_LOST"), (OTHER, "END_CAUSE_EXITED")])
                times: dict[tuple[str, str], list[float]] = {}
                for worker, line in self.story.lines[name]:
                    attempt, up = line.split()
                    times.setdefault((worker, attempt), []).append(float(up))
                self.assertEqual(set(times), {(LOST, "1"), (OTHER, "2")})
                gap = min(times[OTHER, "2"]) - max(times[LOST, "1"])
                print(f"{name}: {gap:.1f} s between its attempts", flush=True)
                self.assertGreater(gap, 0)

    def test_a_lease_that_is_longer_than_the_outage_changes_nothing(self) -> None:
        self.assertEqual(self.story.end["patient"]["state"], "JOB_STATE_SUCCEEDED")
        self.assertEqual({(worker, line.split()[0])
                          for worker, line in self.story.lines["patient"]}, {(SHORT, "1")})

    def test_nothing_is_left(self) -> None:
        self.assertTrue(self.story.over)
        for name, machine in self.fleet.workers.items():
            machine.wait_until(lambda machine=machine: not machine.run(
                "ls", "/var/lib/takt/active").stdout, f"{name} to owe nothing")
