# SPDX-License-Identifier: Apache-2.0
"""What tools/test --quick runs: the unit and component tests of what has changed.

A change below src/X or tests/unit/X asks for the unit tests of X. A change of what the daemons are
made of asks for the component tests, too. What depends on X is compiled, but its unit tests are for
the whole run.
"""

import argparse
import pathlib
import subprocess
from collections.abc import Callable

from steps import SOURCE, Count, Steps, meson_tests

UNIT_BUDGET_S, COMPONENT_BUDGET_S = 4 * 60, 8 * 60
COMPONENT = ("src/worker", "src/scheduler", "src/supervisor", "src/compat", "tests/component")
PROGRAMS = tuple(f"{name}:executable"
                 for name in ("takt", "takt-scheduler", "takt-worker", "takt-supervisor"))
UNIT_NEEDS = {"cli": "takt:executable", "threads": "takt-supervisor:executable",
              "worker": "takt-supervisor:executable", "supervisor": "takt-supervisor:executable"}


def git(*arguments: str) -> list[str]:
    """Returns the lines that git prints; none outside a repository."""
    done = subprocess.run(["git", "-c", "safe.directory=*", *arguments], cwd=SOURCE, check=False,
                          capture_output=True, text=True)
    return done.stdout.splitlines()


def changed() -> list[str]:
    """Returns the files that differ from the last commit; if none does, those that it changed."""
    now = git("diff", "--name-only", "HEAD") + git("ls-files", "--others", "--exclude-standard")
    return now or git("diff", "--name-only", "HEAD~1", "HEAD")


def unit_folders(files: list[str]) -> list[str]:
    """Returns the folders of tests/unit that have to do with these files."""
    parts = [pathlib.PurePath(file).parts for file in files]
    names = {part[1] for part in parts if part[0] == "src" and len(part) > 2}
    names |= {part[2] for part in parts if part[:2] == ("tests", "unit") and len(part) > 3}
    return sorted(name for name in names
                  if (SOURCE / "tests" / "unit" / name / "meson.build").exists())


def suites() -> list[tuple[str, Callable[[Steps, argparse.Namespace], Count]]]:
    """Returns what is to be run, by name; nothing if no code has changed."""
    files = changed()
    folders = unit_folders(files)

    def unit(steps: Steps, _options: argparse.Namespace) -> Count:
        needs = {UNIT_NEEDS[folder] for folder in folders if folder in UNIT_NEEDS}
        built = steps.build("dev", *(f"{folder}_test" for folder in folders), *sorted(needs))
        return built if built.failed else meson_tests(
            "dev", "unit", UNIT_BUDGET_S, *(f"unit-{folder}" for folder in folders))

    def component(steps: Steps, _options: argparse.Namespace) -> Count:
        built = steps.build("dev", "component_test", *PROGRAMS)
        return built if built.failed else meson_tests("dev", "component", COMPONENT_BUDGET_S)

    found: list[tuple[str, Callable[[Steps, argparse.Namespace], Count]]] = []
    if folders:
        found.append(("unit", unit))
    if any(file.startswith(COMPONENT) for file in files):
        found.append(("component", component))
    return found
