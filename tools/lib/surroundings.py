# SPDX-License-Identifier: Apache-2.0
"""What a program of the tests inherits is the same however the tests were started: in the
background, by nohup, cron or a CI runner. Guarantees: after prepare() every child has default
signals, none of them blocked, descriptors 0 to 2 open, umask 022, and the locale C.UTF-8.
"""

import os
import signal
import sys

RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)  # ignored by Python itself, but not in its children


def _stay(_number: int, _frame: object) -> None:
    """Ignores a signal; unlike SIG_IGN, exec does not keep a handler."""


def prepare() -> None:
    """To be called at the start of a program, on its main thread. What it ignores it still ignores:
    a hangup under nohup, a Ctrl-C that is for the foreground."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # Python found it closed
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))
    for number in signal.valid_signals() - set(RESTORED):
        if signal.getsignal(number) == signal.SIG_IGN:
            # An ignored SIGCHLD takes the exit codes of children away: all would seem to be 0.
            signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else _stay)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    os.environ["LC_ALL"] = "C.UTF-8"  # tests read what other programs print
    sys.stdout.reconfigure(errors="replace")  # which this one's locale may not have letters for
