# SPDX-License-Identifier: Apache-2.0
"""Our own files as the style tests see them, and C++ text without comments and strings."""

import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP_FOLDERS = ("src", "proto", "tests", "tools", "bench", ".ci")
CXX = (".cc", ".h")


def is_shell(path: pathlib.Path) -> bool:
    """Says whether a file without a suffix is a shell script."""
    with open(path, "rb") as file:
        return re.match(rb"#!.*\b(ba)?sh\b", file.readline()) is not None


@functools.cache
def files(*suffixes: str, below: str = "") -> tuple[pathlib.Path, ...]:
    """Returns our files with these suffixes ("" means shell scripts) below a folder of the root."""
    found = []
    for top in (below,) if below else TOP_FOLDERS:
        for path in sorted((ROOT / top).rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts or path.suffix not in suffixes:
                continue
            if path.suffix or is_shell(path):
                found.append(path)
    return tuple(found)


def name(path: pathlib.Path) -> str:
    """Returns a path as the messages show it."""
    return str(path.relative_to(ROOT))


_NOISE = re.compile(
    r'R"(?P<tag>\w*)\(.*?\)(?P=tag)"'  # raw strings
    r'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    r"|//[^\n]*|/\*.*?\*/"
    r"|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
    re.DOTALL | re.MULTILINE)


@functools.cache
def code(path: pathlib.Path) -> str:
    """Returns C++ text with comments, strings and preprocessor lines blanked, lines kept."""
    def blank(match: re.Match) -> str:
        text = match.group()
        return ('""' if text.startswith(('"', "R")) else " ") + "\n" * text.count("\n")
    return _NOISE.sub(blank, path.read_text())
