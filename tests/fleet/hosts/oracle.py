# SPDX-License-Identifier: Apache-2.0
"""What has to be true once all jobs of inside/clients.py are over: each ran once and ended so.

Guarantees: pure; every complaint begins with its kind. `seen` is what the clients said at their
end; `lines` are (worker, name of the job, "JOB_ID ATTEMPT") as the jobs themselves noted it.
"""

import collections


def code_of(name: str) -> int:
    """Returns the exit code that a job carries in its name."""
    return int(name.rsplit("-", 1)[1])


def judge(seen: dict, lines: list[tuple[str, str, str]]) -> list[str]:
    """Returns every broken promise."""
    found = list(seen["faults"])
    jobs = {job["job_id"]: job for job in seen["jobs"]}
    submitted = {job_id: name for name, job_id in seen["submitted"].items()}
    found += [f"lost: {name}, told as {job_id}, is not listed"
              for job_id, name in submitted.items() if job_id not in jobs]
    found += [f"double: {job_id} is listed as {job['name']}, and nobody was told of it"
              for job_id, job in jobs.items() if job_id not in submitted]
    ran = collections.defaultdict(list)
    for worker, name, line in lines:
        ran[name].append((worker, *line.split()))
    found += [f"unasked: {name} ran, and nobody submitted it"
              for name in ran if name not in seen["submitted"]]
    for job_id, name in submitted.items():
        job = jobs.get(job_id, {"end": {}, "attempts": 0})
        if job["end"] != {"cause": "EXITED", "exit_code": code_of(name)}:
            found.append(f"wrong end: {name} is said to be {job['end']}")
        if [run[1:] for run in ran[name]] != [(job_id, "1")] or job["attempts"] != 1:
            found.append(f"not once: {name} ({job_id}) has {job['attempts']} attempts and ran as "
                         f"{ran[name]}")
        if seen["told"].get(job_id) != 1:
            found.append(f"not told once: the end of {name}, but {seen['told'].get(job_id, 0)} "
                         "times")
    return found
