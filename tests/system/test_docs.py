# SPDX-License-Identifier: Apache-2.0
"""What docs/ tells people to type does what it says."""

import re

from harness import staging
from harness.case import PackagesCase
from harness.staging import PACKAGES, PACKAGES_INSIDE, SOURCE

VERSION, _ = staging.versions()
PAGES = ("install.md", "operate.md")  # in this order, on one machine
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Docs(PackagesCase):
    """A machine on which a reader follows the pages."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        # alice is in group takt on every test machine; here she has to get there by herself.
        cls.machine.run("gpasswd", "--delete", "alice", "takt")
        cls.machine.run("mkdir", "/home/alice/packages")
        for package in PACKAGES:
            cls.machine.shell(f"cp {PACKAGES_INSIDE}/{VERSION}/{package}_*.deb"
                              " /home/alice/packages")

    def follow(self, block: str) -> str:
        """Runs a block as alice. One with sudo is run as root, but for takt, which is hers."""
        setup = "set -eu\ncd /home/alice/packages\n"
        if "sudo " not in block:
            return self.machine.run("bash", "-c", setup + block, user="alice").stdout
        setup += ('takt() { setpriv --reuid=alice --regid=alice --init-groups takt "$@"; }\n'
                  'sudo() { if [ "$1" = apt ]; then shift; set -- apt-get -y "$@"; fi; "$@"; }\n'
                  "export DEBIAN_FRONTEND=noninteractive\n")
        return self.machine.run("bash", "-c", setup + block, timeout_s=120).stdout

    def test_every_command_works(self) -> None:
        said = {}
        for page in PAGES:
            blocks = BLOCK.findall((SOURCE / "docs" / page).read_text())
            self.assertGreater(len(blocks), 4, page)
            for block in blocks:
                with self.subTest(page=page, block=block):
                    said[block] = self.follow(block)
        everything = "\n".join(said.values())
        for expected in (self.machine.name, "reloaded: jobs.time_max, jobs.slots", "tidied up",
                         "exit code 143", "ok      the scheduler answers"):
            self.assertIn(expected, everything)
