# SPDX-License-Identifier: Apache-2.0
"""The disks of a machine: the root image, made once a run, and two for the daemons' state.

Guarantees: the root image is the system tests' cached root with takt as installed and what
tests/vm/root and tests/vm/inside add; machines only read it. Nothing in it writes to the state
disks but takt, so that only takt's own syncing makes anything durable there.
"""

import atexit
import compileall
import functools
import pathlib
import shutil
import subprocess
import tempfile

from harness import case, staging
from harness.machine import LAY_TREES

from .emulator import Disk

HERE = pathlib.Path(__file__).resolve().parents[1]
ROOT_SIZE = "1500M"
STATE_SIZE = "1G"
INSIDE = staging.INSIDE / "vm"
EATMYDATA = "libeatmydata.so"

# Not wanted in these machines: they take a third of the time to boot.
MASKED = ("systemd-logind.service", "systemd-udev-trigger.service", "systemd-udevd.service",
          "systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "getty.target",
          "systemd-modules-load.service", "systemd-random-seed.service", "timers.target",
          "systemd-journal-flush.service", "systemd-update-utmp.service",
          "systemd-update-utmp-runlevel.service", "systemd-user-sessions.service",
          "e2scrub_reap.service", "systemd-tmpfiles-setup-dev.service",
          "systemd-remount-fs.service", "systemd-sysctl.service", "remote-fs.target",
          "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount",
          "sys-kernel-tracing.mount", "sys-kernel-config.mount", "sys-fs-fuse-connections.mount",
          *(f"modprobe@{name}.service" for name in ("configfs", "drm", "fuse", "efi_pstore",
                                                    "dm_mod", "loop")))

# Generators of units that are wanted: this one heeds systemd.mask=.
GENERATORS = ("systemd-debug-generator",)

# Arguments: image, its size, and those of lay.
IMAGE_SCRIPT = LAY_TREES + r"""
set -eu
image=$1 size=$2; shift 2
lay "$@"
systemd-sysusers --root="$work/root" 2>&1
systemctl --root="$work/root" preset takt-scheduler.service takt-worker.service 2>&1
touch "$work/root/etc/.updated" "$work/root/var/.updated"
mke2fs -q -t ext4 -d "$work/root" "$image" "$size"
"""


def run(*command: str) -> None:
    """Runs a command of the host; a failure shows its output."""
    staging.run(list(command))


def make_tree(tree: pathlib.Path) -> None:
    """Puts what only these machines have below `tree`."""
    shutil.copytree(HERE / "root", tree, dirs_exist_ok=True)
    inside = tree / INSIDE.relative_to("/")
    shutil.copytree(HERE / "inside", inside, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(inside, quiet=1)
    shutil.copy(find_eatmydata(), inside / EATMYDATA)
    units = tree / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).symlink_to("/dev/null")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    generators = tree / "etc/systemd/system-generators"
    generators.mkdir()
    for generator in (case.base_root() / "usr/lib/systemd/system-generators").iterdir():
        if generator.name not in GENERATORS:
            (generators / generator.name).symlink_to("/dev/null")
    wants = units / "sysinit.target.wants"
    wants.mkdir()
    (wants / "agent.service").symlink_to("/etc/systemd/system/agent.service")
    # With an id of its own no boot is a first one.
    (tree / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")


def find_eatmydata() -> pathlib.Path:
    """Returns the library that makes syncing void (package libeatmydata1)."""
    found = sorted(pathlib.Path("/usr/lib").glob(f"*/{EATMYDATA}"))
    if not found:
        raise RuntimeError(f"{EATMYDATA} is missing: install libeatmydata1")
    return found[0]


@functools.cache
def root_image() -> pathlib.Path:
    """Returns the root image, made once a run and removed at its end."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="takt-vm-image."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    tree, work, image = folder / "tree", folder / "work", folder / "root.img"
    tree.mkdir()
    work.mkdir()
    make_tree(tree)
    trees = (*case.trees(), tree)
    compileall.compile_dir(trees[1], quiet=1)
    run("unshare", "--mount", "sh", "-c", IMAGE_SCRIPT, "image", str(image), ROOT_SIZE,
        str(case.base_root()), str(work), *map(str, trees))
    return image


def make_root_disk(path: pathlib.Path) -> Disk:
    """Makes a disk that begins as the root image and keeps what becomes different."""
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(root_image()), str(path))
    return Disk(path, "qcow2")


def make_state_disk(path: pathlib.Path) -> Disk:
    """Makes an empty file system; nothing is left for the guest's kernel to initialise."""
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0",
        str(path), STATE_SIZE)
    return Disk(path)
