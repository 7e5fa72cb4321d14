# SPDX-License-Identifier: Apache-2.0
"""What a command inside a machine left behind, and the error that shows it whole."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Result:
    """Exit code and both outputs of one command."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.stdout.splitlines()

    def __str__(self) -> str:
        return (
            f"command: {self.command}\nexit code: {self.code}\n"
            f"stdout:\n{self.stdout}\nstderr:\n{self.stderr}"
        )


class CommandFailed(AssertionError):
    """A command that had to succeed did not; the text shows command, code and outputs."""

    def __init__(self, result: Result):
        super().__init__(str(result))
        self.result = result
