# SPDX-License-Identifier: Apache-2.0
"""The two ways to have a job run, by gRPC: through the scheduler, and directly on the worker.

Guarantees: a call that a blow cut off is made again until it is answered, for a bounded time; one
that is refused for another reason is raised.
"""

import pathlib
import sys
import time
import uuid
from collections.abc import Callable, Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "stubs"))

import grpc  # noqa: E402
from google.protobuf import json_format  # noqa: E402
from takt.v1 import (job_pb2, job_service_pb2, job_service_pb2_grpc, output_pb2,  # noqa: E402
                     worker_service_pb2, worker_service_pb2_grpc)

OPTIONS = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
CALL_S = 20  # a daemon may be stopped for some seconds
PATIENCE_S = 90
PAUSE_S = 0.1


class NoAnswer(Exception):
    """Nobody answered for so long that it counts as a hang."""


def cut_off(error: grpc.RpcError) -> bool:
    """Says whether the call may be made again: a daemon went away, or was busy being stopped."""
    return (error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                             grpc.StatusCode.DEADLINE_EXCEEDED)
            or (error.code() == grpc.StatusCode.UNKNOWN and "Stream removed" in error.details()))


def surely(call: Callable, request: object) -> object:
    """Makes a call again until it is answered."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call(request, timeout=CALL_S, wait_for_ready=True)
        except grpc.RpcError as error:
            if not cut_off(error):
                raise
            if time.monotonic() > deadline:
                raise NoAnswer(f"{type(request).__name__}: {error.details()}") from error
        time.sleep(PAUSE_S)


def read_to_the_end(pieces: Callable[[int, int], Iterator]) -> tuple[bytes, bytes]:
    """Reads both streams until they are complete; goes on at its offsets when it is cut off."""
    out, err = bytearray(), bytearray()
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            for piece in pieces(len(out), len(err)):
                if piece.HasField("chunk"):
                    mine = out if piece.chunk.stream == output_pb2.OUTPUT_STREAM_STDOUT else err
                    if piece.chunk.offset != len(mine):
                        raise AssertionError(f"chunk at {piece.chunk.offset}, not at {len(mine)}")
                    mine += piece.chunk.data
                if piece.complete:
                    return bytes(out), bytes(err)
        except grpc.RpcError as error:
            if not cut_off(error):
                raise
        if time.monotonic() > deadline:
            raise NoAnswer("the output never became complete")
        time.sleep(PAUSE_S)


class ViaScheduler:
    """JobService, as users call it."""

    def __init__(self) -> None:
        self._channel = grpc.insecure_channel("unix:/run/takt/scheduler.sock", OPTIONS)
        self._stub = job_service_pb2_grpc.JobServiceStub(self._channel)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def start(self, spec: job_pb2.JobSpec) -> str:
        """Submits; returns the job's id."""
        request = job_service_pb2.SubmitJobRequest(spec=spec, request_id=str(uuid.uuid4()))
        return surely(self._stub.SubmitJob, request).job_id

    def stop(self, job_id: str, reason: str) -> None:
        """Stops the job."""
        surely(self._stub.StopJob, job_service_pb2.StopJobRequest(job_id=job_id, reason=reason))

    def look(self, job_id: str) -> dict:
        """Returns the job."""
        answer = surely(self._stub.GetJob, job_service_pb2.GetJobRequest(job_id=job_id))
        return json_format.MessageToDict(answer.job, preserving_proto_field_name=True)

    def read(self, job_id: str) -> tuple[bytes, bytes]:
        """Returns all output, once the job has ended."""
        return read_to_the_end(lambda out, err: self._stub.ReadOutput(
            job_service_pb2.ReadOutputRequest(job_id=job_id, stdout_offset=out, stderr_offset=err,
                                              follow=True),
            timeout=PATIENCE_S, wait_for_ready=True))


class Direct:
    """WorkerService, without the scheduler."""

    def __init__(self) -> None:
        self._channel = grpc.insecure_channel("unix:/run/takt/worker.sock", OPTIONS)
        self._stub = worker_service_pb2_grpc.WorkerServiceStub(self._channel)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def start(self, spec: job_pb2.JobSpec) -> str:
        """Starts a job, once however often the call is made; returns when it runs or has ended."""
        answer = surely(self._stub.StartJob, worker_service_pb2.WorkerServiceStartJobRequest(
            spec=spec, request_id=str(uuid.uuid4())))
        return answer.attempt.job_id

    def stop(self, job_id: str, reason: str) -> None:
        """Stops the job."""
        surely(self._stub.StopJob, worker_service_pb2.WorkerServiceStopJobRequest(
            job_id=job_id, reason=reason))

    def look(self, job_id: str) -> dict:
        """Returns the one attempt in the shape of a job."""
        answer = surely(self._stub.QueryJob, worker_service_pb2.QueryJobRequest(job_id=job_id))
        attempt = json_format.MessageToDict(answer.attempt, preserving_proto_field_name=True)
        return {"job_id": job_id, "state": attempt["state"], "end": attempt.get("end", {}),
                "attempts": [attempt]}

    def read(self, job_id: str) -> tuple[bytes, bytes]:
        """Returns all output, once the job has ended."""
        return read_to_the_end(lambda out, err: self._stub.ReadOutput(
            worker_service_pb2.WorkerServiceReadOutputRequest(
                job_id=job_id, stdout_offset=out, stderr_offset=err, follow=True),
            timeout=PATIENCE_S, wait_for_ready=True))
