# SPDX-License-Identifier: Apache-2.0
"""What takt promises while its host is in trouble: the journal, the disk, descriptors, a storm."""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator

from harness import host
from harness.case import TaktCase
from harness.staging import INSIDE
from harness.takt import folder_of

WITNESS = "/var/tmp/witness"
STATE = "/var/lib/takt"
IMAGE = "/var/tmp/state.img"
JOURNAL = ("systemd-journald.socket", "systemd-journald-dev-log.socket",
           "systemd-journald-audit.socket", "systemd-journald.service")
LINES = 1000
JOBS = 60  # two lines each in the worker's log: with the jobs' own more than a socket holds
STORM = 300
STARTS_AT_ONCE = 4
DESCRIPTORS = 80
CONNECTIONS = 150
# Connects to the worker more often than it can take, and holds what it has until stdin is closed.
CONNECT = ("import socket, sys"
           f"\nheld = [socket.socket(socket.AF_UNIX) for _ in range({CONNECTIONS})]"
           "\nfor one in held: one.connect('/run/takt/worker.sock')"
           "\nprint('up', flush=True)\nsys.stdin.read()\n")


class HostCase(TaktCase):
    """A worker with settings of the class's own, that takes as many jobs as it gets."""

    jobs_settings = ""
    unit_settings = ""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.machine.write("/etc/takt/worker.conf.d/60-host.conf",
                          f"[jobs]\nslots = 1000\n{cls.jobs_settings}")
        cls.machine.write("/etc/systemd/system/takt-worker.service.d/host.conf",
                          f"[Service]\n{cls.unit_settings}")
        cls.machine.run("systemctl", "daemon-reload")
        cls.machine.run("systemctl", "restart", "takt-worker.service")
        cls.takt.wait_for_ready_worker()

    def setUp(self) -> None:
        self.pid = self.worker_pid()

    def start_jobs(self, count: int, go: str, script: str) -> list[str]:
        """Submits jobs that say up, wait for the file and then do what the script says."""
        return self.takt.submit_all([f"echo up; until test -e {go}; do sleep 0.1; done; {script}"]
                                    * count)

    def count(self, ids: list[str], state: str) -> int:
        """Returns how many of these jobs are in a state."""
        jobs = self.takt.all_jobs()
        return sum(jobs[job]["state"] == f"JOB_STATE_{state}" for job in ids)

    def wait_for_count(self, ids: list[str], state: str) -> None:
        """Waits until all of these jobs are in a state."""
        self.machine.wait_until(lambda: self.count(ids, state) == len(ids), f"all {state}")

    def assert_exited(self, ids: list[str], code: int) -> list[dict]:
        """They exit with the code; returns their attempts that ran, one of each."""
        attempts = []
        for job in self.takt.wait_for_ends(ids):
            ran, = [attempt for attempt in job["attempts"] if "start_time" in attempt]
            end = ran["end"]
            self.assertEqual((end["cause"], end.get("exit_code")), ("END_CAUSE_EXITED", code), end)
            attempts.append(ran)
        return attempts


class Journal(HostCase):
    """The journal takes no lines, for one reason or another."""

    def tearDown(self) -> None:
        super().tearDown()
        self.assertEqual(self.worker_pid(), self.pid, "the worker did not stay up")

    def assert_lines_come(self) -> None:
        """The lines of a new job are in the journal."""
        job = self.takt.submit("echo", "the journal is back")
        self.takt.wait_for_end(job)
        self.machine.run("journalctl", "--sync")
        self.assertIn("the journal is back",
                      self.machine.run("journalctl", "-o", "cat", f"TAKT_JOB_ID={job}").lines)

    def assert_output_whole(self, job: str) -> None:
        """All lines that the job wrote are in its file."""
        self.assertEqual(self.machine.read(f"{folder_of(job)}/stdout"),
                         "".join(f"{n}\n" for n in range(1, LINES + 1)))

    def test_stopped_journal_costs_its_lines_alone(self) -> None:
        self.machine.run("systemctl", "stop", *JOURNAL)
        try:
            job, = self.takt.submit_all([f"seq {LINES}; exit 3"])
            attempt, = self.assert_exited([job], 3)
            self.assertEqual(int(attempt["usage"]["journal_dropped_lines"]), LINES)
            self.assert_output_whole(job)
        finally:
            self.machine.run("systemctl", "start", *JOURNAL)
        self.assert_lines_come()

    def test_journal_that_hangs_holds_up_nobody(self) -> None:
        schedulers = host.main_pid(self.machine, "takt-scheduler.service")
        journald = host.main_pid(self.machine, "systemd-journald.service")
        host.kill(self.machine, journald, host.signal.SIGSTOP)
        try:
            ids = self.takt.submit_all([f"seq {LINES}; exit 3"] * JOBS)
            attempts = self.assert_exited(ids, 3)
            self.assert_output_whole(ids[-1])
            dropped = [int(attempt["usage"]["journal_dropped_lines"]) for attempt in attempts]
            self.assertGreater(sum(dropped), 0)
        finally:
            host.kill(self.machine, journald, host.signal.SIGCONT)
        self.assert_lines_come()
        self.wait_for_worker_to_say("lines of this log that the journal did not take")
        self.assertEqual(host.main_pid(self.machine, "takt-scheduler.service"), schedulers)


