# SPDX-License-Identifier: Apache-2.0
"""Short jobs of every kind while takt is killed, stopped and restarted at random, by seed: no end
is lost or wrong, no byte of output missing or doubled, nothing is left behind. Both launchers.

tools/torture makes longer runs of it, by TAKT_TORTURE_JOBS, TAKT_TORTURE_SEEDS and
TAKT_TORTURE_LAUNCHERS.
"""

import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from harness.case import TaktCase  # noqa: E402
from harness.staging import INSIDE  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
JOBS = int(os.environ.get("TAKT_TORTURE_JOBS", "80"))
# A seed that has found something is added here.
SEEDS = os.environ.get("TAKT_TORTURE_SEEDS", "2 101").split()
LAUNCHERS = os.environ.get("TAKT_TORTURE_LAUNCHERS", "scope cgroup").split()
PATIENCE_S = 300
PATIENCE_A_JOB_S = 3
FAULTS_SHOWN = 20


class TortureCase(TaktCase):
    """A machine with the programs of inside/ on it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # Its direct jobs run all at once, and each takes a slot.
        cls.machine.write("/etc/takt/worker.conf.d/50-slots.conf", "[jobs]\nslots = 128\n")
        cls.machine.run("systemctl", "restart", "takt-worker.service")
        packed = subprocess.run(["tar", "-C", str(HERE / "inside"), "--exclude=__pycache__", "-c",
                                 "."], capture_output=True, check=True).stdout
        cls.machine.run("mkdir", f"{INSIDE}/torture")
        with cls.machine.popen(["tar", "-C", f"{INSIDE}/torture", "--no-same-owner", "-x"],
                               stdin=subprocess.PIPE) as unpack:
            unpack.communicate(packed)
        if unpack.returncode != 0:
            raise RuntimeError(f"tar ended with {unpack.returncode}")

    def test_every_job_ends_as_it_said_and_leaves_nothing(self) -> None:
        for seed in SEEDS:
            with self.subTest(launcher=self.launcher, seed=seed):
                self.torture(seed)

    def torture(self, seed: str) -> None:
        """Makes one run; its faults are the test's failure."""
        mark = f"{self.launcher}, seed {seed}"
        print(f"\n{mark}: {JOBS} jobs", flush=True)
        command = [f"{INSIDE}/torture/torture.py", "--jobs", str(JOBS), "--seed", seed]
        with self.machine.popen(command, stdout=subprocess.PIPE, text=True) as process:
            watch = threading.Timer(PATIENCE_S + PATIENCE_A_JOB_S * JOBS, process.kill)
            watch.start()
            last = ""
            for last in process.stdout:
                if not last.startswith("{"):
                    print(f"{mark}: {last}", end="", flush=True)
            watch.cancel()
        self.assertEqual(process.wait(), 0, f"{mark}: the run did not come to its end")
        report = json.loads(last)
        faults = report.pop("faults")
        print(f"{mark}: {json.dumps(report)}", flush=True)
        if faults:
            self.fail("\n".join([f"{mark}: {len(faults)} faults", *faults[:FAULTS_SHOWN]]))


def load_tests(loader: unittest.TestLoader, _: object, __: object) -> unittest.TestSuite:
    """Makes a class for each launcher that is asked for."""
    suite = unittest.TestSuite()
    for launcher in LAUNCHERS:
        made = type(f"{launcher.capitalize()}Torture", (TortureCase,),
                    {"launcher": launcher, "__module__": __name__})
        suite.addTests(loader.loadTestsFromTestCase(made))
    return suite
