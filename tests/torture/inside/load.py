# SPDX-License-Identifier: Apache-2.0
"""Has the planned jobs run, several at a time, and notes of each what was seen from outside.

Guarantees: every wait is bounded; whatever goes wrong with one job is noted as its trouble, with
what its folder holds, and the others go on.
"""

import concurrent.futures
import pathlib
import threading
import time
from collections.abc import Callable, Iterable

import calls
from calls import job_pb2
from plan import Plan, output

HERE = pathlib.Path(__file__).resolve().parent
STATE = pathlib.Path("/var/lib/takt")
ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_STOPPED")
AT_ONCE = 24
JOB_PATIENCE_S = 120
GRACE_S = 5
LAUNCHERS = {"": 0, "scope": job_pb2.LAUNCHER_SCOPE, "cgroup": job_pb2.LAUNCHER_CGROUP}


def spec_of(plan: Plan, witness: pathlib.Path) -> job_pb2.JobSpec:
    """Returns what is asked for."""
    words = [str(HERE / "job"), str(witness), str(plan.number), str(plan.stdout_bytes),
             str(plan.stderr_bytes), f"{plan.pause_ms / 1000:g}", plan.kind, str(plan.value)]
    spec = job_pb2.JobSpec(name=f"torture-{plan.number}", journal=plan.journal,
                           launcher=LAUNCHERS[plan.launcher])
    spec.stop.grace.FromSeconds(GRACE_S)
    spec.stop.target = (job_pb2.STOP_TARGET_LEADER if plan.leader_only
                        else job_pb2.STOP_TARGET_ALL)
    if plan.kind == "missing":
        spec.argv.append("/no/such/program")
    elif plan.script:
        spec.script = ("#!/bin/sh\nexec " + " ".join(words) + "\n").encode()
    else:
        spec.argv.extend(words)
    return spec


def first_difference(got: bytes, wanted: bytes) -> int | None:
    """Returns where the two differ as far as both go."""
    most = min(len(got), len(wanted))
    if got[:most] == wanted[:most]:
        return None
    return next(at for at in range(most) if got[at] != wanted[at])


def stream_seen(plan: Plan, stream: str, got: bytes) -> dict:
    """Returns how many bytes came, and where they are not what the job writes."""
    wanted = output(plan.number, stream, len(got))
    return {"bytes": len(got), "wrong_at": first_difference(got, wanted)}


class Load:
    """Runs jobs; a context manager that holds the connections."""

    def __init__(self, witness: pathlib.Path):
        self.witness = witness
        self._paths = {"scheduler": calls.ViaScheduler(), "direct": calls.Direct()}

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        for path in self._paths.values():
            path.close()

    def run(self, plans: Iterable[Plan], on_progress: Callable[[int], None]) -> list[dict]:
        """Runs all; tells whenever one is over how many are. Returns what was seen of each."""
        seen = []
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for job in concurrent.futures.as_completed([pool.submit(self._run, plan)
                                                        for plan in plans]):
                seen.append(job.result())
                on_progress(len(seen))
        return seen

    def _run(self, plan: Plan) -> dict:
        seen = {"number": plan.number, "job_id": "", "begin": time.time()}
        try:
            self._follow(plan, seen)
        except Exception as error:  # noqa: BLE001: every kind of trouble is a finding
            details = getattr(error, "details", lambda: "")()
            seen["trouble"] = f"{type(error).__name__}: {details or error}\n{evidence(seen)}"
        seen["took_s"] = time.time() - seen["begin"]
        return seen

    def _follow(self, plan: Plan, seen: dict) -> None:
        path = self._paths[plan.path]
        job_id = seen["job_id"] = path.start(spec_of(plan, self.witness))
        outputs: list[tuple[bytes, bytes] | Exception] = []
        reader = threading.Thread(target=self._read, args=(path, job_id, outputs))
        if plan.follow:
            reader.start()
        if plan.stopped:
            self._stop(plan, path, job_id)
        seen["job"] = self._wait_for_end(path, job_id)
        if not plan.follow:
            reader.start()
        reader.join()
        if isinstance(outputs[0], Exception):
            raise outputs[0]
        for stream, got in zip("oe", outputs[0]):
            seen[stream] = stream_seen(plan, stream, got)

    @staticmethod
    def _read(path: object, job_id: str, outputs: list) -> None:
        try:
            outputs.append(path.read(job_id))
        except Exception as error:  # noqa: BLE001: raised again where the job is dealt with
            outputs.append(error)

    def _stop(self, plan: Plan, path: object, job_id: str) -> None:
        ready = self.witness / f"{plan.number}.ready"
        deadline = time.monotonic() + JOB_PATIENCE_S
        look = time.monotonic() + 1
        while not plan.early and not ready.exists() and time.monotonic() < deadline:
            if time.monotonic() > look:
                if path.look(job_id)["state"] in ENDED:
                    return
                look = time.monotonic() + 1
            time.sleep(0.02)
        time.sleep(plan.stop_ms / 1000)
        path.stop(job_id, f"reason {plan.number}")

    def _wait_for_end(self, path: object, job_id: str) -> dict:
        deadline = time.monotonic() + JOB_PATIENCE_S
        while True:
            job = path.look(job_id)
            if job["state"] in ENDED:
                return job
            if time.monotonic() > deadline:
                raise TimeoutError(f"still {job['state']} after {JOB_PATIENCE_S} s: {job}")
            time.sleep(0.2)


def evidence(seen: dict) -> str:
    """Returns what the folders of a job hold, and which processes are its own."""
    text = []
    for folder in sorted(STATE.glob(f"jobs/{seen['job_id'] or 'none'}/*")):
        for file in sorted(folder.iterdir()):
            text.append(f"{file}: {file.stat().st_size} bytes")
            if file.name in ("supervisor", "stop", "exit"):
                text.append(file.read_text(errors="replace"))
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if seen["job_id"] and seen["job_id"] in (process / "cgroup").read_text():
                words = (process / "cmdline").read_text().replace("\0", " ")
                state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
                text.append(f"pid {process.name} {state}: {words}")
        except OSError:
            continue
    return "\n".join(text)
