# SPDX-License-Identifier: Apache-2.0
"""clang-format has nothing to change and clang-tidy nothing to say.

clang-tidy reads the folders without gRPC and leaves out its analyzer (three quarters of its time);
with TAKT_STYLE_ALL=1 it reads all of src/ with everything. A file that was clean
and whose text, headers and checks have not changed since is not read again (build/tidy-cache).
Files of a folder are read together first, since nearly all of the time is their headers'; where
there is anything to say of them, each is read by itself.
"""

import concurrent.futures
import hashlib
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import sources

PLAIN_FOLDERS = ("base", "cgroup", "attempt", "job", "config", "supervisor", "sd")
CHECKS = sources.ROOT / ".clang-tidy"
READ_TOGETHER = 12
# Together they include the same again and again; test_includes.py looks at each file.
NOT_TOGETHER = "-readability-duplicate-include"
CACHE = sources.ROOT / "build" / "tidy-cache"
_OWN_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def tool(name: str) -> str:
    """Returns the program: version 14, which .clang-format is written for, or the system's own."""
    found = shutil.which(f"{name}-14") or shutil.which(name)
    if not found:
        raise AssertionError(f"{name} is not installed")
    return found


def reach(path: pathlib.Path, seen: set[pathlib.Path]) -> set[pathlib.Path]:
    """Returns a file and all of our headers that it includes, directly or not."""
    if path in seen or not path.exists():
        return seen
    seen.add(path)
    for target in _OWN_INCLUDE.findall(path.read_text()):
        reach(sources.ROOT / "src" / target, seen)
    return seen


def fingerprint(path: pathlib.Path, checks: list[str]) -> str:
    """Returns a hash of all that clang-tidy's verdict on a file depends on."""
    digest = hashlib.sha256(CHECKS.read_bytes() + str(checks).encode())
    for part in sorted(reach(path, set())):
        digest.update(str(part).encode() + b"\0" + part.read_bytes())
    return digest.hexdigest()


def defines() -> list[str]:
    """Returns a value for each macro that the build files define, so that the text compiles."""
    text = "".join(path.read_text() for path in sources.files(".build", below="src"))
    return [f'-D{name}=""' for name in sorted(set(re.findall(r"-D(TAKT_\w+)", text)))]


def generated(folder: str) -> None:
    """Generates the C++ of our protos below `folder`."""
    proto = sources.ROOT / "proto"
    plugin = shutil.which("grpc_cpp_plugin")
    subprocess.run(["protoc", f"-I{proto}", f"--cpp_out={folder}", f"--grpc_out={folder}",
                    f"--plugin=protoc-gen-grpc={plugin}", *map(str, proto.rglob("*.proto"))],
                   check=True)


def stamp(path: pathlib.Path, protos: str | None) -> pathlib.Path:
    """Returns the file that is there if clang-tidy had nothing to say of this one."""
    return CACHE / fingerprint(path, checks(protos))


def checks(protos: str | None, *left_out: str) -> list[str]:
    """Returns the option that leaves out these checks, and the analyzer if not all is read."""
    names = [*([] if protos else ["-clang-analyzer-*"]), *left_out]
    return [f"--checks={','.join(names)}"] if names else []


def said_of(path: pathlib.Path, options: list[str], protos: str | None) -> str:
    """Returns what clang-tidy says about one file; nothing if it is clean."""
    includes = [f"-isystem{protos}"] if protos else []
    done = subprocess.run(
        [tool("clang-tidy"), "--quiet", f"--config-file={CHECKS}", *options, str(path), "--",
         "-std=c++20", "-D_GNU_SOURCE", f"-I{sources.ROOT / 'src'}", *includes,
         *defines()], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout or done.stderr


def tidy(paths: list[pathlib.Path], protos: str | None) -> str:
    """Returns what clang-tidy says about these files of one folder; nothing if all are clean."""
    if len(paths) > 1:
        with tempfile.NamedTemporaryFile("w", suffix=".cc") as together:
            together.write("\n".join(path.read_text() for path in paths))
            together.flush()
            clean = not said_of(pathlib.Path(together.name), checks(protos, NOT_TOGETHER), protos)
        if not clean:  # or two of them have the same name for two things
            return "\n".join(text for path in paths if (text := tidy([path], protos)))
    elif said := said_of(paths[0], checks(protos), protos):
        return said
    for path in paths:
        stamp(path, protos).touch()
    return ""


def together(paths: list[pathlib.Path], most: int) -> list[list[pathlib.Path]]:
    """Returns the files by folder, in lists of at most so many."""
    lists = []
    for _, group in itertools.groupby(paths, lambda path: path.parent):
        files = list(group)
        lists += [files[i:i + most] for i in range(0, len(files), most)]
    return lists


class Clang(unittest.TestCase):
    """Runs the tools over our files, one process a core."""

    maxDiff = None

    def test_format(self) -> None:
        done = subprocess.run([tool("clang-format"), "--dry-run", "--Werror",
                               *map(str, sources.files(*sources.CXX))],
                              cwd=sources.ROOT, capture_output=True, text=True)
        found = set(re.findall(r"([^\s:]+):\d+:\d+: error", done.stderr))
        wrong = sorted(sources.name(pathlib.Path(path)) for path in found)
        self.assertEqual((wrong, done.returncode), ([], 0),
                         "run: " + tool("clang-format") + " -i " + " ".join(wrong))

    def test_tidy(self) -> None:
        everything = bool(os.environ.get("TAKT_STYLE_ALL"))
        paths = [path for path in sources.files(".cc", below="src")
                 if everything or path.relative_to(sources.ROOT / "src").parts[0] in PLAIN_FOLDERS]
        self.assertTrue(paths)
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            if everything:
                generated(folder)
            protos = folder if everything else None
            unread = [path for path in paths if not stamp(path, protos).exists()]
            lists = together(unread, 1 if everything else READ_TOGETHER)
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                found = pool.map(lambda files: tidy(files, protos), lists)
                said = "\n".join(text for text in found if text)
        # A header's fault is told by every file that includes it: once is enough.
        self.assertEqual(sorted(set(re.findall(r"^.*\b(?:error|warning): .*$", said, re.M))), [])
        self.assertEqual(said, "")
