# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: what is measured, how, and what it is compared with."""

import dataclasses
import functools
import pathlib
import shutil
import statistics
import subprocess
from collections.abc import Callable

from testbed import CLIENT, COMMAND_S, LAUNCHERS, RAW, USER, Testbed, wait_script

IN_FLIGHT = "16"
WORKER_SOCKET, SCHEDULER_SOCKET = "/run/takt/worker.sock", "/run/takt/scheduler.sock"
RAW_CGROUP = "/sys/fs/cgroup/takt-bench-raw"
# The end of the last task is not that of all; the queue's own program ends with its user.
SPOOLER = ("export TS_SOCKET=/tmp/takt-bench-tsp; tsp -S 16; "
           "for i in $(seq {count}); do tsp -n /bin/true; done; "
           "for i in $(seq {last} {above}); do tsp -w $i; done; tsp -K")
SLURM = ("id=$(sbatch --parsable --output=/dev/null --array=1-{count} --wrap=/bin/true); "
         "while squeue --noheader --jobs=$id | grep -q .; do sleep 0.1; done")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much of each there is in a round."""

    large: int = 4000  # arrays
    small: int = 200
    raw: int = 2000
    scopes: int = 300  # starts by systemd, and by other slow peers
    starts: int = 1000
    calls: int = 50


QUICK = Sizes(large=200, small=40, raw=400, scopes=60, starts=100, calls=10)


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one measurement gave: jobs a second, or milliseconds."""

    value: float
    samples: tuple[float, ...] = ()  # single times in ms, if it is a time
    command_us: float = 0  # processor time of one command, where it was measured


@dataclasses.dataclass(frozen=True)
class Row:
    """One row; `measure` gives nothing where the peer is not installed."""

    key: str
    label: str
    measure: Callable[[Testbed, Sizes], Sample | None]
    yardsticks: tuple[str, ...] = ()


def of_loop(answer: dict) -> Sample:
    """Returns the rate of one of our loops."""
    return Sample(answer["count"] / answer["us"] * 1e6,
                  command_us=answer.get("children_cpu_us", 0) / answer["count"])


def of_times(times_us: list[float]) -> Sample:
    """Returns the median of single times."""
    times = tuple(time / 1000 for time in times_us)
    return Sample(statistics.median(times), times)


def raw_spawn(bed: Testbed, sizes: Sizes) -> Sample:
    return of_loop(bed.json(RAW, "spawn", str(sizes.raw), IN_FLIGHT))


def raw_clone(bed: Testbed, sizes: Sizes) -> Sample:
    return of_loop(bed.json(RAW, "clone", str(sizes.raw), IN_FLIGHT, RAW_CGROUP))


def raw_scope(bed: Testbed, sizes: Sizes) -> Sample:
    return of_loop(bed.json(RAW, "scope", str(sizes.scopes), IN_FLIGHT))


def array(launcher: str, slots: int, size: str, bed: Testbed, sizes: Sizes) -> Sample:
    """Submits an array by the command line and waits for its end."""
    bed.set_slots(slots)
    count = getattr(sizes, size)
    return Sample(count / bed.time_shell(wait_script(launcher, count)))


def starts(launcher: str, count: int) -> list[str]:
    """Returns the command that starts jobs on the worker directly."""
    return [CLIENT, "starts", WORKER_SOCKET, str(count), IN_FLIGHT, launcher]


def worker_alone(launcher: str, bed: Testbed, sizes: Sizes) -> Sample:
    count = sizes.starts if launcher == "cgroup" else sizes.scopes
    with bed.without_scheduler():
        return of_loop(bed.json(*starts(launcher, count), user=USER))


def first_byte(launcher: str, bed: Testbed, sizes: Sizes) -> Sample:
    return of_times(bed.json(CLIENT, "first-byte", SCHEDULER_SOCKET, str(sizes.calls), launcher,
                             user=USER)["us"])


def takt_run(launcher: str, bed: Testbed, sizes: Sizes) -> Sample:
    argv = ("takt", "run", "--no-journal", "-n", "--launcher", launcher, "--", "true")
    return of_times(bed.time(sizes.calls, argv)["us"])


def systemd_run(bed: Testbed, sizes: Sizes) -> Sample:
    argv = ("systemd-run", "--scope", "--quiet", "true")
    return of_times(bed.time(sizes.calls, argv, user=None)["us"])


def installed(bed: Testbed, program: str) -> bool:
    """Says whether the machine has a program."""
    return bed.machine.shell(f"command -v {program}", check=False).code == 0


def parallel(bed: Testbed, sizes: Sizes) -> Sample | None:
    if not installed(bed, "parallel"):
        return None
    count = sizes.scopes
    script = f"seq {count} | parallel --will-cite -n0 -j16 /bin/true"
    return Sample(count / bed.time_shell(script, user=None))


def spooler(bed: Testbed, sizes: Sizes) -> Sample | None:
    if not installed(bed, "tsp"):
        return None
    count = sizes.scopes
    script = SPOOLER.format(count=count, last=max(0, count - 16), above=count - 1)
    return Sample(count / bed.time_shell(script, user=None))


def slurm(_bed: Testbed, sizes: Sizes) -> Sample | None:
    """Slurm as the host has it; the machine has none."""
    if not shutil.which("sbatch"):
        return None
    script = SLURM.format(count=sizes.small)
    loop = pathlib.Path(__file__).parents[2] / "build/dev/bench/raw"
    done = subprocess.run([str(loop), "time", "1", "sh", "-ec", script], capture_output=True,
                          text=True, timeout=COMMAND_S, check=True)
    return Sample(sizes.small / float(done.stdout.split("[")[1].split("]")[0]) * 1e6)


YARDSTICKS = (
    Row("clone", "raw clone3 into a cgroup", raw_clone),
    Row("scope", "raw StartTransientUnit", raw_scope),
    Row("systemd-run", "`systemd-run --scope true`", systemd_run),
)


def rows() -> tuple[Row, ...]:
    """Returns the other rows, in the order in which they are printed."""
    of_launcher = {"cgroup": ("clone",), "scope": ("clone", "scope")}
    found = [Row("spawn", "raw posix_spawn", raw_spawn, ("clone",))]
    for launcher in LAUNCHERS:
        found.append(Row(f"worker {launcher}", f"worker alone, {launcher} launcher",
                         functools.partial(worker_alone, launcher), of_launcher[launcher]))
    for launcher in LAUNCHERS:
        for size, slots in (("large", 16), ("small", 1), ("small", 16), ("small", 64)):
            found.append(Row(
                f"array {launcher} {size} {slots}",
                f"whole way, {launcher} launcher, array of {{{size}}}, slots: {slots}",
                functools.partial(array, launcher, slots, size), of_launcher[launcher]))
    found += [Row("parallel", "GNU parallel, `parallel -j16`", parallel, ("clone",)),
              Row("tsp", "task-spooler, `tsp -S 16`", spooler, ("clone",)),
              Row("slurm", "Slurm, `sbatch --array`", slurm, ("clone",))]
    for launcher in LAUNCHERS:
        found += [Row(f"run {launcher}", f"`takt run -- true`, {launcher} launcher",
                      functools.partial(takt_run, launcher), ("systemd-run",)),
                  Row(f"byte {launcher}", f"submit → first byte, {launcher} launcher",
                      functools.partial(first_byte, launcher), ("systemd-run",))]
    return tuple(found)
