#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the first thread of a process still, while its other threads run on.

Usage: hold_thread.py PID. Prints "held, N run on" when that is so, N being the number of the other
threads, and ends when the process has ended; after a minute it gives up and lets go, with a code
other than 0. For a debugger's stop no signal is sent, so nothing of the process can tell; and
unlike a stop by SIGSTOP it is of this thread only.
"""

import ctypes
import os
import pathlib
import signal
import sys

PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PATIENCE_S = 60

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int) -> None:
    """Makes a request that has no arguments."""
    if libc.ptrace(request, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def states(pid: int) -> list[str]:
    """Returns the state of each thread, as in ps; "t" is one that is held."""
    return [(task / "stat").read_text().rpartition(")")[2].split()[0]
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def main() -> None:
    pid = int(sys.argv[1])
    signal.alarm(PATIENCE_S)
    ptrace(PTRACE_SEIZE, pid)
    ptrace(PTRACE_INTERRUPT, pid)
    _, status = os.waitpid(pid, 0)
    others = [state for state in states(pid) if state != "t"]
    print(f"held, {len(others)} run on", flush=True)
    while os.WIFSTOPPED(status):
        _, status = os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
