# SPDX-License-Identifier: Apache-2.0
"""Every file: license line, size, width, header guard; every function: length."""

import ast
import subprocess
import unittest

import sources
from functions import functions

SPDX = "SPDX-License-Identifier: Apache-2.0"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_COLUMNS = 100


class Layout(unittest.TestCase):
    """Checks of the text alone."""

    maxDiff = None

    def test_spdx_line_comes_first(self) -> None:
        wrong = []
        for path in sources.files(".cc", ".h", ".proto", ".py", ".sql", ""):
            lines = path.read_text().splitlines()[:2]
            mark = {".py": "# ", "": "# ", ".sql": "-- "}.get(path.suffix, "// ")
            first = lines[1:] if lines and lines[0].startswith("#!") else lines
            if first and first[0] != mark + SPDX or not first and path.stat().st_size:
                wrong.append(sources.name(path))
        self.assertEqual(wrong, [])

    def test_headers_have_pragma_once(self) -> None:
        wrong = [sources.name(path) for path in sources.files(".h")
                 if "#pragma once" not in path.read_text().splitlines()]
        self.assertEqual(wrong, [])

    def test_files_are_short(self) -> None:
        wrong = []
        for path in sources.files(".cc", ".h", ".proto", ".py", ""):
            # The proto files hold the whole API, with a comment above each field.
            lines = len(path.read_text().splitlines())
            if lines > MAX_FILE_LINES and path.suffix != ".proto":
                wrong.append(f"{sources.name(path)}: {lines} lines")
        self.assertEqual(wrong, [])

    def test_lines_fit(self) -> None:
        wrong = []
        for path in sources.files(".cc", ".h", ".proto", ".py", ""):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if len(line) > MAX_COLUMNS:
                    wrong.append(f"{sources.name(path)}:{number}: {len(line)} columns")
        self.assertEqual(wrong, [])

    def test_cxx_functions_are_short(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX):
            for name, line, length in functions(sources.code(path)):
                if length > MAX_FUNCTION_LINES:
                    wrong.append(f"{sources.name(path)}:{line}: {name} has {length} lines")
        self.assertEqual(wrong, [])

    def test_python_functions_are_short(self) -> None:
        wrong = []
        for path in sources.files(".py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    length = node.end_lineno - node.lineno + 1
                    if length > MAX_FUNCTION_LINES:
                        wrong.append(f"{sources.name(path)}:{node.lineno}: {node.name}: {length}")
        self.assertEqual(wrong, [])

    def test_functions_are_found_at_all(self) -> None:
        text = ("namespace a {\nstruct S {\n  S(int y) : b_{y} {\n  }\n  int f() const {\n"
                "    auto g = [] {\n    };\n  }\n  int b_ = {};\n};\n}\n")
        self.assertEqual(list(functions(text)), [("S", 3, 2), ("f", 5, 4)])

    def test_shell_scripts_parse(self) -> None:
        scripts = sources.files("")
        self.assertTrue(scripts)
        for path in scripts:
            done = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), sources.name(path))
