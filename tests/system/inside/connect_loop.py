#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connects again and again until its stdin is closed.

Usage: connect_loop.py SOCKET|HOST:PORT. Prints "up" after the first connection, and at the end one
JSON line: how many connections there were, and the errno names of those that were not accepted. On
a unix socket it waits until it is served, so that it asks no more than the server can do; one that
a server going down has cut counts as made.
"""

import collections
import contextlib
import errno
import json
import select
import socket
import sys

PATIENCE_S = 60


def connect(address: str) -> None:
    """Connects and hangs up."""
    if address.startswith("/"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect(address)
            with contextlib.suppress(ConnectionResetError):
                client.recv(1)  # an HTTP/2 server speaks first
    else:
        host, port = address.rsplit(":", 1)
        socket.create_connection((host, int(port))).close()


def main() -> None:
    made = 0
    refused: collections.Counter = collections.Counter()
    while True:
        try:
            connect(sys.argv[1])
            made += 1
        except OSError as error:
            refused[errno.errorcode[error.errno] if error.errno else "not served"] += 1
        if made == 1:
            print("up", flush=True)
        if select.select([sys.stdin], [], [], 0)[0]:
            break
    print(json.dumps({"made": made, "refused": refused}), flush=True)


main()
