# SPDX-License-Identifier: Apache-2.0
"""The cached root folder of the test machines: a distribution's base system with systemd.

Guarantees: a root in the cache is complete (it is renamed into place), is never written to again,
and is keyed by the distribution and the package list; the cache lies outside the source tree.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

DEBIAN_PACKAGES = ["systemd", "systemd-sysv", "dbus", "udev", "procps", "python3", "iproute2",
                   "python3-grpcio", "python3-protobuf", "bash-completion", "fish", "zsh",
                   "openssl", "e2fsprogs"]
FEDORA_PACKAGES = ["systemd", "systemd-udev", "dbus-broker", "procps-ng", "python3", "iproute",
                   "util-linux", "coreutils", "python3-grpcio", "python3-protobuf",
                   "bash-completion", "fish", "zsh", "e2fsprogs"]
KEPT_ROOTS = 7  # what a run of all suites uses, and bench/run peers


def os_release() -> dict[str, str]:
    """Returns the fields of the host's os-release."""
    lines = pathlib.Path("/etc/os-release").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {key: value.strip('"') for key, value in pairs}


def release() -> str:
    """Returns the release that the machines run, by its code name: this host's, unless
    TAKT_TEST_RELEASE names another one of Debian."""
    own = os_release()
    return (os.environ.get("TAKT_TEST_RELEASE") or own.get("VERSION_CODENAME")
            or own["VERSION_ID"])


def cache_folder() -> pathlib.Path:
    """Returns the folder that keeps the roots; TAKT_TEST_CACHE overrides it."""
    return pathlib.Path(os.environ.get("TAKT_TEST_CACHE", "/var/cache/takt-test"))


def is_debian() -> bool:
    """Says whether the host's packages are Debian's."""
    return shutil.which("apt-get") is not None


def owners(binaries: list[pathlib.Path]) -> set[str]:
    """Returns the packages (RPM) that own the shared libraries which the binaries load."""
    libraries: set[str] = set()
    for binary in binaries:
        for line in subprocess.run(["ldd", str(binary)], capture_output=True, text=True,
                                   check=True).stdout.splitlines():
            fields = line.split()
            if "=>" in fields and fields[2].startswith("/"):
                libraries.add(os.path.realpath(fields[2]))
            elif "not found" in line:
                raise RuntimeError(f"{binary}: {line.strip()}")
    # One question for all: each takes long.
    return set(subprocess.run(["rpm", "-q", "--whatprovides", "--qf", "%{NAME}\\n", *libraries],
                              capture_output=True, text=True, check=True).stdout.split())


def dependencies(packages: list[pathlib.Path]) -> set[str]:
    """Returns what Debian packages depend on; of alternatives the first."""
    said = "".join(subprocess.run(["dpkg-deb", "--field", str(package), "Depends"], text=True,
                                  capture_output=True, check=True).stdout for package in packages)
    return set(re.findall(r"(?:^|, )([^\s,|]+)", said, re.MULTILINE))


def prepare(*more: str) -> pathlib.Path:
    """Returns a root with what all tests need and these packages, built now if the cache has none.
    """
    base = DEBIAN_PACKAGES if is_debian() else FEDORA_PACKAGES
    packages = sorted({*base, *more})
    version = release()
    key = hashlib.sha256(" ".join([version, *packages]).encode()).hexdigest()[:12]
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"root-{version}-{key}"
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            build(root, version, packages)
            prune(cache, "root", KEPT_ROOTS)
        os.utime(root)
    return root


def build(root: pathlib.Path, version: str, packages: list[str]) -> None:
    """Builds a root and renames it into place."""
    half = root.with_name(root.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    if is_debian():
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}",
                   version, str(half)]
    else:
        command = ["dnf", "-q", "-y", f"--installroot={half}", f"--releasever={version}",
                   "--setopt=install_weak_deps=False", "install", *packages]
    print(f"building the root of the test machines ({len(packages)} packages) …", flush=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-4000:]}")
    # An id of the image would be shared by all machines; empty means: make one at boot.
    (half / "etc/machine-id").write_text("")
    (half / "etc/hostname").unlink(missing_ok=True)
    half.rename(root)


def prune(cache: pathlib.Path, kind: str, kept: int) -> None:
    """Keeps those of a kind that were used last."""
    found = sorted(cache.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
    for old in found[:-kept]:
        shutil.rmtree(old, ignore_errors=True)
