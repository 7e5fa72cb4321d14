# SPDX-License-Identifier: Apache-2.0
"""A file system of its own for the state folders of takt: ext4 on a loop device.

Guarantees: what is written to it can be read off the device to the sector; after close() neither
the device nor its file is left.
"""

import os
import pathlib
import subprocess
import tempfile
import time

SIZE = "2G"
SECTOR_BYTES = 512
MOUNT = "/srv/bench"
NODE = "/dev/takt-bench"
PATIENCE_S = 30


def host(*argv: str) -> str:
    """Runs a command of the host and returns what it printed."""
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=True, timeout=PATIENCE_S).stdout


class Disk:
    """The loop device; make() gives it a new file system, mount() puts that into a machine."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(
            prefix="takt-bench-disk.", dir=os.environ.get("TMPDIR", "/var/tmp"))
        image = pathlib.Path(self._folder.name) / "image"
        self.device = ""
        try:
            host("fallocate", "--length", SIZE, str(image))
            self.device = host("losetup", "--find", "--show", str(image)).strip()
        except BaseException:
            self.close()
            raise

    def make(self) -> None:
        """Makes a file system, complete from the start: nothing of it is written later on."""
        self._wait_until_gone(pathlib.Path(f"/sys/fs/ext4/{self._name()}"))
        host("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.device)

    def mount_script(self, folders: dict[str, str]) -> str:
        """Returns the shell script that mounts it in a machine, each of its folders (keys) where
        the value says."""
        number = os.stat(self.device).st_rdev
        lines = [f"test -e {NODE} || mknod {NODE} b {os.major(number)} {os.minor(number)}",
                 f"mkdir -p {MOUNT}", f"mount -o noatime {NODE} {MOUNT}"]
        for name, target in folders.items():
            lines += [f"mkdir -p {MOUNT}/{name} {target}", f"mount --bind {MOUNT}/{name} {target}"]
        return "\n".join(["set -e", *lines])

    @staticmethod
    def unmount_script(folders: dict[str, str]) -> str:
        """Returns the shell script that undoes mount_script, if that ran."""
        targets = " ".join([*folders.values(), MOUNT])
        return f"for at in {targets}; do ! mountpoint -q $at || umount $at || exit 1; done"

    def written_bytes(self) -> int:
        """Returns how much has been written to the device so far."""
        return int(self._stat()[6]) * SECTOR_BYTES

    def flushes(self) -> int:
        """Returns how many flush requests the device has had so far."""
        return int(self._stat()[15])

    def _stat(self) -> list[str]:
        return pathlib.Path(f"/sys/block/{self._name()}/stat").read_text().split()

    def _name(self) -> str:
        return pathlib.Path(self.device).name

    @staticmethod
    def _wait_until_gone(path: pathlib.Path) -> None:
        """Waits for what the kernel cleans up behind the last process that had the mount."""
        deadline = time.monotonic() + PATIENCE_S
        while path.exists():
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {PATIENCE_S} s in vain for {path} to be gone")
            time.sleep(0.02)

    def close(self) -> None:
        """Detaches the device, which no machine has mounted any more, and removes its file."""
        if self.device:
            host("losetup", "--detach", self.device)
            self._wait_until_gone(pathlib.Path(f"/sys/block/{self._name()}/loop"))
            self.device = ""
        self._folder.cleanup()
