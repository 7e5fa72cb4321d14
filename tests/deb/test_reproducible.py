# SPDX-License-Identifier: Apache-2.0
"""The Debian packages, built once more: the same bytes, wherever and whenever they are built."""

import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "system"))

from harness import staging  # noqa: E402

# What differs between builders; nothing that was compiled before is used.
ANOTHER = {"CCACHE_DISABLE": "1", "TZ": "Pacific/Chatham", "LC_ALL": "C", "USER": "somebody"}


def sums(folder: pathlib.Path) -> dict[str, str]:
    """Returns the checksums of all packages in a folder, the source's archives among them."""
    files = [*folder.glob("*.deb"), *folder.glob("*.tar.xz")]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Reproducible(unittest.TestCase):
    """The packages that the test machines install are the first build."""

    maxDiff = None

    def test_built_elsewhere_they_are_the_same_bytes(self) -> None:
        first = sums(staging.packages_folder(staging.versions()[0]))
        with tempfile.TemporaryDirectory(prefix="takt-again-") as folder:
            again = pathlib.Path(folder)
            subprocess.run([SOURCE / "tools" / "lib" / "copy-sources", again], check=True)
            output = again / "packages"
            subprocess.run([again / "tools" / "build-deb", "--output", output], check=True,
                           umask=0o027, env={**os.environ, **ANOTHER}, stdout=subprocess.DEVNULL)
            self.assertEqual(sums(output), first)
        self.assertGreater(len(first), len(staging.PACKAGES))