class ReadOnlyDisk(HostCase):
    """The state folder is an ext4 of its own, which goes read-only at its first error."""

    def mount_state(self, options: str) -> None:
        """Starts the worker on the folder as it is mounted then; nothing of it is mounted yet."""
        self.machine.run("mount", "-t", "ext4", "-o", options, self.device, STATE)
        self.machine.run("systemctl", "start", "takt-worker.socket")
        self.machine.run("systemctl", "start", "takt-worker.service", check=False)

    def unmount_state(self) -> None:
        """Takes the worker down and its folder away."""
        self.machine.run("systemctl", "stop", "takt-worker.service", "takt-worker.socket")
        self.machine.run("umount", STATE)

    def setUp(self) -> None:
        self.machine.run("systemctl", "stop", "takt-worker.service", "takt-worker.socket")
        self.machine.shell(f"set -e; rm -f {IMAGE}; truncate -s 64M {IMAGE};"
                           f" mke2fs -q -t ext4 {IMAGE};"
                           " test -e /dev/loop-control || mknod /dev/loop-control c 10 237")
        # The kernel's number is not this machine's to choose; nspawn makes no device for it.
        number = self.machine.run(
            "python3", "-c", "import fcntl, os; print(fcntl.ioctl("
            "os.open('/dev/loop-control', os.O_RDWR), 0x4C82))").stdout.strip()
        self.device = f"/dev/loop{number}"
        self.machine.shell(f"test -e {self.device} || mknod {self.device} b 7 {number};"
                           f" losetup {self.device} {IMAGE}")
        self.addCleanup(self.machine.run, "losetup", "-d", self.device)
        self.addCleanup(self.unmount_state)
        self.mount_state("errors=remount-ro")
        self.pid = self.worker_pid()
        self.takt.wait_for_ready_worker()

    def break_disk(self) -> None:
        """Has the file system find an error, once all that was written is on it."""
        name = self.device.removeprefix("/dev/")
        self.machine.run("sync")
        # The machine may not write to sysfs.
        pathlib.Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("broken")
        refused = self.machine.run("touch", f"{STATE}/try", check=False)
        self.assertIn("Read-only file system", refused.stderr)

    def start_directly(self) -> dict:
        """Has the worker itself refuse a start; returns the status."""
        done = self.machine.run(f"{INSIDE}/rpc.py", "/run/takt/worker.sock",
                                "takt.v1.WorkerService", "StartJob", user="alice", check=False,
                                stdin=json.dumps({"spec": {"argv": ["true"]}}))
        self.assertEqual(done.code, 3, str(done))
        return json.loads(done.stderr)

    def test_disk_that_goes_read_only_under_a_job(self) -> None:
        go = f"{WITNESS}/read-only"
        running = self.start_jobs(1, go, "exit 5")
        self.takt.wait_for_output(running[0], "up")
        self.break_disk()
        self.assertIn("Read-only file system", self.start_directly()["message"])
        waiting = self.takt.submit("true")
        self.machine.wait_until(lambda: self.takt.job(waiting).get("attempts"), "a refusal")
        self.machine.wait_until(lambda: "Read-only file system" in self.machine.run(
            "journalctl", "-u", "takt-scheduler.service", "-o", "cat", "--grep",
            f"did not take {waiting}", check=False).stdout, "the reason")
        self.machine.run("touch", go)
        self.wait_for_worker_to_say("its end cannot be recorded: open exit.tmp: Read-only file"
                                    " system; trying again")
        self.assertEqual(self.takt.job(running[0])["state"], "JOB_STATE_ENDING")
        self.assertEqual(self.worker_pid(), self.pid, "the worker did not stay up")
        self.unmount_state()
        self.mount_state("errors=remount-ro")
        # The exit code was in nobody's memory but the supervisor's: it is not made up.
        end = self.takt.wait_for_end(running[0])["attempts"][-1]["end"]
        self.assertEqual(end["cause"], "END_CAUSE_SUPERVISOR_LOST")
        self.assertNotIn("exit_code", end)
        self.assertEqual(self.takt.wait_for_end(waiting)["state"], "JOB_STATE_SUCCEEDED")
        self.assert_nothing_left(go)

    def test_worker_on_a_read_only_disk_says_so_and_comes_when_it_may(self) -> None:
        self.unmount_state()
        self.mount_state("ro")
        self.wait_for_worker_to_say(f"takt-worker: {STATE}: open lock: Read-only file system")
        self.wait_for_worker_to_say("Main process exited, code=exited, status=1/FAILURE")
        self.machine.run("mount", "-o", "remount,rw", STATE)
        self.takt.wait_for_ready_worker()
        self.assertEqual(self.takt.run("run", "--", "echo", "well").stdout, "well\n")


