# SPDX-License-Identifier: Apache-2.0
"""What tests do inside a machine, whichever kind it is: each kind says how a command gets there."""

import shlex
import time
from collections.abc import Callable

from .process import Result

COMMAND_TIMEOUT_S = 60


class Inside:
    """The base of the machines: the first four are theirs, the rest follows from them."""

    name: str

    def run(self, *argv: str, check: bool = True, user: str | None = None, stdin: str = "",
            timeout_s: float = COMMAND_TIMEOUT_S) -> Result:
        """Runs argv inside the machine; with check, a code other than 0 raises CommandFailed."""
        raise NotImplementedError

    def console(self) -> str:
        """Returns what the machine wrote to its console."""
        raise NotImplementedError

    def died(self) -> bool:
        """Says whether the machine went down by itself."""
        raise NotImplementedError

    def shell(self, script: str, **kwargs: object) -> Result:
        """Runs a shell script inside the machine."""
        return self.run("sh", "-c", script, **kwargs)

    def wait_until(self, predicate: Callable[[], object], what: str, timeout_s: float = 30):
        """Polls until predicate() is true and returns its value; late, it names what it wanted."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = predicate()
            if value:
                return value
            if self.died():
                raise AssertionError(f"{self.name} died while waiting for {what}\n{self.console()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:g} s in vain for {what}")
            time.sleep(0.05)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Writes a file inside the machine, making its folder."""
        quoted = shlex.quote(path)
        self.shell(f"mkdir -p $(dirname {quoted}) && cat > {quoted} && chmod {mode:o} {quoted}",
                   stdin=text)

    def read(self, path: str) -> str:
        """Reads a file inside the machine."""
        return self.run("cat", path).stdout

    def exists(self, path: str) -> bool:
        """Says whether a path exists inside the machine."""
        return self.run("test", "-e", path, check=False).code == 0

    def journal(self, *args: str) -> str:
        """Returns the machine's journal, for the report of a failure."""
        return self.run("journalctl", "--no-pager", "--output=short-precise", *args,
                        check=False).stdout
