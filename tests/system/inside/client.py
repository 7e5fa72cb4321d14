#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client in Python, written as any user would: grpc, and stubs made by protoc from our files.

Usage: client.py run ARGV...          submits, watches to the end, reads the output; one JSON line
       client.py reflect ADDRESS      the services that reflection lists, one a line
       client.py health               the health of the scheduler
       client.py resubmit FILE        submits jobs that append to FILE, each repeated with the same
                                      request_id until answered, until stdin is closed; prints "up"
                                      after the first, "cut" for each call that did not get its
                                      answer, then one JSON line
"""

import json
import pathlib
import select
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))

import grpc  # noqa: E402
import health_pb2  # noqa: E402
import health_pb2_grpc  # noqa: E402
import reflection_pb2  # noqa: E402
import reflection_pb2_grpc  # noqa: E402
from takt.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc, output_pb2  # noqa: E402

ADDRESS = "unix:/run/takt/scheduler.sock"
ENDED = (job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_STOPPED)
DEADLINE_S = 60


def run(channel: grpc.Channel, argv: list[str]) -> None:
    """Submits, follows by WatchJobs, reads by ReadOutput."""
    jobs = job_service_pb2_grpc.JobServiceStub(channel)
    submitted = jobs.SubmitJob(job_service_pb2.SubmitJobRequest(
        spec=job_pb2.JobSpec(argv=argv), request_id=str(uuid.uuid4())))
    output = {output_pb2.OUTPUT_STREAM_STDOUT: b"", output_pb2.OUTPUT_STREAM_STDERR: b""}
    complete = False
    for piece in jobs.ReadOutput(job_service_pb2.ReadOutputRequest(
            job_id=submitted.job_id, follow=True), timeout=DEADLINE_S):
        if piece.HasField("chunk"):
            assert piece.chunk.offset == len(output[piece.chunk.stream])
            output[piece.chunk.stream] += piece.chunk.data
        complete = complete or piece.complete
    states = []
    for change in jobs.WatchJobs(job_service_pb2.WatchJobsRequest(
            job_ids=[submitted.job_id]), timeout=DEADLINE_S):
        if change.HasField("event"):
            states.append(change.event.state)
            if change.event.state in ENDED:
                break
    job = jobs.GetJob(job_service_pb2.GetJobRequest(job_id=submitted.job_id)).job
    print(json.dumps({
        "job_id": submitted.job_id, "complete": complete, "exit_code": job.end.exit_code,
        "states": [job_pb2.JobState.Name(state) for state in states],
        "stdout": output[output_pb2.OUTPUT_STREAM_STDOUT].decode(),
        "stderr": output[output_pb2.OUTPUT_STREAM_STDERR].decode()}))


def reflect(_channel: grpc.Channel, address: str) -> None:
    """Asks the reflection service of a daemon what there is."""
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with grpc.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        for answer in stub.ServerReflectionInfo(iter([request]), timeout=DEADLINE_S):
            for service in answer.list_services_response.service:
                print(service.name)


def health(channel: grpc.Channel) -> None:
    """Asks the health service."""
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def submit_surely(jobs: job_service_pb2_grpc.JobServiceStub,
                  request: job_service_pb2.SubmitJobRequest) -> str:
    """Repeats the call until it is answered; returns the job's id."""
    while True:
        try:
            return jobs.SubmitJob(request, timeout=DEADLINE_S, wait_for_ready=True).job_id
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                raise
            print("cut", flush=True)


def resubmit(channel: grpc.Channel, path: str) -> None:
    """Submits under fire: a call without an answer is made again with its request_id."""
    jobs = job_service_pb2_grpc.JobServiceStub(channel)
    answered = []
    while not select.select([sys.stdin], [], [], 0)[0]:
        mark = str(uuid.uuid4())
        request = job_service_pb2.SubmitJobRequest(
            request_id=mark, spec=job_pb2.JobSpec(argv=["sh", "-c", f"echo {mark} >> {path}"]))
        first, again = submit_surely(jobs, request), submit_surely(jobs, request)
        answered.append({"mark": mark, "job_id": first, "again": again})
        if len(answered) == 1:
            print("up", flush=True)
    print(json.dumps(answered), flush=True)


def main() -> None:
    options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(ADDRESS, options) as channel:
        verb, rest = sys.argv[1], sys.argv[2:]
        if verb == "run":
            run(channel, rest)
        else:
            {"reflect": reflect, "health": health, "resubmit": resubmit}[verb](channel, *rest)


main()
