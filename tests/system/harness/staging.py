# SPDX-License-Identifier: Apache-2.0
"""The trees that are laid over a machine's root: takt as installed, and what only the tests need.

Guarantees: takt comes from `meson install` of a finished build and nothing else; the client stubs
come from our .proto files by protoc alone.
"""

import os
import pathlib
import shutil
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parents[3]
INSIDE = pathlib.Path("/opt/takt-test")
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


def build_folder() -> pathlib.Path:
    """Returns the build that is tested; TAKT_BUILD overrides it."""
    return pathlib.Path(os.environ.get("TAKT_BUILD", SOURCE / "build" / "dev"))


def install_takt(tree: pathlib.Path) -> None:
    """Installs the build below `tree`."""
    run(["meson", "install", "-C", str(build_folder()), "--no-rebuild", "--quiet",
         "--destdir", str(tree)])


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
