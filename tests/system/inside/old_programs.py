#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of the original design, written against its table of calls and nothing of ours.

Usage: old_programs.py conductor WORKER    drives a worker: reads one JSON list a line from stdin
                                           (["start", COMMAND, PATH], ["stop", ID], ["query", ID]),
                                           answers each with one JSON line
       old_programs.py worker SCHEDULER ADDRESS FOLDER
                                           a worker at ADDRESS that runs scripts in FOLDER and keeps
                                           its jobs in a map; prints its id and its process id
                                           when it has registered, and deregisters when stdin is
                                           closed
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))

import grpc  # noqa: E402
from jobscheduler import job_scheduler_pb2 as pb, job_scheduler_pb2_grpc as rpc  # noqa: E402

DEADLINE_S = 1
SIGNALS = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated", signal.SIGSEGV:
           "segmentation fault"}


def conductor(address: str) -> None:
    """Makes one call a line."""
    with grpc.insecure_channel(address) as channel:
        worker = rpc.WorkerStub(channel)
        for line in sys.stdin:
            verb, *words = json.loads(line)
            try:
                if verb == "start":
                    answer = {"id": worker.StartJob(pb.StartJobRequest(
                        command=words[0], path=words[1]), timeout=DEADLINE_S).jobID}
                elif verb == "stop":
                    worker.StopJob(pb.StopJobRequest(jobID=words[0]), timeout=DEADLINE_S)
                    answer = {}
                else:
                    said = worker.QueryJob(pb.QueryJobRequest(jobID=words[0]), timeout=DEADLINE_S)
                    answer = {"done": said.done, "error": said.error, "text": said.errorText}
            except grpc.RpcError as error:
                answer = {"code": error.code().name, "message": error.details()}
            print(json.dumps(answer), flush=True)


class Worker(rpc.WorkerServicer):
    """Its jobs are child processes, known by a UUID for as long as it lives."""

    def __init__(self, folder: str):
        self._folder = folder
        self._jobs: dict[str, subprocess.Popen] = {}

    def StartJob(self, request, context):
        """Starts a script."""
        try:
            process = subprocess.Popen([request.command, request.path], cwd=self._folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        except OSError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        job = str(uuid.uuid4())
        self._jobs[job] = process
        return pb.StartJobResponse(jobID=job)

    def StopJob(self, request, context):
        """Kills it; one that has ended is a success."""
        self._find(request.jobID, context).kill()
        return pb.StopJobResponse()

    def QueryJob(self, request, context):
        """Says how it stands."""
        code = self._find(request.jobID, context).poll()
        if code is None:
            return pb.QueryJobResponse()
        text = f"signal: {SIGNALS.get(-code, f'signal {-code}')}" if code < 0 else \
            f"exit status {code}" if code else ""
        return pb.QueryJobResponse(done=True, error=bool(text), errorText=text)

    def _find(self, job: str, context: grpc.ServicerContext) -> subprocess.Popen:
        """Returns the process of a job."""
        if job not in self._jobs:
            context.abort(grpc.StatusCode.UNKNOWN, "job not found")
        return self._jobs[job]


def worker(scheduler: str, address: str, folder: str) -> None:
    """Serves, registers, waits for the end of stdin, deregisters."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    rpc.add_WorkerServicer_to_server(Worker(folder), server)
    server.add_insecure_port(address)
    server.start()
    with grpc.insecure_channel(scheduler) as channel:
        stub = rpc.SchedulerStub(channel)
        known = stub.RegisterWorker(pb.RegisterWorkerRequest(address=address), timeout=DEADLINE_S)
        assert known.success
        print(known.workerID, os.getpid(), flush=True)
        sys.stdin.read()
        gone = stub.DeregisterWorker(pb.DeregisterWorkerRequest(workerID=known.workerID),
                                     timeout=DEADLINE_S)
        assert gone.success
    server.stop(0)


{"conductor": conductor, "worker": worker}[sys.argv[1]](*sys.argv[2:])
