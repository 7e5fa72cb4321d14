#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one call: JSON in, JSON out, with the field names of the proto files.

Usage: rpc.py SOCKET SERVICE METHOD < REQUEST. Prints each answer as one JSON line.
A status other than OK ends with code 3 and one JSON line {"code": …, "message": …} on stderr.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "stubs"))

import grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool, json_format  # noqa: E402

from takt.v1 import (job_service_pb2, operator_service_pb2,  # noqa: E402, F401
                     registry_service_pb2, worker_service_pb2)
import health_pb2  # noqa: E402, F401

DEADLINE_S = 60


def main() -> int:
    address, service, method = sys.argv[1:4]
    descriptor = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(method)
    kind = next(m for m in _proto(descriptor.containing_service).method if m.name == method)
    answer_type = descriptor.output_type._concrete_class
    request = json_format.Parse(sys.stdin.read() or "{}", descriptor.input_type._concrete_class())
    with grpc.insecure_channel(f"unix:{address}") as channel:
        open_call = channel.unary_stream if kind.server_streaming else channel.unary_unary
        call = open_call(f"/{service}/{method}", request_serializer=type(request).SerializeToString,
                         response_deserializer=answer_type.FromString)
        try:
            answers = call(request, timeout=DEADLINE_S, wait_for_ready=True)
            for answer in answers if kind.server_streaming else [answers]:
                said = json_format.MessageToDict(answer, preserving_proto_field_name=True)
                print(json.dumps(said), flush=True)
        except grpc.RpcError as error:
            print(json.dumps({"code": error.code().name, "message": error.details()}),
                  file=sys.stderr)
            return 3
    return 0


def _proto(service):
    """Returns the descriptor's own message, which alone knows what streams."""
    copy = descriptor_pb2.ServiceDescriptorProto()
    service.CopyToProto(copy)
    return copy


sys.exit(main())
