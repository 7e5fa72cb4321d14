#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Counts without end: reports each number to the host, and only then makes it durable.

Usage: counter.py FILE. The file holds the last number.
"""

import itertools
import os
import sys


def main() -> None:
    reports = os.open("/dev/reports", os.O_WRONLY | os.O_NOCTTY)
    file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
    for number in itertools.count(1):
        os.write(reports, f'{{"counted": {number}}}\n'.encode())
        os.pwrite(file, str(number).encode(), 0)
        os.fsync(file)


main()
