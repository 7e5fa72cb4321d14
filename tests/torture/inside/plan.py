# SPDX-License-Identifier: Apache-2.0
"""What each job of the torture suite shall do, made from a seed, and the bytes that it writes.

Guarantees: the same seed and number give the same plan, whatever the other jobs are.
"""

import dataclasses
import random
import signal

LINE_BYTES = 64
MOST_BYTES = 10_000_000

# Kinds, with how often they come. To be stopped: heed ends with its code at the stop signal, die
# ends by it, resist by nothing but SIGKILL. tree and chatter leave processes behind that resist.
KINDS = {"exit": 40, "signal": 15, "tree": 11, "chatter": 5, "heed": 9, "die": 9, "resist": 6,
         "missing": 5}
STOPPED_KINDS = ("heed", "die", "resist")
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGABRT,
           signal.SIGBUS, signal.SIGFPE, signal.SIGKILL, signal.SIGUSR1, signal.SIGSEGV,
           signal.SIGUSR2, signal.SIGPIPE, signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU,
           signal.SIGSYS, signal.SIGRTMIN + 1, signal.SIGRTMAX)


@dataclasses.dataclass(frozen=True)
class Plan:
    """One job: how it gets there, what it writes, how it ends."""

    number: int
    path: str  # scheduler, or direct: on the worker itself
    launcher: str  # scope, cgroup; nothing for the worker's own choice
    kind: str
    value: int  # the exit code, or the signal
    stdout_bytes: int
    stderr_bytes: int
    pause_ms: int  # between the two halves of its output
    stop_ms: int  # from when it is ready until it is asked to stop
    early: bool  # asked to stop without waiting until it is ready
    leader_only: bool  # the stop signal goes to the leader alone
    follow: bool  # its output is read while it runs
    script: bool
    journal: bool

    @property
    def stopped(self) -> bool:
        """Whether it waits to be stopped."""
        return self.kind in STOPPED_KINDS

    @property
    def told(self) -> str:
        """What the job writes to its witness file when it is about to end."""
        return f"{self.kind} {self.value} {self.stdout_bytes} {self.stderr_bytes}\n"


def make(seed: int, number: int) -> Plan:
    """Returns the plan of one job."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choices(list(KINDS), weights=list(KINDS.values()))[0]
    value = rng.choice(SIGNALS) if kind == "signal" else rng.choice((0, 0, rng.randrange(1, 256)))
    out, err = _size(rng, 0.2), _size(rng, 0.4)
    if kind == "missing":
        out = err = 0
    if kind == "chatter":  # goes on with whole lines
        err -= err % LINE_BYTES
    return Plan(
        number=number, path=rng.choice(("scheduler", "direct")),
        launcher=rng.choice(("", "", "", "", "", "scope", "cgroup")), kind=kind, value=int(value),
        stdout_bytes=out, stderr_bytes=err, pause_ms=rng.choice((0, rng.randrange(2000))),
        stop_ms=rng.choice((0, rng.randrange(500))), early=rng.random() < 0.25,
        leader_only=rng.random() < 0.4, follow=rng.random() < 0.2, script=rng.random() < 0.15,
        journal=out + err <= 64 * 1024 and rng.random() < 0.5)


def _size(rng: random.Random, empty: float) -> int:
    """Returns a number of bytes: often none, mostly few, at times millions."""
    chance = rng.random()
    if chance < empty:
        return 0
    if chance < 0.75:
        return rng.randrange(1, 4096)
    return rng.randrange(4096, 256 * 1024) if chance < 0.98 else rng.randint(10**6, MOST_BYTES)


def line(number: int, stream: str, index: int) -> str:
    """Returns one line of a job's stream ("o" or "e")."""
    return f"{number:05d}.{stream}.{index:09d} {'':45}\n"


def output(number: int, stream: str, size: int) -> bytes:
    """Returns the first `size` bytes of a job's stream."""
    lines = (line(number, stream, index) for index in range(-(-size // LINE_BYTES)))
    return "".join(lines).encode()[:size]
