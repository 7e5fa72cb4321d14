# SPDX-License-Identifier: Apache-2.0
"""Who may include what: the folders of src/ are layers (docs/architecture.md)."""

import re
import unittest

import sources

ALLOWED = {
    "base": set(),
    "cgroup": {"base"},
    "sd": {"base"},
    "config": {"base"},
    "job": {"base"},
    "attempt": {"base"},
    "store": {"base", "job"},
    "rpc": {"base", "job"},
    "supervisor": {"base", "cgroup", "sd", "attempt"},
    "worker": {"base", "cgroup", "sd", "config", "job", "rpc", "attempt", "compat"},
    "scheduler": {"base", "sd", "config", "job", "store", "rpc", "compat"},
    "compat": {"base", "config", "job", "rpc"},
    "cli": {"base", "cgroup", "config", "job", "rpc"},
}
# Include prefix (or whole name) of a library → the folders that may include it.
LIBRARIES = {
    "systemd/": {"sd"},
    "SQLiteCpp/": {"store"},
    "sqlite3.h": {"store"},
    "ini.h": {"config"},
    "INIReader.h": {"config"},
    "uuid/": {"base"},
    "openssl/": {"rpc"},
    "CLI/": {"cli", "worker", "scheduler", "compat"},
    "grpc": {"rpc", "worker", "scheduler", "compat", "cli"},
    "google/protobuf/": {"rpc", "worker", "scheduler", "compat", "cli"},
    "takt/": {"rpc", "worker", "scheduler", "compat", "cli"},
    "jobscheduler/": {"compat"},
}
_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


class Includes(unittest.TestCase):
    """Walks the #include lines of src/."""

    def test_layers(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX, below="src"):
            folder = path.relative_to(sources.ROOT / "src").parts[0]
            self.assertIn(folder, ALLOWED, "a new folder needs a line in the include rule")
            for _, target in _INCLUDE.findall(path.read_text()):
                top = target.split("/")[0]
                if "/" in target and top in ALLOWED and top != folder \
                        and top not in ALLOWED[folder]:
                    wrong.append(f"{sources.name(path)} includes {target}")
        self.assertEqual(wrong, [])

    def test_libraries(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX, below="src"):
            folder = path.relative_to(sources.ROOT / "src").parts[0]
            for _, target in _INCLUDE.findall(path.read_text()):
                for prefix, folders in LIBRARIES.items():
                    if target.startswith(prefix) and folder not in folders:
                        wrong.append(f"{sources.name(path)} includes {target}, "
                                     f"which is for {', '.join(sorted(folders))}")
        self.assertEqual(wrong, [])

    def test_quotes_are_for_our_headers(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX, below="src"):
            for mark, target in _INCLUDE.findall(path.read_text()):
                ours = target.split("/")[0] in ALLOWED or target.startswith(("takt/", "jobsched"))
                if "/" in target and (mark == '"') != ours:
                    wrong.append(f"{sources.name(path)}: {target}")
        self.assertEqual(wrong, [])

    def test_nothing_is_included_twice(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX):
            targets = [target for _, target in _INCLUDE.findall(path.read_text())]
            wrong += [f"{sources.name(path)} includes {target} twice"
                      for target in set(targets) if targets.count(target) > 1]
        self.assertEqual(wrong, [])
