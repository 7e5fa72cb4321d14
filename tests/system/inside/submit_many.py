#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Submits many numbered jobs with the command line tool, several at a time.

Usage: submit_many.py COUNT WITNESS. Job N appends a line N to WITNESS, runs for 0 to 3 s, leaves a
child in a session of its own behind, and exits with N modulo 7. Prints one JSON line: the id of
each job by its number. Ends with code 1 if any submission failed.
"""

import concurrent.futures
import json
import subprocess
import sys

AT_ONCE = 4
SCRIPT = ('echo "$1" >> "$2"; echo "job $1 begins"; setsid sleep 1000 & '
          'sleep $(($1 % 4)); echo "job $1 ends"; exit $(($1 % 7))')


def submit(number: int) -> str:
    """Submits one job; returns its id."""
    done = subprocess.run(
        ["takt", "submit", "--", "sh", "-c", SCRIPT, "job", str(number), sys.argv[2]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def main() -> None:
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        ids = list(pool.map(submit, range(int(sys.argv[1]))))
    print(json.dumps(dict(enumerate(ids))))


main()
