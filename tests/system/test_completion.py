# SPDX-License-Identifier: Apache-2.0
"""Words of takt are completed in the shells that people have."""

from harness.case import TaktCase
from harness.staging import INSIDE

# Asks bash's completion for what the last word of a line may become.
BASH = ("source /usr/share/bash-completion/bash_completion; _completion_loader takt;"
        " COMP_LINE=$1 COMP_POINT=${#1}; eval \"COMP_WORDS=($2)\";"
        " COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _takt 2>/dev/null;"
        " printf '%s\\n' \"${COMPREPLY[@]}\"")


class Completion(TaktCase):
    """With a job that runs."""

    def setUp(self) -> None:
        self.job = self.takt.submit("sleep", "1000")
        self.takt.wait_for_state(self.job, "JOB_STATE_RUNNING")

    def tearDown(self) -> None:
        self.takt.run("stop", self.job)
        self.takt.wait_for_end(self.job)
        super().tearDown()

    def bash(self, line: str, words: str = "") -> list[str]:
        """Returns what bash offers; `words` as bash splits it, where that is not at blanks."""
        quoted = words or " ".join(f"'{word}'" for word in line.split(" "))
        return self.machine.run("bash", "-c", BASH, "bash", line, quoted, user="alice").lines

    def fish(self, line: str) -> list[str]:
        """Returns what fish offers, without descriptions."""
        said = self.machine.run("fish", "--command", f"complete -C '{line}'", user="alice")
        return [offer.split("\t")[0] for offer in said.lines]

    def zsh(self, line: str, rest: str) -> None:
        """A tab after the line brings the rest."""
        self.machine.run(f"{INSIDE}/zsh_complete.py", line, rest, user="alice")

    def test_bash(self) -> None:
        self.assertEqual(self.bash("takt st"), ["status", "stop"])
        self.assertEqual(self.bash("takt run --laun"), ["--launcher"])
        self.assertEqual(self.bash(f"takt stop {self.job[:4]}"), [self.job])
        name = self.machine.name
        # readline replaces what stands after the last "=".
        self.assertEqual(self.bash("takt run --on worker=", "takt run --on worker ="), [name])

    def test_fish(self) -> None:
        self.assertEqual(self.fish("takt st"), ["status", "stop"])
        self.assertEqual(self.fish("takt run --laun"), ["--launcher"])
        self.assertEqual(self.fish(f"takt logs -f {self.job[:4]}"), [self.job])
        self.assertEqual(self.fish("takt run --on worker="), [f"worker={self.machine.name}"])

    def test_zsh(self) -> None:
        self.zsh("takt stat", "us")
        self.zsh("takt run --laun", "cher")
        self.zsh(f"takt stop {self.job[:4]}", self.job[4:])
