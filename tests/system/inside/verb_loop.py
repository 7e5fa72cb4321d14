#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs verbs of the command line tool in turn, again and again, until its stdin is closed.

Usage: verb_loop.py VERB... (each argument one command line of takt, split at blanks). Prints "up"
after the first round, and at the end one JSON line: how many verbs ran, and those that failed.
"""

import json
import select
import subprocess
import sys


def main() -> None:
    ran = 0
    failed = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        for verb in sys.argv[1:]:
            done = subprocess.run(["takt", *verb.split()], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True)
            ran += 1
            if done.returncode != 0:
                failed.append({"verb": verb, "code": done.returncode, "stderr": done.stderr})
        if ran == len(sys.argv) - 1:
            print("up", flush=True)
    print(json.dumps({"ran": ran, "failed": failed}), flush=True)


main()
