#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzzers of build/fuzz, as many at once as there are processors, and says for each how
many inputs it ran, how many of these its parser took, how many are kept, and the result.

What libFuzzer keeps goes to build/fuzz/corpus/NAME, what it found to build/fuzz/found; the seeds
in tests/fuzz/corpus/NAME are read only. A finding that is mended belongs there, as a seed.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import surroundings

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SEEDS = SOURCE / "tests" / "fuzz" / "corpus"
BUILD = SOURCE / "build" / "fuzz"
FOUND = BUILD / "found"
GRACE_S = 60  # beyond its time, for a fuzzer on a busy machine
INPUT_MAX_BYTES = 4096
_TAKEN = re.compile(r"^takt::taken: (\d+)$", re.MULTILINE)
_PROGRESS = re.compile(r"^#\d+\t.*\n", re.MULTILINE)
_FINDING = re.compile(r"Test unit written to (\S+)")
_RUNS = re.compile(r"^stat::number_of_executed_units:\s+(\d+)$", re.MULTILINE)


def names() -> list[str]:
    """Returns the fuzzers that there are."""
    return sorted(path.name.removesuffix("_fuzz.cc")
                  for path in (SOURCE / "tests" / "fuzz").glob("*_fuzz.cc"))


@dataclasses.dataclass
class Result:
    """What became of one fuzzer; `trouble` is empty if all went well."""

    name: str
    runs: int = 0
    taken: int = 0
    kept: int = 0
    trouble: str = ""

    def line(self) -> str:
        return (f"{self.name:18} {self.runs:10} runs {self.taken:10} taken {self.kept:6} kept  "
                f"{'FAILED' if self.trouble else 'ok'}")


def program(name: str) -> pathlib.Path:
    """Returns the fuzzer's program."""
    return BUILD / "tests" / "fuzz" / f"{name}_fuzz"


def command(name: str, seconds: int) -> list[str]:
    """Returns how the fuzzer is called."""
    corpus = BUILD / "corpus" / name
    for folder in (corpus, FOUND):
        folder.mkdir(parents=True, exist_ok=True)
    # Newer kernels randomise addresses further than clang 14's runtime can take.
    fixed = ["setarch", "-R"]
    if subprocess.run([*fixed, "true"], check=False, capture_output=True).returncode != 0:
        fixed = []
    return [*fixed, str(program(name)), f"-max_total_time={seconds}",
            f"-max_len={INPUT_MAX_BYTES}", "-timeout=20", "-rss_limit_mb=1024",
            "-print_final_stats=1", f"-artifact_prefix={FOUND}/{name}-", str(corpus),
            str(SEEDS / name)]


def run(name: str, seconds: int) -> Result:
    """Runs one fuzzer for so many seconds."""
    result = Result(name)
    if not any((SEEDS / name).glob("*")):
        result.trouble = f"tests/fuzz/corpus/{name} has no seeds"
        return result
    # A found leak or a refused allocation is as good as a crash.
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=0",
           "UBSAN_OPTIONS": "print_stacktrace=1"}
    try:
        done = subprocess.run(command(name, seconds), cwd=BUILD, env=env, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=seconds + GRACE_S)
        said, code = done.stderr.decode(errors="replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        said, code = (late.stderr or b"").decode(errors="replace"), -1
    counts = [int(found.group(1)) if found else 0
              for found in (_RUNS.search(said), _TAKEN.search(said))]
    result.runs, result.taken = counts
    result.kept = len(list((BUILD / "corpus" / name).iterdir()))
    if code != 0:
        finding = _FINDING.search(said)
        again = f"\nagain: {program(name)} {finding.group(1)}" if finding else ""
        result.trouble = f"{_PROGRESS.sub('', said)[-8000:]}\n{name}: exit code {code}{again}"
    elif result.taken == 0:
        result.trouble = f"{name}: its parser took none of {result.runs} inputs: are the seeds old?"
    return result


def run_all(chosen: list[str], seconds: int) -> Iterator[Result]:
    """Runs the fuzzers; yields and prints each result as it comes."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(run, name, seconds) for name in chosen]
        for future in concurrent.futures.as_completed(futures):
            result = future.result()
            if result.trouble:
                print(result.trouble)
            print(result.line(), flush=True)
            yield result


def main() -> int:
    surroundings.prepare()
    known = names()
    parser = argparse.ArgumentParser(prog="tools/fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer (default 60)")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of " + ", ".join(known))
    options = parser.parse_args()
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error("no fuzzer is named " + ", ".join(sorted(unknown)))
    results = list(run_all(options.names or known, options.seconds))
    failed = sum(1 for result in results if result.trouble)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
