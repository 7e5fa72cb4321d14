# SPDX-License-Identifier: Apache-2.0
"""The two doors of takt as the programs in here use them, and the names that both sides know.

Every job of the load says how it has to end: a scheduler's job in its name, each one in what it
reports when it begins.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "stubs"))

import grpc  # noqa: E402

from takt.v1 import (job_end_pb2, job_pb2, job_service_pb2,  # noqa: E402
                     job_service_pb2_grpc, worker_service_pb2_grpc)

JOB = str(pathlib.Path(__file__).resolve().parent / "job")
DEADLINE_S = 60
ENDED = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_STOPPED)


def scheduler() -> job_service_pb2_grpc.JobServiceStub:
    """Connects to the scheduler."""
    return job_service_pb2_grpc.JobServiceStub(
        grpc.insecure_channel("unix:/run/takt/scheduler.sock"))


def worker() -> worker_service_pb2_grpc.WorkerServiceStub:
    """Connects to the worker."""
    return worker_service_pb2_grpc.WorkerServiceStub(
        grpc.insecure_channel("unix:/run/takt/worker.sock"))


def submit(jobs: job_service_pb2_grpc.JobServiceStub, request: str, names: list[str]) -> list[str]:
    """Submits held jobs of these names, as a batch if they are several; the same for the same
    request whenever that is made. Returns their ids."""
    specs = [job_pb2.JobSpec(argv=["sh", JOB, "0", "0"], name=name, hold=True) for name in names]
    if len(specs) == 1:
        return [jobs.SubmitJob(
            job_service_pb2.SubmitJobRequest(spec=specs[0], request_id=request),
            timeout=DEADLINE_S, wait_for_ready=True).job_id]
    return list(jobs.SubmitJobs(
        job_service_pb2.SubmitJobsRequest(specs=specs, request_id=request),
        timeout=DEADLINE_S, wait_for_ready=True).job_ids)


def end_of(end: job_end_pb2.JobEnd) -> dict:
    """Returns what was told of an end, in short."""
    said = {"cause": job_end_pb2.EndCause.Name(end.cause).removeprefix("END_CAUSE_")}
    for field in ("exit_code", "signal"):
        if end.HasField(field):
            said[field] = getattr(end, field)
    return said
