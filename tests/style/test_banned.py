# SPDX-License-Identifier: Apache-2.0
"""Calls that we do not make; each names what to use instead."""

import re
import unittest

import sources

# Pattern → (replacement, folders of src/ that may nevertheless).
BANNED = {
    r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets)\s*\(": ("fmt or std::string", ()),
    r"\b(atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|sscanf)\s*\(":
        ("std::from_chars or base/units.h", ()),
    r"(?<![\w.>])(system|popen)\s*\(": ("posix_spawn (base/process.h)", ()),
    r"\b(usleep|nanosleep)\s*\(|(?<![\w.>_])sleep\s*\(|\bsleep_(for|until)\s*\(":
        ("waiting for the event itself", ()),
    r"\b(rand|srand|tmpnam|mktemp)\s*\(": ("std::random_device, base/uuid.h, mkstemp", ()),
    r"(?<![\w.>:])(?:::)?signal\s*\(\s*SIG": ("sigaction or signalfd", ()),
    r"(?<![\w.>])v?fork\s*\(": ("the spawner (src/supervisor)", ("supervisor",)),
    r"\b(killpg|PR_SET_PDEATHSIG)\b": ("cgroup.kill", ()),
    r"(?<![\w.>:])(?:::)?kill\s*\([^()]*,": ("pidfd_send_signal or cgroup.kill", ()),
    r"\b(localtime|gmtime|ctime|asctime)\s*\(": ("localtime_r, gmtime_r, fmt", ()),
    r"(?<![\w])(strerror|strtok|readdir_r|getpwnam|getpwuid|getgrnam|getgrgid)\s*\(":
        ("base/result.h system_error, and the _r forms", ()),
    r"(?<![\w])(gethostbyname|inet_ntoa|inet_addr)\s*\(": ("getaddrinfo, inet_ntop", ()),
    r"(?<![\w])(setenv|putenv|unsetenv)\s*\(": ("an environment built from nothing", ()),
    r"(?<!static_)\bassert\s*\(": ("TAKT_CHECK (base/check.h)", ()),
    r"\bthrow\b": ("Result (base/result.h)", ()),
    r"\bstd::endl\b": ("'\\n'", ()),
    r"\busing\s+namespace\b(?!\s+std::(chrono_)?(string_view_)?literals)": ("the full name", ()),
}
# What still stands, as (file, matched call); this list only shrinks.
KNOWN: set[tuple[str, str]] = set()


class Banned(unittest.TestCase):
    """Searches src/ and the C++ tests."""

    maxDiff = None

    def test_no_banned_calls(self) -> None:
        wrong, known = [], set()
        for path in sources.files(*sources.CXX, below="src"):
            folder = path.relative_to(sources.ROOT / "src").parts[0]
            text = sources.code(path)
            for pattern, (instead, folders) in BANNED.items():
                if folder in folders:
                    continue
                for match in re.finditer(pattern, text):
                    place = (sources.name(path), match.group().strip())
                    if place in KNOWN:
                        known.add(place)
                        continue
                    line = text.count("\n", 0, match.start()) + 1
                    wrong.append(f"{place[0]}:{line}: {place[1]} … use {instead}")
        self.assertEqual(wrong, [])
        self.assertEqual(KNOWN - known, set(), "these are gone: take them out of KNOWN")

    def test_tests_do_not_sleep(self) -> None:
        wrong = []
        for path in sources.files(*sources.CXX, below="tests"):
            if re.search(r"\bsleep_(for|until)\s*\(|\b(u|nano)sleep\s*\(", sources.code(path)):
                wrong.append(sources.name(path))
        self.assertEqual(wrong, [], "wait for the event")
