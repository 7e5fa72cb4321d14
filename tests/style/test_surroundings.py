# SPDX-License-Identifier: Apache-2.0
"""tools/test however it is started: its suites run with the same signals, standard streams, umask
and locale, and a test that fails is seen to fail."""

import pathlib
import subprocess
import tempfile
import unittest

import sources

LIB = sources.ROOT / "tools" / "lib"
PYTHON = "/usr/bin/python3"
BUDGET_S = 60
# A suite of one folder, by the same way as all others.
MAIN = """
import pathlib, sys
sys.path.insert(0, {lib!r})
import suites
suites.SUITES = {{"tiny": ("", lambda steps, options: suites.python_suite({folder!r}, 30, []))}}
sys.argv = ["suites.py", "--suite", "tiny"]
sys.exit(suites.main())
"""
TINY = """
import pathlib, subprocess, unittest

class Tiny(unittest.TestCase):
    def test_child(self):
        fds = "for fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] || exit 9; done; umask; echo $LC_ALL; "
        ran = subprocess.run(["sh", "-c", fds + "grep -E '^Sig(Blk|Ign):' /proc/self/status"],
                             check=False, stdout=subprocess.PIPE, text=True)
        pathlib.Path({report!r}).write_text(str(ran.returncode) + ran.stdout)
        self.assertFalse({fails})
"""
AS_EVER = "00022\nC.UTF-8\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
SIGNALS = ("/usr/bin/env", "--ignore-signal=INT,QUIT,HUP,CHLD", "--block-signal=TERM,CHLD,USR1")
STREAMS = ("/bin/sh", "-c", "umask 077; export LC_ALL=de_DE; exec \"$@\" <&- >&- 2>&-", "sh")


class Surroundings(unittest.TestCase):
    """One small suite under what others start it with."""

    def run_tiny(self, *under: str, fails: bool = False) -> tuple[int, str]:
        """Runs it; its exit code, and what a process that its test started had inherited."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "a suite"
            folder.mkdir()
            report = pathlib.Path(name) / "report"
            (folder / "test_tiny.py").write_text(TINY.format(report=str(report), fails=fails))
            main = MAIN.format(lib=str(LIB), folder=str(folder))
            ran = subprocess.run([*under, PYTHON, "-c", main], check=False, timeout=BUDGET_S,
                                 stdin=subprocess.DEVNULL, capture_output=True)
            self.assertTrue(report.exists(), ran)
            return ran.returncode, report.read_text()

    def test_signals_are_as_ever(self) -> None:
        self.assertEqual(self.run_tiny(*SIGNALS), (0, AS_EVER))

    def test_standard_streams_umask_and_locale_are_as_ever(self) -> None:
        self.assertEqual(self.run_tiny(*STREAMS), (0, AS_EVER))

    def test_a_failure_is_seen_without_either(self) -> None:
        self.assertEqual(self.run_tiny(*SIGNALS, *STREAMS, fails=True), (1, AS_EVER))


if __name__ == "__main__":
    unittest.main()
