# SPDX-License-Identifier: Apache-2.0
"""Finds the functions of a C++ file and their lengths, by their braces.

Not a parser: it knows scopes (namespace, class …), function bodies and all other braces, which is
enough for text that clang-format has laid out. A lambda counts to the function around it.
"""

import re
from collections.abc import Iterator

_SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b(?!.*\)\s*$)", re.DOTALL)
_MEMBER_INITIALIZER = re.compile(r"\)[^()]*[:,]\s*[\w:<>]+$")
_NAME = re.compile(r"([~\w:]+|operator\S+)\s*\($")


def _kind(head: str) -> str:
    head = head.strip()
    if _SCOPE.search(head) and not head.endswith(")"):
        return "scope"
    if ")" in head and not head.endswith(("=", "(", ",", "return")) \
            and not _MEMBER_INITIALIZER.search(head):
        return "function"
    return "other"


def functions(text: str) -> Iterator[tuple[str, int, int]]:
    """Yields (name, first line, number of lines) of each function; text as from sources.code."""
    stack: list[tuple[str, str, int]] = []
    head, line, head_line = "", 1, 1
    for char in text:
        if char == "\n":
            line += 1
        inside = any(kind == "function" for kind, _, _ in stack)
        if char == "{":
            kind = "other" if inside else _kind(head)
            stack.append((kind, head, head_line))
            if kind != "other":
                head = ""
        elif char == "}" and stack:
            kind, opened, first = stack.pop()
            if kind == "function":
                name = opened.split("(")[0].split()[-1:] or ["?"]
                yield name[0], first, line - first + 1
            head = opened + "{}" if kind == "other" and not inside else ""
        elif char == ";" and not inside:
            head = ""
        elif not inside:
            if not head.strip():
                head_line = line
            head += char
