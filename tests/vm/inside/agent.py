#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs commands for the host, which asks over a serial line. One JSON object a line, each way.

Asked: {"id", "argv", "user", "stdin"}. Answered: {"id", "code", "stdout", "stderr"}, when the
command has ended; commands run side by side. The first line says {"up": true}. Another serial line
is for reports: a line that was written to it is at the host, whatever becomes of the machine.
"""

import json
import os
import subprocess
import threading
import tty

COMMANDS, REPORTS = "/dev/commands", "/dev/reports"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": "/", "LANG": "C.UTF-8", "TERM": "dumb"}
_lock = threading.Lock()


def open_line(path: str) -> int:
    """Opens a serial line that carries bytes as they are, for every user."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    os.chmod(path, 0o666)
    return line


def say(line: int, message: dict) -> None:
    """Writes one message whole."""
    data = json.dumps(message).encode() + b"\n"
    with _lock:
        while data:
            data = data[os.write(line, data):]


def execute(line: int, asked: dict) -> None:
    """Runs one command to its end."""
    user = asked.get("user")
    become = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}",
                                      "--init-groups", "--"]
    done = subprocess.run([*become, *asked["argv"]], input=asked["stdin"].encode(),
                          capture_output=True, env=ENVIRONMENT, cwd="/")
    say(line, {"id": asked["id"], "code": done.returncode,
               "stdout": done.stdout.decode(errors="replace"),
               "stderr": done.stderr.decode(errors="replace")})


def main() -> None:
    line = open_line(COMMANDS)
    open_line(REPORTS)  # held open: it stays as it is set
    say(line, {"up": True})
    with os.fdopen(line, "rb", closefd=False) as asked:
        for text in asked:
            threading.Thread(target=execute, args=(line, json.loads(text))).start()


main()
