# SPDX-License-Identifier: Apache-2.0
"""One cgroup of our own below the host's cgroup v2 tree.

Guarantees: everything that a test machine starts lives below this cgroup, so that one write ends it
all and nothing else; the host's own cgroups are never written to.
"""

import os
import pathlib
import time


def mount_point(mountinfo: str | None = None) -> pathlib.Path:
    """Returns where the host mounts cgroup v2 (hybrid hosts have it at /sys/fs/cgroup/unified)."""
    text = mountinfo or pathlib.Path("/proc/self/mountinfo").read_text()
    for line in text.splitlines():
        fields = line.split()
        kind = fields[fields.index("-") + 1]
        if kind == "cgroup2":
            return pathlib.Path(fields[4])
    raise RuntimeError("no cgroup2 mount on this host: takt needs cgroup v2")


class HostCgroup:
    """A folder below the host's cgroup v2 root with two leaves: `nspawn` and `enter`."""

    def __init__(self, name: str):
        self.path = mount_point() / name
        self.path.mkdir()
        self.nspawn = self.path / "nspawn"
        self.enter = self.path / "enter"
        self.nspawn.mkdir()
        self.enter.mkdir()

    def populated(self) -> bool:
        """Says whether any process lives below this cgroup."""
        return "populated 1" in (self.path / "cgroup.events").read_text()

    def kill(self, patience_s: float = 30) -> None:
        """Kills every process below this cgroup and waits until none is left."""
        (self.path / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + patience_s
        while self.populated():
            if time.monotonic() > deadline:
                raise RuntimeError(f"processes below {self.path} do not die")
            time.sleep(0.02)

    def remove(self) -> None:
        """Removes the tree; call after kill()."""
        for folder, _, _ in os.walk(self.path, topdown=False):
            os.rmdir(folder)
