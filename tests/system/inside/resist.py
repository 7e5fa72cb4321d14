#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A process tree that resists being stopped.

Usage: resist.py MARK [GRACEFUL]. Every process of the tree has MARK in its command line. All ignore
SIGTERM, SIGINT and SIGHUP; some left the session, some were double-forked, some closed every
descriptor. When all are up the leader prints "tree up N". With GRACEFUL (a path) the leader does
heed SIGTERM: it appends "stopped" to that file and ends with code 9, leaving the rest behind.
"""

import os
import signal
import sys
import time


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def sleep_for_ever() -> None:
    while True:
        time.sleep(3600)


def member(report: int, *, session: bool, double: bool, bare: bool) -> None:
    """Forks one member of the tree; it reports one byte when it is what it should be."""
    if os.fork():
        return
    if session:
        os.setsid()
    if double and os.fork():
        os._exit(0)
    ignore_signals()
    os.write(report, b"x")
    if bare:
        os.closerange(0, 65536)
    sleep_for_ever()


def main() -> None:
    ignore_signals()
    if len(sys.argv) > 2:
        def leave(_number: int, _frame: object) -> None:
            with open(sys.argv[2], "a", encoding="ascii") as file:
                file.write("stopped\n")
            print("leader leaves", flush=True)
            os._exit(9)
        signal.signal(signal.SIGTERM, leave)
    reader, writer = os.pipe()
    kinds = [dict(session=s, double=d, bare=b) for s in (0, 1) for d in (0, 1) for b in (0, 1)]
    for kind in kinds:
        member(writer, **kind)
    up = 0
    while up < len(kinds):
        up += len(os.read(reader, len(kinds)))
    print(f"tree up {up + 1}", flush=True)
    sleep_for_ever()


main()
