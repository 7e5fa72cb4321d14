# SPDX-License-Identifier: Apache-2.0
"""The trees that are laid over a machine's root: takt as installed, and what only the tests need.

Guarantees: takt comes from its packages and nothing else (without dpkg, from `meson install` of a
finished build); the client stubs come from our .proto files by protoc alone.
"""

import os
import pathlib
import re
import shutil
import subprocess

from . import root

SOURCE = pathlib.Path(__file__).resolve().parents[3]
INSIDE = pathlib.Path("/opt/takt-test")
PACKAGES = ("takt", "takt-scheduler", "takt-worker")
PACKAGES_INSIDE = pathlib.Path("/opt/takt-packages")
STORED = SOURCE / "tests" / "upgrade"
STORED_RELEASE = "bookworm"  # the release of Debian that the stored packages are built for
REFLECTION_PROTO = "grpc/reflection/v1alpha/reflection.proto"
HEALTH_PROTO = "grpc/health/v1/health.proto"
GRPC_PROTO_FOLDER = pathlib.Path("/usr/share/grpc-proto")

# alice and bob may use takt; mallory is in no group of ours.
TEST_USERS = """\
g takt - -
u alice 4001 "may use takt" /home/alice /bin/sh
u bob 4002 "may use takt" /home/bob /bin/sh
u mallory 4003 "may not" /home/mallory /bin/sh
m alice takt
m bob takt
"""
TEST_FOLDERS = """\
d /home/alice 0755 alice alice
d /home/bob 0755 bob bob
d /home/mallory 0755 mallory mallory
d /var/tmp/witness 1777 root root
"""


def versions() -> tuple[str, str]:
    """Returns this tree's version, and the later one that it is also packaged as."""
    own = re.search(r"^  version: '(.*)',$", (SOURCE / "meson.build").read_text(), re.MULTILINE)[1]
    *rest, last = own.split(".")
    return own, ".".join([*rest, str(int(last) + 1)])


def packages_folder(version: str) -> pathlib.Path:
    """Returns where tools/build-deb puts the packages of a version, for the machines' release."""
    return SOURCE / "build" / "deb" / os.environ.get("TAKT_TEST_RELEASE", "") / version


def package_files(version: str) -> list[pathlib.Path]:
    """Returns the packages of a version, without those of debug symbols."""
    found = [path for name in PACKAGES
             for path in packages_folder(version).glob(f"{name}_{version}-*.deb")]
    if len(found) != len(PACKAGES):
        raise RuntimeError(f"no packages in {packages_folder(version)}: run tools/build-deb")
    return found


def stored_versions() -> list[pathlib.Path]:
    """Returns the folders of the stored versions: each has the packages of an earlier commit."""
    return sorted(path for path in STORED.iterdir() if path.is_dir())


def install_takt(tree: pathlib.Path) -> None:
    """Puts what is installed below `tree`; no script of a package is run."""
    if root.is_debian():
        for package in package_files(versions()[0]):
            run(["dpkg-deb", "--extract", str(package), str(tree)])
        return
    build = SOURCE / "build" / "dev"
    run(["meson", "install", "-C", str(build), "--no-rebuild", "--quiet", "--destdir", str(tree)])


def install_packages(tree: pathlib.Path) -> None:
    """Puts the packages of both versions below `tree`, as files."""
    for version in versions():
        copy_packages(package_files(version), tree, version)


def install_stored(stored: pathlib.Path, tree: pathlib.Path) -> None:
    """Puts the packages of a stored version and those of this tree below `tree`, as files."""
    copy_packages(sorted(stored.glob("*.deb")), tree, stored.name)
    following = versions()[1]
    copy_packages(package_files(following), tree, following)


def copy_packages(packages: list[pathlib.Path], tree: pathlib.Path, name: str) -> None:
    """Copies packages into the folder of this name among a machine's packages."""
    target = tree / PACKAGES_INSIDE.relative_to("/") / name
    target.mkdir(parents=True)
    for package in packages:
        shutil.copy(package, target)


def needed_packages(tree: pathlib.Path) -> list[str]:
    """Returns the distribution's packages that takt, installed below `tree`, needs to run."""
    if root.is_debian():
        return sorted(root.dependencies(package_files(versions()[0])) - set(PACKAGES))
    return sorted(root.owners(binaries(tree)))


def binaries(tree: pathlib.Path) -> list[pathlib.Path]:
    """Returns every ELF executable and library below `tree`."""
    found = []
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


def install_test_tools(tree: pathlib.Path) -> None:
    """Puts the helper programs, the client stubs and the test users below `tree`."""
    target = tree / INSIDE.relative_to("/")
    shutil.copytree(SOURCE / "tests" / "system" / "inside", target,
                    ignore=shutil.ignore_patterns("__pycache__"))
    make_stubs(target / "stubs")
    for folder, name, text in (("sysusers.d", "zz-takt-test.conf", TEST_USERS),
                               ("tmpfiles.d", "zz-takt-test.conf", TEST_FOLDERS)):
        path = tree / "usr/lib" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def make_stubs(target: pathlib.Path) -> None:
    """Generates the Python stubs of our services, of reflection and of health."""
    target.mkdir(parents=True)
    ours = sorted((SOURCE / "proto").rglob("*.proto"))
    generate(target, SOURCE / "proto", [str(path.relative_to(SOURCE / "proto")) for path in ours])
    # Not below a folder named grpc: that would hide the library of this name.
    for proto in (REFLECTION_PROTO, HEALTH_PROTO):
        generate(target, (GRPC_PROTO_FOLDER / proto).parent, [pathlib.Path(proto).name])


def generate(target: pathlib.Path, include: pathlib.Path, protos: list[str]) -> None:
    """Runs protoc with the Python and gRPC generators."""
    if not protos:
        return
    plugin = shutil.which("grpc_python_plugin")
    run(["protoc", f"--plugin=protoc-gen-grpc_python={plugin}", f"-I{include}",
         f"--python_out={target}", f"--grpc_python_out={target}", *protos])


def run(command: list[str]) -> None:
    """Runs a command of the host; a failure shows its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        text = f"{' '.join(command)}\nfailed with {done.returncode}:\n{done.stdout[-4000:]}"
        raise RuntimeError(text)
