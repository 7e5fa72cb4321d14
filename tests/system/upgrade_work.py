# SPDX-License-Identifier: Apache-2.0
"""The jobs that an upgrade has to carry over, and what each of them must end as.

Guarantees: each job appends its name to the ledger when it begins, outside of takt, so that one
that ran twice is seen whatever takt reports; what a running job writes is known to the byte, for it
counts its own lines; no two running jobs have the same exit code.
"""

import base64
import dataclasses
from collections.abc import Iterator

WITNESS = "/var/tmp/witness"
LEDGER = f"{WITNESS}/ledger"
LAUNCHERS = ("scope", "cgroup")
LEASE_S = 45
STOP_REASON = "wrong table"
# Of each launcher. All but the plain ones are looked at one by one.
SPECIAL = ("licence", "awaited", "lease", "paused", "ending", "owed", "direct", "damaged")
KINDS = ("plain",) * 12 + SPECIAL
MORE = {"licence": {"resources": {"counted": {"licence": 1}}}, "lease": {"lease": f"{LEASE_S}s"},
        "ending": {"stop": {"grace": "600s"}}}
RUNNING_SCRIPT = """\
echo {name} >> {ledger}; trap '{trap}' TERM
echo begins; echo begins as well >&2
n=0; until test -e {go}; do n=$((n+1)); echo out $n; echo err $n >&2; sleep 0.3; done
echo $n > {counted}; echo ends; exit {code}
"""


@dataclasses.dataclass
class Running:
    """A job that runs while the packages are replaced."""

    name: str
    kind: str
    launcher: str
    code: int
    job_id: str = ""

    @property
    def go(self) -> str:
        """The file that lets it end."""
        return f"{WITNESS}/go-{self.name}"

    @property
    def counted(self) -> str:
        """The file that holds how many lines of each stream it has written until then."""
        return f"{WITNESS}/counted-{self.name}"

    @property
    def state(self) -> str:
        """The state that it has before and after the upgrade."""
        return {"paused": "JOB_STATE_PAUSED", "ending": "JOB_STATE_ENDING"}.get(
            self.kind, "JOB_STATE_RUNNING")

    def spec(self) -> dict:
        """What to submit."""
        script = RUNNING_SCRIPT.format(name=self.name, ledger=LEDGER, go=self.go, code=self.code,
                                       counted=self.counted,
                                       trap="" if self.kind == "ending" else "exit 99")
        return {"name": self.name, "argv": ["sh", "-c", script], **launched(self.launcher),
                **MORE.get(self.kind, {})}

    def output(self, count: int) -> tuple[str, str]:
        """What it has written to its two streams when it has ended after `count` lines."""
        lines = range(1, count + 1)
        return ("".join(["begins\n", *(f"out {n}\n" for n in lines), "ends\n"]),
                "".join(["begins as well\n", *(f"err {n}\n" for n in lines)]))


def running_jobs() -> list[Running]:
    """Returns the jobs that are to run during the upgrade: 20 of each launcher."""
    jobs = []
    for base, launcher in zip((10, 40), LAUNCHERS):
        for number, kind in enumerate(KINDS):
            serial = f"-{number}" if kind == "plain" else ""
            jobs.append(Running(f"{kind}-{launcher}{serial}", kind, launcher, base + number))
    return jobs


def launched(launcher: str) -> dict:
    """Returns what a spec says of its launcher."""
    return {"launcher": f"LAUNCHER_{launcher.upper()}"}


@dataclasses.dataclass
class Finished:
    """A job that has ended before the upgrade, and what it ended as."""

    name: str
    spec: dict
    end: tuple[str, int | None]  # cause, and the exit code or the signal where that is known
    runs: int = 1  # how often it is in the ledger
    stdout: str | None = None  # where it is known
    stderr: str = ""
    job_id: str = ""


ODD_BYTES = bytes(range(256)) * 8
LINES = 6
CAP_BYTES = 1 << 20


