#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connects to a unix socket again and again until its stdin is closed.

Usage: connect_loop.py SOCKET. Prints "up" after the first connection, and at the end one JSON line:
how many connections there were, and the errno names of those that were not accepted.
"""

import collections
import errno
import json
import select
import socket
import sys


def main() -> None:
    made = 0
    refused: collections.Counter = collections.Counter()
    while True:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(sys.argv[1])
                made += 1
            except OSError as error:
                refused[errno.errorcode[error.errno]] += 1
        if made == 1:
            print("up", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    print(json.dumps({"made": made, "refused": refused}), flush=True)


main()
