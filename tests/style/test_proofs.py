# SPDX-License-Identifier: Apache-2.0
"""The tests that docs/promises.md and docs/peers.md name as proof are there."""

import ast
import fnmatch
import re
import unittest

import sources

DOCUMENTS = ("docs/promises.md", "docs/peers.md")
GOOGLE_TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", re.MULTILINE)
GOOGLE = ("unit", "component", "simulation")
PYTHON = ("system", "vm", "fleet", "torture", "rpm")
NAMED = re.compile(rf"`((?:(?:{'|'.join(GOOGLE + PYTHON)})/|\.)[^`]+)`")


def google_tests(folder: str) -> set[str]:
    """Returns Suite.Name of all tests below a folder."""
    return {f"{suite}.{test}" for path in sources.files(".cc", below=folder)
            for suite, test in GOOGLE_TEST.findall(path.read_text())}


def python_tests(folder: str) -> set[str]:
    """Returns module, Class, module.test and Class.test, inherited ones too, of a folder."""
    names: set[str] = set()
    own: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for path in sources.files(".py", below=folder):
        if not path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                own[node.name] = {part.name for part in node.body
                                  if isinstance(part, ast.FunctionDef)
                                  and part.name.startswith("test_")}
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                names |= {path.stem, node.name} | {f"{path.stem}.{test}" for test in own[node.name]}
    for name in own:
        for ancestor in [name, *bases[name]]:
            names |= {f"{name}.{test}" for test in own.get(ancestor, ())}
    return names


def cells(text: str) -> list[str]:
    """Returns the parts of a document within which `.Name` stands for one more of the suite."""
    return [cell for line in text.splitlines() for cell in line.split("|")]


class Proofs(unittest.TestCase):
    """Checks names only: whether a test proves what it should is for people to read."""

    maxDiff = None

    def test_every_named_proof_is_there(self) -> None:
        tests = {**{kind: google_tests(f"tests/{kind}") for kind in GOOGLE},
                 **{kind: python_tests(f"tests/{kind}") for kind in PYTHON}}
        missing = []
        seen = 0
        for document in DOCUMENTS:
            for cell in cells((sources.ROOT / document).read_text()):
                suite = ""
                for name in NAMED.findall(cell):
                    if name.startswith("."):
                        name = suite + name
                    suite = name.split(".")[0]
                    kind, _, pattern = name.partition("/")
                    pattern = pattern.replace("…", "*")
                    seen += 1
                    if kind not in tests or not fnmatch.filter(tests[kind], pattern):
                        missing.append(f"{document}: {name}")
        self.assertEqual(missing, [])
        self.assertGreater(seen, 50)


if __name__ == "__main__":
    unittest.main()