def finished_jobs() -> Iterator[Finished]:
    """Returns the jobs that are to end before: one of each kind of end for each launcher."""
    for launcher in LAUNCHERS:
        def job(kind: str, script: str, end: tuple[str, int | None], *known: str, runs: int = 1,
                launcher: str = launcher, **more: object) -> Finished:
            name = f"{kind}-{launcher}"
            spec = {"name": name, "argv": ["sh", "-c", f"echo {name} >> {LEDGER}\n{script}"],
                    **launched(launcher), **more}
            return Finished(name, spec, end, runs, *known)

        yield job("well", "echo well", ("EXITED", 0), "well\n")
        yield job("failed", "echo oops >&2; exit 3", ("EXITED", 3), "", "oops\n")
        yield job("signaled", "kill -USR2 $$", ("SIGNALED", 12), "")
        yield job("none", "", ("START_FAILED", None), "", runs=0, argv=["/no/such/program"])
        yield job("slow", "echo up; sleep 1000", ("TIMED_OUT", None), "up\n", run_time_limit="1s")
        yield job("stopped", "echo up; exec sleep 1000", ("STOPPED", None), "up\n")
        # Slow enough for the times of its lines, and their order, to be on record.
        yield job("streams", f"for n in $(seq {LINES}); do echo o $n; sleep 0.15; echo e $n >&2;"
                             " sleep 0.15; done", ("EXITED", 0),
                  "".join(f"o {n}\n" for n in range(1, LINES + 1)),
                  "".join(f"e {n}\n" for n in range(1, LINES + 1)))
        yield job("bytes", "cat", ("EXITED", 0),
                  stdin_data=base64.b64encode(ODD_BYTES).decode())
        yield job("capped", f"yes | head -c {5 * CAP_BYTES}", ("EXITED", 0),
                  output_cap_bytes=CAP_BYTES)
        yield job("retried", "exit 5", ("EXITED", 5), "", runs=2,
                  retry={"max_attempts": 2, "backoff": "0.1s"})


TASKS = 90
TASK_SCRIPT = (f"echo task-{{launcher}}-$TAKT_ARRAY_INDEX >> {LEDGER};"
               " echo task $TAKT_ARRAY_INDEX; exit $((TAKT_ARRAY_INDEX % 7))")


def finished_arrays() -> list[dict]:
    """Returns the specs of an array of TASKS for each launcher; task N exits with N modulo 7."""
    return [{"name": f"tasks-{launcher}", "array": {"count": TASKS}, **launched(launcher),
             "argv": ["sh", "-c", TASK_SCRIPT.format(launcher=launcher)]}
            for launcher in LAUNCHERS]


QUEUED = 10  # of each group
LABEL = "role=later"  # that the worker gets after the upgrade


def queued_jobs(ids: dict[str, str]) -> dict[str, list[dict]]:
    """Returns the specs of what waits meanwhile, by why; `ids` has the running jobs' by name."""
    key, value = LABEL.split("=")
    constraint = {"key": key, "operator": "CONSTRAINT_OPERATOR_EQUAL", "values": [value]}

    def group(why: str, more: dict) -> list[dict]:
        return [{"name": f"{why}-{number}", **launched(LAUNCHERS[number % 2]), **more,
                 "argv": ["sh", "-c", f"echo {why}-{number} >> {LEDGER}; echo {why} {number}"]}
                for number in range(QUEUED)]

    jobs = {"held": group("held", {"hold": True, "priority": -5}),
            "labelled": group("labelled", {"constraints": [constraint]}),
            "counted": group("counted", MORE["licence"]),
            "following": group("following", {"dependencies": [
                {"job_id": ids[f"awaited-{launcher}"],
                 "condition": "DEPENDENCY_CONDITION_FAILURE"} for launcher in LAUNCHERS]})}
    jobs["array"] = [{"name": "array", "hold": True, "array": {"count": QUEUED}, "argv": [
        "sh", "-c", f"echo array-$TAKT_ARRAY_INDEX >> {LEDGER}; echo array $TAKT_ARRAY_INDEX"]}]
    return jobs
