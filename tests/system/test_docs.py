# SPDX-License-Identifier: Apache-2.0
"""What docs/ and man takt tell people to type does what it says."""

import re

from harness import host, staging
from harness.case import PackagesCase
from harness.staging import PACKAGES, PACKAGES_INSIDE, SOURCE

VERSION, _ = staging.versions()
PAGES = ("install.md", "scheduling.md", "configure.md", "operate.md")  # so, on one machine
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SESSION = re.compile(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", re.MULTILINE | re.DOTALL)
JOB_ID = re.compile(r"^[0-9a-f-]{36}$", re.MULTILINE)
# What the pages' commands have to say, among other things.
SAID = ("tidied up", "licensed", "would wait: ", "exit code 75", "draining (new disk)",
        "exit code 78", "runs on db-1", "over TLS", "MemoryMax=", "exit code 125",
        "ok      the scheduler answers", "exit code 143")
RELOAD = "systemctl reload takt-worker"


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
        setup = "set -eu\nexport HOME=/home/alice\ncd ~/packages\n"
        if "sudo " not in block:
            return self.machine.run("bash", "-c", setup + block, user="alice").stdout
        setup += ('takt() { setpriv --reuid=alice --regid=alice --init-groups takt "$@"; }\n'
                  'sudo() { case $1 in apt) shift; apt-get -y "$@" ;;\n'
                  '  takt) command "$@" ;; *) "$@" ;; esac; }\n'
                  "export DEBIAN_FRONTEND=noninteractive\n")
        return self.machine.run("bash", "-c", setup + block, timeout_s=120).stdout

    def worker_journal(self) -> str:
        """Returns what the worker has said, and what the catalog says of that."""
        return self.machine.run("journalctl", "-x", "-u", "takt-worker", check=False).stdout

    def reloads(self) -> int:
        """Returns how often the worker has read its files again."""
        return self.worker_journal().count("]: reloaded")

    def test_every_command_works(self) -> None:
        said = {}
        for page in PAGES:
            blocks = BLOCK.findall((SOURCE / "docs" / page).read_text())
            self.assertGreater(len(blocks), 4, page)
            for block in blocks:
                with self.subTest(page=page, block=block):
                    reloads = self.reloads()
                    said[block] = self.follow(block)
                    if RELOAD in block:  # which returns before the worker has read its files
                        self.machine.wait_until(lambda n=reloads: self.reloads() > n, RELOAD)
        everything = "\n".join(said.values())
        for expected in (self.machine.name, *SAID):
            self.assertIn(expected, everything)
        self.assertIn("reloaded: jobs.time_max, jobs.slots", self.worker_journal())
        self.assertIn("systemctl restart takt-worker.service", self.worker_journal(), "explained")
        self.assertIn(".scope", said[blocks[-1]])
        self.machine.wait_until(lambda: not host.job_units(self.machine), "no job to be left")
        self.check_first_session()

    def check_first_session(self) -> None:
        """What man takt opens with: each command prints what stands below it."""
        session = SESSION.search((SOURCE / "man/takt.1").read_text())[1]
        commands = re.findall(r"^\$ (.*)\n", session, re.MULTILINE)
        self.assertGreater(len(commands), 5)
        script = "exec 2>&1\n" + "".join(
            f"{command}\ncode=$?; echo ===; (exit $code)\n" for command in commands)
        said = self.machine.run("bash", "-c", script, user="alice").stdout.split("===\n")[:-1]
        shown = re.split(r"^\$ .*\n", session, flags=re.MULTILINE)[1:]
        for command, does, should in zip(commands, said, shown, strict=True):
            with self.subTest(command):
                if should == "[...]\n":
                    self.assertNotEqual(does, "")
                else:
                    self.assertEqual(JOB_ID.sub("ID", does), JOB_ID.sub("ID", should))
