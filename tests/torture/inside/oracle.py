# SPDX-License-Identifier: Apache-2.0
"""Judges one job of the torture suite: what was told of it against what it said itself.

Guarantees: pure; every fault is one line that names the job. What is excused, and why, stands here
and nowhere else: a supervisor that the test killed may be lost, and with it the rest of the output.
"""

import os
from collections.abc import Iterator

from plan import Plan

LOST_NOTE = "cleanup lost"  # of a supervisor that was lost after it had seen why the job ends
SIGTERM, SIGKILL = 15, 9


def judge(plan: Plan, seen: dict, killed: set[str]) -> list[str]:
    """Returns the faults of a job. `seen` is from load.py, its "witness" and "folder" from
    leftovers.py; `killed` has the attempts whose supervisor the test killed."""
    found = list(_faults(plan, seen, killed))
    return [f"job {plan.number} ({plan.path}, {plan.kind}) {seen.get('job_id')}: {fault}"
            for fault in found]


def _faults(plan: Plan, seen: dict, killed: set[str]) -> Iterator[str]:
    if "trouble" in seen:
        yield seen["trouble"]
        return
    job, end = seen["job"], seen["job"].get("end", {})
    ran = [attempt for attempt in job.get("attempts", []) if "start_time" in attempt]
    if len(ran) > 1:
        yield f"ran {len(ran)} times by its record: {job}"
        return
    if len(seen["witness"]["began"]) > 1:
        yield f"was started {len(seen['witness']['began'])} times by its witness"
    last = job["attempts"][-1] if job.get("attempts") else {}
    hit = f"{seen['job_id']}.{last.get('number', 0)}" in killed
    yield from _cause(plan, seen, end, hit)
    yield from _record(seen, last, end)
    yield from _output(plan, seen, end, last)


def _cause(plan: Plan, seen: dict, end: dict, hit: bool) -> Iterator[str]:
    cause = end.get("cause", "").removeprefix("END_CAUSE_")
    if hit and cause == "SUPERVISOR_LOST":
        for known in ("leader_status", "ending"):
            if known in seen["folder"]:
                yield f"SUPERVISOR_LOST, though {known} {seen['folder'][known]} is on record"
        return
    if hit and cause == "START_FAILED" and end.get("failed_step") == "supervisor":
        if seen["witness"]["began"]:
            yield "START_FAILED, though the job began"
        return
    if end.get("note") and not (hit and end["note"] == LOST_NOTE):
        yield f"has the note {end['note']!r}"
    if plan.stopped:
        yield from _stop(plan, seen, end, cause, hit)
    elif plan.kind == "missing":
        if (cause, end.get("failed_step"), end.get("error_number")) != ("START_FAILED", "exec", 2):
            yield f"wrong end {end}"
    else:
        wanted = ({"cause": "END_CAUSE_SIGNALED", "signal": plan.value} if plan.kind == "signal"
                  else {"cause": "END_CAUSE_EXITED", "exit_code": plan.value})
        if any(end.get(key) != value for key, value in wanted.items()):
            yield f"ended as {end}, not as {wanted}"
        if len(seen["witness"]["began"]) != 1 or seen["witness"]["end"] != plan.told:
            yield f"its witness says {seen['witness']}, not {plan.told!r}"


def _stop(plan: Plan, seen: dict, end: dict, cause: str, hit: bool) -> Iterator[str]:
    if cause != "STOPPED":
        yield f"was stopped, and ended as {end}"
        return
    if not end.get("stopped_by") or end.get("reason") != f"reason {plan.number}":
        yield f"the stop's who and why got lost: {end}"
    ready = seen["witness"]["ready"] and not plan.early
    code, number = end.get("exit_code"), end.get("signal")
    if not ready:
        return  # wherever the signal met it, SIGKILL or its own code are true
    if (code, number) == (None, None) and end.get("note") == LOST_NOTE:
        return  # the worker has killed it
    wanted = {"heed": (plan.value, None), "die": (None, SIGTERM), "resist": (None, SIGKILL)}
    if (code, number) != wanted[plan.kind]:
        yield f"was stopped, and its leader ended as {code}/{number}, not {wanted[plan.kind]}"
    if plan.kind == "heed" and seen["witness"]["end"] != plan.told:
        yield f"heeded the stop, and its witness says {seen['witness']['end']!r}"
    if plan.kind == "resist" and not end.get("killed") and not hit:
        yield "needed SIGKILL, which is not on record"


def _record(seen: dict, last: dict, end: dict) -> Iterator[str]:
    """The worker's own record says the same as what was told."""
    cause = seen["folder"].get("cause")
    if last.get("start_time") is None and cause is None:
        return  # never got there
    if cause is None or cause.upper() != end["cause"].removeprefix("END_CAUSE_"):
        yield f"told as {end['cause']}, on record as {cause}"
    status = seen["folder"].get("wait_status")
    told = (end.get("exit_code"), end.get("signal"))
    kept = (None, None)
    if status is not None:
        kept = ((os.WEXITSTATUS(status), None) if os.WIFEXITED(status)
                else (None, os.WTERMSIG(status)))
    if kept != told:
        yield f"leader told as {told}, on record as {kept}"
    leader = seen["folder"].get("leader_status")
    if leader is not None and leader != status:
        yield f"leader's status {leader} on record, {status} in the end"


def _output(plan: Plan, seen: dict, end: dict, last: dict) -> Iterator[str]:
    lost = end.get("cause") == "END_CAUSE_SUPERVISOR_LOST" or end.get("note") == LOST_NOTE
    never_ran = end.get("cause") == "END_CAUSE_START_FAILED"
    whole = not (lost or never_ran or plan.stopped and not seen["witness"]["ready"])
    for stream, name in (("o", "stdout"), ("e", "stderr")):
        got = seen[stream]
        size = 0 if never_ran else getattr(plan, f"{name}_bytes")
        endless = plan.kind == "chatter" and stream == "e"
        if got["wrong_at"] is not None:
            yield f"{name} is wrong from byte {got['wrong_at']} on"
        if got["bytes"] > size and not endless:
            yield f"{name} has {got['bytes']} bytes, {got['bytes'] - size} too many"
        if got["bytes"] < size and whole:
            yield f"{name} has {got['bytes']} bytes of {size}"
        if got["bytes"] != seen["folder"].get(name, 0):
            yield f"{name} has {got['bytes']} bytes, its file {seen['folder'].get(name, 0)}"
        told = int(last.get("usage", {}).get(f"{name}_bytes", -1))
        if last.get("start_time") and not lost and told != got["bytes"]:
            yield f"{name} has {got['bytes']} bytes, told as {told}"
