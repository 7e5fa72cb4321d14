#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls every RPC of a daemon about one job, and looks for a text in all that comes back.

Usage: every_rpc.py SOCKET JOB TEXT SERVICE.... Prints for each RPC one JSON line
{"rpc": …, "code": …, "shows": whether TEXT was in an answer or in the status}.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: E402

from takt.v1 import (job_service_pb2, operator_service_pb2,  # noqa: E402, F401
                     registry_service_pb2, worker_service_pb2)

DEADLINE_S = 60


def name_job(message, job: str) -> None:
    """Names the job wherever the message can name one."""
    for field in message.DESCRIPTOR.fields:
        if field.name == "job_id":
            message.job_id = job
        elif field.name == "job_ids":
            message.job_ids.append(job)
        elif field.name == "argv":
            message.argv.append("true")
        elif field.name == "priority":
            message.priority = 0
        elif field.name == "spec":
            name_job(message.spec, job)
        elif field.name == "specs":
            name_job(message.specs.add(), job)
        elif field.name == "dependencies":
            message.dependencies.add(job_id=job, condition=2)


def method_of(descriptor):
    """Returns the method's own message, which alone knows what streams."""
    service = descriptor_pb2.ServiceDescriptorProto()
    descriptor.containing_service.CopyToProto(service)
    return next(method for method in service.method if method.name == descriptor.name)


def call(channel, descriptor, job: str, text: bytes) -> dict:
    """Makes one call; of a stream without end it reads to the first sign of life."""
    request = descriptor.input_type._concrete_class()
    name_job(request, job)
    kind = method_of(descriptor)
    open_call = {(False, False): channel.unary_unary, (False, True): channel.unary_stream,
                 (True, True): channel.stream_stream}[kind.client_streaming, kind.server_streaming]
    stub = open_call(f"/{descriptor.containing_service.full_name}/{descriptor.name}",
                     request_serializer=type(request).SerializeToString)
    shows = False
    code = "OK"
    try:
        answers = stub(iter([request]) if kind.client_streaming else request, timeout=DEADLINE_S)
        for answer in answers if kind.server_streaming else [answers]:
            shows = shows or text in answer
            message = descriptor.output_type._concrete_class.FromString(answer)
            if "event" in descriptor.output_type.fields_by_name and not message.HasField("event"):
                break
    except grpc.RpcError as error:
        code = error.code().name
        shows = shows or text in error.details().encode()
    return {"rpc": f"{descriptor.containing_service.name}.{descriptor.name}", "code": code,
            "shows": shows}


def main() -> int:
    address, job, text, *services = sys.argv[1:]
    with grpc.insecure_channel(f"unix:{address}") as channel:
        for service in services:
            for method in descriptor_pool.Default().FindServiceByName(service).methods:
                print(json.dumps(call(channel, method, job, text.encode())), flush=True)
    return 0


sys.exit(main())
