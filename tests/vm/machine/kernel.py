# SPDX-License-Identifier: Apache-2.0
"""The kernel that the machines boot, and the initial RAM disk that brings it to their root.

Guarantees: it is the distribution's own kernel for virtual machines, extracted and never installed.
Like the roots it is made once, is complete in the cache and never written to again; whatever the
RAM disk is made from is part of its key.
"""

import fcntl
import gzip
import hashlib
import lzma
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import root, staging

PACKAGES = ("linux-image-cloud-amd64", "busybox-static")
# What is no part of the kernel itself. File systems are.
MODULES = ("virtio_pci", "virtio_blk", "virtio_console")
KEPT_KERNELS = 2
ALIVE = "the machine is alive"  # what TRIAL says

# The root is the first disk. The serial lines get names by what they are for.
INIT = """\
#!/bin/busybox sh
export PATH=/bin
echo "RAM disk: loading drivers"
for module in $(cat /modules/order); do insmod "/modules/$module"; done
mount -t devtmpfs dev /dev
mount -t ext4 -o commit=300 /dev/vda /root
until test -c /dev/hvc2; do sleep 0.02; done
ln -s hvc0 /dev/commands
ln -s hvc1 /dev/reports
ln -s hvc2 /dev/journal
mount --move /dev /root/dev
exec switch_root /root /opt/takt-test/vm/init
"""

# Shows that a machine boots at all: rdinit=/trial.
TRIAL = f"""\
#!/bin/busybox sh
/bin/busybox echo {ALIVE}
/bin/busybox poweroff -f
"""


def prepare() -> tuple[pathlib.Path, pathlib.Path]:
    """Returns the kernel and the RAM disk, made now if the cache has none."""
    recipe = "\n".join([*PACKAGES, *MODULES, INIT, TRIAL])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    cache = root.cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"kernel-{root.release()}-{key}"
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            build(folder)
            root.prune(cache, "kernel", KEPT_KERNELS)
        os.utime(folder)
    return folder / "vmlinuz", folder / "initrd"


def build(folder: pathlib.Path) -> None:
    """Makes both files and renames their folder into place."""
    print("fetching the kernel of the test machines …", flush=True)
    half = folder.with_name(folder.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    with tempfile.TemporaryDirectory(prefix="takt-vm-kernel.") as work:
        packages, tree = pathlib.Path(work) / "packages", pathlib.Path(work) / "tree"
        staging.run(["mmdebstrap", "--quiet", "--variant=extract",
                     f"--include={','.join(PACKAGES)}", root.release(), str(packages)])
        busybox = packages / "bin/busybox"
        make_tree(tree, busybox, packages)
        names = "".join(f"{path.relative_to(tree)}\n" for path in sorted(tree.rglob("*")))
        packed = subprocess.run([busybox, "cpio", "-o", "-H", "newc"], cwd=tree, check=True,
                                input=names.encode(), capture_output=True).stdout
        (half / "initrd").write_bytes(gzip.compress(packed, mtime=0))
        (vmlinuz,) = (packages / "boot").glob("vmlinuz-*")
        shutil.copy(vmlinuz, half / "vmlinuz")
    half.rename(folder)


def make_tree(tree: pathlib.Path, busybox: pathlib.Path, packages: pathlib.Path) -> None:
    """Puts what the RAM disk consists of below `tree`."""
    for name in ("bin", "dev", "modules", "root"):
        (tree / name).mkdir(parents=True)
    shutil.copy(busybox, tree / "bin")
    for applet in ("sh", "cat", "insmod", "ln", "mount", "sleep", "switch_root", "test"):
        (tree / "bin" / applet).symlink_to("busybox")
    for name, text in (("init", INIT), ("trial", TRIAL)):
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
    files = {path.name.split(".")[0].replace("-", "_"): path
             for path in (packages / "lib/modules").rglob("*.ko*")}
    order: list[str] = []
    for name in MODULES:
        add_module(name, files, tree / "modules", order)
    (tree / "modules/order").write_text("".join(f"{name}\n" for name in order))


def add_module(name: str, files: dict[str, pathlib.Path], target: pathlib.Path,
               order: list[str]) -> None:
    """Puts a module into `target`, and adds it to the order of loading after all that it needs."""
    if name in order:
        return
    path = files[name]
    module = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    needed = module.split(b"\0depends=")[1].split(b"\0")[0].decode()
    for other in filter(None, needed.split(",")):
        add_module(other.replace("-", "_"), files, target, order)
    (target / name).write_bytes(module)
    order.append(name)
