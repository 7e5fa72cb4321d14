# SPDX-License-Identifier: Apache-2.0
"""The RPM packages, as files: like the Debian ones in all that is not a distribution's own."""

import pathlib
import re
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "system"))

from harness import staging  # noqa: E402

PACKAGES = staging.PACKAGES
VERSION = staging.versions()[0]
# Where a distribution puts what every package has.
OWN_PLACES = ("/usr/share/doc", "/usr/share/licenses", "/usr/lib/.build-id", "/usr/lib/debug",
              "/usr/share/lintian")
EXAMPLES = "/usr/share/doc/takt/examples/"
# Debian's place, and Fedora's.
MOVED = {"/lib/systemd/system": "/usr/lib/systemd/system",
         "/usr/share/zsh/vendor-completions": "/usr/share/zsh/site-functions"}


def said(*command: str) -> str:
    """Returns what a command prints."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def rpm(package: str) -> str:
    """Returns the file of a binary RPM package."""
    found, = (SOURCE / "build" / "rpm").glob(f"{package}-{VERSION}-*.x86_64.rpm")
    return str(found)


def deb(package: str) -> str:
    """Returns the file of a Debian package."""
    return str(next(path for path in staging.package_files(VERSION)
                    if path.name.startswith(f"{package}_")))


def as_in_fedora(path: str) -> str:
    """Returns a path of a Debian package as an RPM package has it."""
    for debian, fedora in MOVED.items():
        if path.startswith(debian + "/"):
            return fedora + path.removeprefix(debian)
    return path


def files_of_deb(package: str) -> dict[str, tuple[str, str]]:
    """Returns mode and owner of each file."""
    found = {}
    for line in said("dpkg-deb", "--contents", deb(package)).splitlines():
        mode, owner, *_, path = line.split(maxsplit=5)
        if not mode.startswith("d"):
            path = path.removeprefix(".").partition(" -> ")[0]
            found[as_in_fedora(path)] = (mode, owner)
    return without_own_places(found)


def files_of_rpm(package: str) -> dict[str, tuple[str, str]]:
    """Returns mode and owner of each file."""
    lines = said("rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME}"
                 " %{FILENAMES}\\n]", rpm(package)).splitlines()
    found = {path: (mode, owner) for mode, owner, path in (line.split(" ", 2) for line in lines)
             if not mode.startswith("d")}
    return without_own_places(found)


def without_own_places(files: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Returns those that are takt's own; manual pages by their name before compression."""
    return {path.removesuffix(".gz"): rest for path, rest in files.items()
            if path.startswith(EXAMPLES) or not path.startswith(OWN_PLACES)}


class Rpm(unittest.TestCase):
    """What tools/build-rpm has made, beside what tools/build-deb has made."""

    maxDiff = None

    def test_files_modes_and_owners_are_the_same(self) -> None:
        for package in PACKAGES:
            with self.subTest(package):
                self.assertEqual(files_of_rpm(package), files_of_deb(package))

    def test_configuration_files_are_the_same(self) -> None:
        for package in PACKAGES:
            with self.subTest(package):
                of_deb = said("dpkg-deb", "--info", deb(package), "conffiles").split()
                self.assertEqual(said("rpm", "-qcp", rpm(package)).split(), of_deb)

    def test_each_daemon_needs_the_command_line_of_its_version(self) -> None:
        for package in PACKAGES[1:]:
            needs = said("rpm", "-qpR", rpm(package)).splitlines()
            self.assertIn(f"takt(x86-64) = {VERSION}-1", needs)
            self.assertIn(f"takt (= {VERSION}-1)", said("dpkg-deb", "--field", deb(package),
                                                        "Depends").split(", "))

    def test_no_script_touches_what_has_to_run_on(self) -> None:
        for package in PACKAGES[1:]:
            scripts = said("rpm", "-qp", "--scripts", rpm(package))
            after = re.search("(?s)postuninstall scriptlet.*", scripts)[0]
            self.assertIn(f"mark-restart-system-units {package}.service", after)
            self.assertNotIn(".socket", after)
            self.assertNotIn("takt-jobs", scripts)

    def test_rpmlint_has_nothing_to_say(self) -> None:
        done = subprocess.run(
            ["rpmlint", "--config", str(SOURCE / "packaging/rpm/rpmlint.toml"),
             *map(rpm, PACKAGES), str(SOURCE / "packaging/rpm/takt.spec")],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertIn(" 0 errors, 0 warnings", done.stdout, done.stdout)
