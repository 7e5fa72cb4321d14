# SPDX-License-Identifier: Apache-2.0
"""What has to be on a scheduler's books after power cuts: compares what it was asked and what it
answered with what is there.

Guarantees: pure; every complaint has a kind, for the control run to ask for. `reports` are the
lines of inside/asker.py and inside/job, of all boots so far; `found` is what inside/ledger.py says.

- Every answered submission is there, and every answered stop, priority, hold and release.
- What was not answered is there whole or not at all; a job that nobody asked for is not.
- A request that is made again makes no second job, whether or not it was answered before.
- The store is sound.
- Once there is a worker, what is released has run once, and nothing else has.
"""

import collections

from .oracle import Complaint

FIELDS = ("held", "priority", "stop")
AGAIN = 10  # answered requests that are made again


def unanswered(reports: list[dict]) -> dict[str, list[str]]:
    """Returns the submissions that got no answer: names by request."""
    asked = {report["request"]: report["names"] for report in reports
             if report.get("asked") == "submit"}
    for report in reports:
        if report.get("told") == "submit":
            del asked[report["request"]]
    return asked


def to_repeat(reports: list[dict]) -> dict[str, list[str]]:
    """Returns the submissions that are made again: all without an answer, and the last with one."""
    told = [report for report in reports if report.get("told") == "submit"]
    return {**unanswered(reports),
            **{report["request"]: report["names"] for report in told[-AGAIN:]}}


def judge(reports: list[dict], found: dict, worker: bool = False) -> list[Complaint]:
    """Returns every broken promise; `worker` says whether there was one to run what is released."""
    return list(_Judge(reports, found, worker).complaints())


class _Judge:
    def __init__(self, reports: list[dict], found: dict, worker: bool):
        self.reports = reports
        self.found = found
        self.worker = worker
        self.told = {report["request"]: dict(zip(report["jobs"], report["names"]))
                     for report in reports if report.get("told") == "submit"}
        # By job and field: what it may be. An answer settles it, a question adds to it.
        self.may_be: dict[tuple[str, str], list] = collections.defaultdict(list)
        for report in reports:
            for kind in ("asked", "told"):
                if report.get(kind) in FIELDS:
                    known = self.may_be[report["job"], report[kind]]
                    known[:] = [*(known if kind == "asked" else ()), report["value"]]

    def complaints(self):
        """Yields all complaints."""
        if self.found["check"] != "ok":
            yield Complaint("not sound", self.found["check"])
        yield from self.about_submissions()
        yield from self.about_changes()
        yield from self.about_repetition()
        if self.worker:
            yield from self.about_runs()

    def about_submissions(self):
        """What was answered is there; what was not is there whole or not at all."""
        jobs = self.found["jobs"]
        for request, names in self.told.items():
            for job, name in names.items():
                if job not in jobs or jobs[job]["name"] != name:
                    yield Complaint("submit lost", f"{request}: {name}, told as {job}")
        there = collections.Counter(job["name"] for job in jobs.values())
        for request, names in unanswered(self.reports).items():
            if sum(there[name] for name in names) not in (0, len(names)):
                yield Complaint("half done", f"{request}: {[there[name] for name in names]}")
        asked = {name for report in self.reports if report.get("asked") == "submit"
                 for name in report["names"]}
        for name, count in there.items():
            if name not in asked:
                yield Complaint("invented", f"job {name}")
            elif count > 1:
                yield Complaint("double", f"job {name} is there {count} times")

    def about_changes(self):
        """A job is as it was last told to be, or as it was asked to be since."""
        first = {"held": True, "priority": 0, "stop": False}
        answered = {(report["job"], report["told"]) for report in self.reports
                    if report.get("told") in FIELDS}
        ids = {job for names in self.told.values() for job in names} | set(self.found["jobs"])
        for job in ids:
            is_there = self.found["jobs"].get(job, {"state": "gone"})
            now = {**is_there, "stop": is_there["state"] == "JOB_STATE_STOPPED"}
            for field in FIELDS:
                may_be = list(self.may_be[job, field])
                if (job, field) not in answered:
                    may_be.append(first[field])
                if field == "held" and now["stop"]:
                    continue  # an ended job is not held
                if is_there["state"] == "gone" and (job, field) not in answered:
                    continue  # told above
                if now.get(field) not in may_be:
                    yield Complaint(f"{field} lost", f"job {job}: {now.get(field)}, and not one of "
                                                     f"{may_be}")

    def about_repetition(self):
        """The same request is the same jobs."""
        before = {job["name"]: job_id for job_id, job in self.found["jobs"].items()}
        for request, names in to_repeat(self.reports).items():
            got = self.found["again"][request]
            told = list(self.told.get(request, {}))
            if told and got != told:
                yield Complaint("double", f"{request}: told {told}, then {got}")
            elif any(before.get(name, job) != job for name, job in zip(names, got)):
                yield Complaint("double", f"{request}: was there, and made again as {got}")
        there = collections.Counter(job["name"] for job in self.found["later"].values())
        for name, count in there.items():
            if count > 1:
                yield Complaint("double", f"job {name} is there {count} times in the end")

    def about_runs(self):
        """What is released has run once, and nothing else has."""
        ran = collections.Counter(report["job"] for report in self.reports
                                  if report.get("ran") == "begin")
        for job_id, job in self.found["later"].items():
            due = ((1, 1, "JOB_STATE_SUCCEEDED") if not job["held"]
                   and job["state"] != "JOB_STATE_STOPPED" else (0, 0, job["state"]))
            if (ran[job_id], job["attempts"], job["state"]) != due:
                yield Complaint("not once", f"job {job_id} ran {ran[job_id]} times in "
                                            f"{job['attempts']} attempts and is {job}")