class Descriptors(HostCase):
    """The worker may open only a few files."""

    launcher = "cgroup"
    unit_settings = f"LimitNOFILE={DESCRIPTORS}\n"

    def cpu_ticks(self) -> int:
        """Returns the processor time that the worker has taken, in hundredths of a second."""
        stat = self.machine.read(f"/proc/{self.pid}/stat").rsplit(")", 1)[1].split()
        return int(stat[11]) + int(stat[12])

    @contextlib.contextmanager
    def held_connections(self) -> Iterator[None]:
        """More connections than the worker can take are made within."""
        with self.machine.popen(["python3", "-c", CONNECT], user="alice", text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            self.assertEqual(client.stdout.readline(), "up\n")
            yield
            client.communicate()

    def assert_settled(self, ids: list[str]) -> list[str]:
        """Each job runs, waits, or failed for want of descriptors; returns those that run."""
        self.machine.wait_until(lambda: self.count(ids, "STARTING") == 0
                                < self.count(ids, "RUNNING"), "some to run, and none in between")
        jobs = self.takt.all_jobs()
        running = [job for job in ids if jobs[job]["state"] == "JOB_STATE_RUNNING"]
        for job in ids:
            if jobs[job]["state"] == "JOB_STATE_FAILED":
                end = jobs[job]["attempts"][-1]["end"]
                self.assertEqual(end["cause"], "END_CAUSE_START_FAILED")
                self.assertIn("Too many open files", end["message"])
            else:
                self.assertIn(jobs[job]["state"], ("JOB_STATE_RUNNING", "JOB_STATE_QUEUED"))
        self.assertTrue(0 < len(running) < len(ids), running)
        return running

    def test_shortage_is_told_and_passes(self) -> None:
        go = f"{WITNESS}/descriptors"
        ids = self.start_jobs(JOBS, go, "exit 3")
        running = self.assert_settled(ids)
        jobs = self.takt.all_jobs()
        waiting = [job for job in ids if jobs[job]["state"] == "JOB_STATE_QUEUED"]
        self.takt.run("stop", *waiting[1:])
        followers = [self.takt.popen("logs", "-f", job) for job in running]
        with self.held_connections():
            self.wait_for_worker_to_say("connections to unix:/run/takt/worker.sock have to wait")
            # It waits for descriptors, and does not try without a pause.
            before = self.cpu_ticks()
            self.machine.run("sleep", "1")
            self.assertLess(self.cpu_ticks() - before, 30)
            self.machine.run("touch", go)
            self.assert_exited(running, 3)
        self.assert_exited(waiting[:1], 3)
        for follower in followers:
            output, complaint = follower.communicate(timeout=60)
            if follower.returncode != 0:
                self.assertIn("Too many open files", complaint)
            else:
                self.assertEqual((output, complaint), ("up\n", ""))
        self.assertEqual(self.worker_pid(), self.pid, "the worker did not stay up")
        self.assertEqual(self.takt.run("run", "--", "echo", "well").stdout, "well\n")
        self.assert_nothing_left(go)


class StartStorm(HostCase):
    """More starts than the worker takes on at once."""

    jobs_settings = f"starts_at_once = {STARTS_AT_ONCE}\n"

    def test_storm_is_started_a_few_at_a_time_and_in_order(self) -> None:
        witness = f"{WITNESS}/storm"
        with self.machine.systemd_stopped():
            ids = self.takt.submit_all([f"echo {n} >> {witness}; exit {n % 7}"
                                        for n in range(STORM)])
            self.wait_for_count(ids, "STARTING")
            self.machine.wait_until(lambda: len(host.parked(self.machine)) >= STARTS_AT_ONCE,
                                    "the first to be parked")
            # One that is given up keeps its turn for as long as something of it is there.
            self.takt.run("stop", ids[0])
            self.assertEqual(len(host.parked(self.machine)), STARTS_AT_ONCE)
        ended = self.takt.wait_for_ends(ids, timeout_s=120)
        self.assertEqual(ended[0]["state"], "JOB_STATE_STOPPED")
        for number, job in list(enumerate(ended))[1:]:
            attempt, = job["attempts"]
            self.assertEqual(attempt["end"].get("exit_code", 0), number % 7)
        ran = [int(line) for line in self.machine.read(witness).split()]
        self.assertEqual(sorted(ran), list(range(1, STORM)), "lost, or ran twice")
        # Those that are under way together may overtake one another, but not half of the storm.
        self.assertLess(max(ran[:STORM // 6]), STORM // 2)
        self.assert_nothing_left(witness)
