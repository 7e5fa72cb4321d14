#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows which step of how many is running, and runs builds with their output in a log.

Usage from a script: progress.py --step N/TOTAL --began SECONDS --title TEXT --log FILE
[--budget SECONDS] -- COMMAND... (SECONDS is $EPOCHSECONDS when the script began).

Guarantees: a command has its budget and no standard input; all that it prints is in the log. When
it fails, the end of the log is shown and the log is named. On a terminal one line changes while the
command runs, with a bar by the build's own count; elsewhere a step has a line at its begin and one
at its end.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

PATIENCE_S = 60  # for the clean-up of a command that ran out of time
LOOK_S = 0.5  # between two looks at the log
TAIL_BYTES = 8192
LINES_SHOWN = 40  # of the log of a command that failed
BAR_CELLS = 20
_COUNT = re.compile(rb"^\[(\d+)/(\d+)\]", re.MULTILINE)


def clock(seconds: float) -> str:
    """Returns "07:35" or, from an hour on, "1:07:35"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def end_group(process: subprocess.Popen) -> None:
    """Ends the process group that we started: first politely, so that it cleans up."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=PATIENCE_S)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def tail(log: pathlib.Path) -> bytes:
    """Returns the last bytes of a log."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return file.read()


class Progress:
    """The steps of one run, numbered from 1."""

    def __init__(self, total: int, number: int = 0, began: float | None = None):
        self.total, self.number = total, number
        self._began = time.time() if began is None else began
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def head(self) -> str:
        """Returns the step and the time so far: "[3/9 07:35]"."""
        return f"[{self.number}/{self.total} {clock(time.time() - self._began)}]"

    def step(self, title: str) -> None:
        """Begins the next step."""
        self.number += 1
        print(f"{self.head()} {title}", flush=True)

    def run(self, title: str, command: list[str], log: pathlib.Path, budget_s: float,
            **options) -> str:
        """Runs a command (options are Popen's); returns what failed, or nothing."""
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        if not self._is_terminal:
            print(f"{self.head()} {title}", flush=True)
        with open(log, "wb") as output, subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, **options) as process:
            error = self._wait(process, title, log, began + budget_s)
        if error:
            lines = log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
            print(*lines, f"{self.head()} {title}: {error}; all of it is in {log}", sep="\n",
                  flush=True)
            return f"{error}: {title}; see {log}"
        print(f"{self.head()} {title}: done in {clock(time.monotonic() - began)}", flush=True)
        return ""

    def _wait(self, process: subprocess.Popen, title: str, log: pathlib.Path,
              deadline: float) -> str:
        """Waits for the end, and shows how far it is."""
        try:
            while True:
                try:
                    code = process.wait(timeout=LOOK_S)
                    return f"exit code {code}" if code else ""
                except subprocess.TimeoutExpired:
                    self._show(title, log)
                if time.monotonic() > deadline:
                    end_group(process)
                    return "out of time"
        except KeyboardInterrupt:
            end_group(process)
            raise
        finally:
            self._clear()

    def _show(self, title: str, log: pathlib.Path) -> None:
        if not self._is_terminal:
            return
        counts = _COUNT.findall(tail(log))
        bar = ""
        if counts:
            done, of = map(int, counts[-1])
            filled = BAR_CELLS * done // max(of, 1)
            bar = f" [{'#' * filled}{'.' * (BAR_CELLS - filled)}] {done}/{of}"
        columns = shutil.get_terminal_size().columns - 1
        print("\r\033[K" + f"{self.head()} {title}{bar}"[:columns], end="", flush=True)

    def _clear(self) -> None:
        if self._is_terminal:
            print("\r\033[K", end="", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs one step of a script.")
    parser.add_argument("--step", required=True)
    parser.add_argument("--began", type=float, required=True)
    parser.add_argument("--title", required=True)
    parser.add_argument("--log", type=pathlib.Path, required=True)
    parser.add_argument("--budget", type=float, default=3600)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    number, total = map(int, options.step.split("/"))
    progress = Progress(total, number, options.began)
    return 1 if progress.run(options.title, options.command, options.log, options.budget) else 0


if __name__ == "__main__":
    sys.exit(main())
