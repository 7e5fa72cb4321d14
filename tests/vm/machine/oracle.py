# SPDX-License-Identifier: Apache-2.0
"""What has to be true after power cuts: compares what was told with what is known afterwards.

Guarantees: pure; every complaint has a kind, for the control run to ask for. `reports` are the
lines of inside/load.py and inside/job, of all boots so far; `found` is what inside/survey.py says.

- A told submission is there; a told end is there, unchanged; a told start has an attempt.
- A command that ran is known, and ran once.
- Nothing stays under way; nothing stays owed.
- No end is invented: a job has exited with the code that it carries, after it said so itself, or
  its worker was lost, in another boot than this. Nothing else can have happened to these jobs.
- Scheduler and worker say the same.
"""

import collections
import dataclasses

ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED")


@dataclasses.dataclass(frozen=True)
class Complaint:
    """One broken promise."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def code_in(name: str) -> int:
    """Returns the exit code that the name of a scheduler's job carries."""
    return int(name.rsplit("-", 1)[1])


def judge(reports: list[dict], found: dict) -> list[Complaint]:
    """Returns every broken promise."""
    return list(_Judge(reports, found).complaints())


class _Judge:
    def __init__(self, reports: list[dict], found: dict):
        self.told = [report for report in reports if "told" in report]
        self.ran = collections.Counter(
            (report["ran"], report["job"], str(report["attempt"])) for report in reports
            if "ran" in report)
        # What a job has to exit with, as it reported when it began. Others never exited.
        self.codes = {report["job"]: report["code"] for report in reports if "ran" in report}
        self.found = found
        self.known = {"scheduler": {job: known["attempts"]
                                    for job, known in found["jobs"].items()},
                      "worker": found["attempts"]}

    def complaints(self):
        """Yields all complaints."""
        for report in self.told:
            yield from self.about_told(report)
        yield from self.about_commands()
        yield from self.about_loose_ends()
        for job, known in self.found["jobs"].items():
            for number, attempt in known["attempts"].items():
                yield from self.about_end(job, number, attempt, code_in(known["name"]))
        for job, attempts in self.found["attempts"].items():
            if job in self.found["jobs"]:
                yield from self.about_agreement(job, attempts)
                continue
            for number, attempt in attempts.items():
                yield from self.about_end(job, number, attempt, self.codes.get(job))

    def about_told(self, report: dict):
        """What a client was told is true for ever."""
        door, told, job = report["door"], report["told"], report["job"]
        attempts = self.known[door].get(job)
        if attempts is None:
            yield Complaint(f"{door}: {told} lost", f"job {job} is not known")
            return
        if told == "submitted":
            return
        attempt = attempts.get(str(report["attempt"]))
        if attempt is None:
            yield Complaint(f"{door}: {told} lost", f"job {job} has no such attempt")
        elif told == "ended" and attempt["end"] != report["end"]:
            yield Complaint(f"{door}: end changed", f"job {job}: told {report['end']}, "
                                                    f"now {attempt['end']}")

    def about_commands(self):
        """What ran is known to whom it belongs, and ran once."""
        runs = collections.Counter()
        for (ran, job, number), count in self.ran.items():
            if ran != "begin":
                continue
            runs[job] += count
            door = "scheduler" if job in self.found["jobs"] else "worker"
            if number not in self.known[door].get(job, {}):
                yield Complaint(f"{door}: attempt lost", f"job {job} ran, and has no attempt")
        for job, count in runs.items():
            if count > 1:
                yield Complaint("ran twice", f"job {job} began {count} times")

    def about_loose_ends(self):
        """Everything comes to an end."""
        for job, known in self.found["jobs"].items():
            if known["state"] not in ENDED:
                yield Complaint("not accounted for", f"job {job} stays {known['state']}")
        for link in self.found["active"]:
            yield Complaint("not accounted for", f"attempt {link} stays active")

    def about_end(self, job: str, number: str, attempt: dict, code: int | None):
        """An attempt's end is one that it can have had."""
        end = attempt["end"]
        if end is None:
            yield Complaint("not accounted for", f"attempt {number} of job {job} has no end")
        elif end == {"cause": "EXITED", "exit_code": code}:
            if not self.ran["end", job, number]:
                yield Complaint("end invented", f"job {job} exited, and was not that far")
        elif end != {"cause": "WORKER_LOST"}:
            yield Complaint("end invented", f"job {job} carries {code}, said to be {end}")
        elif attempt["boot"] == self.found["boot"]:
            yield Complaint("end invented", f"job {job} is said to be lost in this very boot")

    def about_agreement(self, job: str, attempts: dict):
        """The worker says of a scheduler's job what the scheduler says."""
        for number, attempt in attempts.items():
            said = self.found["jobs"][job]["attempts"].get(number, {"end": None})
            if said["end"] != attempt["end"]:
                yield Complaint("no agreement", f"job {job}: the scheduler says {said['end']}, the "
                                                f"worker {attempt['end']}")
