#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Types a line and a tab into zsh on a terminal of its own, and waits until the rest has come.

Usage: zsh_complete.py LINE REST. Ends with code 1 if REST is not what zsh makes of the tab.
"""

import os
import pty
import select
import sys
import time

PATIENCE_S = 30
SETUP = "autoload -Uz compinit; compinit -u; print re''ady\n"


def read_until(terminal: int, text: str) -> None:
    """Reads until the text has come; ends with code 1 if it does not."""
    seen = ""
    deadline = time.monotonic() + PATIENCE_S
    while text not in seen:
        if not select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            sys.exit(f"waited in vain for {text!r}; seen: {seen!r}")
        seen += os.read(terminal, 4096).decode(errors="replace")


def main() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("zsh", ["zsh", "-f", "-i"])
    os.write(terminal, SETUP.encode())
    read_until(terminal, "ready\r\n")
    line, rest = sys.argv[1:]
    os.write(terminal, line.encode())
    read_until(terminal, line[-1])
    os.write(terminal, b"\t")
    read_until(terminal, rest)


main()
