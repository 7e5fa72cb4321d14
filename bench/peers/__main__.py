# SPDX-License-Identifier: Apache-2.0
"""Compares takt with its peers in one run; bench/run peers calls it, bench/README.md explains it.

Guarantees: asserts nothing, leaves nothing behind; begins no round that would end after the time
given.
"""

import argparse
import dataclasses
import os
import signal
import sys
import time

import counts
import report
import rounds
import rows
from testbed import Testbed


def parse() -> argparse.Namespace:
    """Returns the options."""
    parser = argparse.ArgumentParser(prog="bench/run peers", description=__doc__)
    parser.add_argument("--rounds", type=int, help="default: 5, with --quick 2")
    parser.add_argument("--minutes", type=float, default=12, help="default: 12")
    parser.add_argument("--quick", action="store_true", help="about a tenth of the jobs")
    parser.add_argument("--array", type=int, metavar="N",
                        help="jobs of the large arrays; default: 4000, with --quick 200")
    return parser.parse_args()


def sizes_of(options: argparse.Namespace) -> tuple[rows.Sizes, counts.Sizes]:
    """Returns how many jobs there are in the rounds, and where they are counted."""
    measured, counted = (rows.QUICK, counts.QUICK) if options.quick else (
        rows.Sizes(), counts.Sizes())
    if options.array:
        measured = dataclasses.replace(measured, large=options.array)
        counted = dataclasses.replace(counted, watched=options.array)
    return measured, counted


def on_sigterm(_number: int, _frame: object) -> None:
    """Ends the run as Ctrl-C does, with all clean-ups."""
    raise KeyboardInterrupt("ended by SIGTERM")


def main() -> int:
    """Measures and prints."""
    options = parse()
    signal.signal(signal.SIGTERM, on_sigterm)
    begin = time.monotonic()
    load = os.getloadavg()[0]
    sizes, counted = sizes_of(options)
    number = options.rounds or (2 if options.quick else 5)
    table = rows.rows()
    with Testbed() as bed:
        costs = counts.measure(bed, counted)
        left_s = options.minutes * 60 - (time.monotonic() - begin)
        results = rounds.measure(bed, table, sizes, number, left_s)
    print(report.peers(results, table, sizes))
    print()
    print(report.costs(costs, results.command_us("clone")))
    print(f"\n{len(results.rounds)} rounds, {os.cpu_count()} processors, load average before "
          f"{load:.2f}, {(time.monotonic() - begin) / 60:.1f} minutes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
