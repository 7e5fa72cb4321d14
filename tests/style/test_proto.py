# SPDX-License-Identifier: Apache-2.0
"""The style of our proto files, read from their compiled descriptors.

Covers package takt.*; the adapter's proto folder is a foreign wire format and is left as it is.
"""

import re
import subprocess
import tempfile
import unittest
from collections.abc import Iterator

from google.protobuf import descriptor_pb2 as pb

import sources

SNAKE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
PASCAL = re.compile(r"^([A-Z][a-z0-9]+)+$")
VERB_NOUN = re.compile(r"^([A-Z][a-z]+){2,}$")
STREAM_RPCS = {"Session"}  # a noun, and the original design's word
FIELD = pb.FieldDescriptorProto
UNSIZED = (FIELD.TYPE_DOUBLE, FIELD.TYPE_FLOAT)


def constant_case(name: str) -> str:
    """JobState → JOB_STATE."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def messages(file: pb.FileDescriptorProto) -> Iterator[tuple[pb.DescriptorProto, tuple[int, ...]]]:
    """Yields every message of a file with its path in the source info, map entries left out."""
    def walk(items, path):
        for index, message in enumerate(items):
            if not message.options.map_entry:
                yield message, (*path, index)
                yield from walk(message.nested_type, (*path, index, 3))
    yield from walk(file.message_type, (4,))


def enums(file: pb.FileDescriptorProto) -> Iterator[tuple[pb.EnumDescriptorProto, tuple[int, ...]]]:
    """Yields every enum of a file with its path."""
    for index, enum in enumerate(file.enum_type):
        yield enum, (5, index)
    for message, path in messages(file):
        for index, enum in enumerate(message.enum_type):
            yield enum, (*path, 4, index)


class ProtoStyle(unittest.TestCase):
    """Each test walks all files and lists what is wrong."""

    maxDiff = None
    files: list[pb.FileDescriptorProto]

    @classmethod
    def setUpClass(cls) -> None:
        folder = sources.ROOT / "proto"
        protos = [str(path) for path in sources.files(".proto", below="proto")]
        with tempfile.NamedTemporaryFile() as out:
            subprocess.run(["protoc", f"-I{folder}", f"--descriptor_set_out={out.name}",
                            "--include_source_info", *protos], check=True)
            parsed = pb.FileDescriptorSet.FromString(out.read())
        cls.files = [file for file in parsed.file if file.package.startswith("takt.")]

    def setUp(self) -> None:
        self.assertTrue(self.files)
        self.wrong: list[str] = []

    def tearDown(self) -> None:
        self.assertEqual(self.wrong, [])

    def expect(self, condition: object, text: str) -> None:
        """Remembers a fault."""
        if not condition:
            self.wrong.append(text)

    def test_files(self) -> None:
        for file in self.files:
            folder, _, stem = file.name.rpartition("/")
            self.expect(file.package == folder.replace("/", "."), f"{file.name}: {file.package}")
            self.expect(re.search(r"\.v\d+$", file.package), f"{file.name}: package version")
            self.expect(SNAKE.match(stem.removesuffix(".proto")), f"{file.name}: not snake_case")
            self.expect(bool(file.service) == stem.endswith("_service.proto"),
                        f"{file.name}: services live in *_service.proto, and nothing else does")
            self.expect(list(file.dependency) == sorted(file.dependency),
                        f"{file.name}: imports are not sorted")

    def test_services(self) -> None:
        seen: set[str] = set()
        for file in self.files:
            for service in file.service:
                self.expect(service.name.endswith("Service"), f"{service.name}: no suffix Service")
                for rpc in service.method:
                    name = f"{service.name}.{rpc.name}"
                    self.expect(VERB_NOUN.match(rpc.name) or rpc.name in STREAM_RPCS,
                                f"{name}: not verb and noun")
                    for kind, type_name in (("Request", rpc.input_type),
                                            ("Response", rpc.output_type)):
                        own = type_name.rpartition(".")[2]
                        self.expect(own.endswith(rpc.name + kind), f"{name}: takes or gives {own}")
                        self.expect(own not in seen, f"{name}: {own} is used twice")
                        seen.add(own)

    def test_enums(self) -> None:
        for file in self.files:
            for enum, _ in enums(file):
                prefix = constant_case(enum.name)
                self.expect(PASCAL.match(enum.name), f"{enum.name}: not PascalCase")
                self.expect(enum.value[0].number == 0
                            and enum.value[0].name == f"{prefix}_UNSPECIFIED",
                            f"{enum.name}: zero is not {prefix}_UNSPECIFIED")
                for value in enum.value:
                    self.expect(value.name.startswith(prefix + "_"), f"{value.name}: no {prefix}_")

    def test_fields(self) -> None:
        for file in self.files:
            for message, _ in messages(file):
                self.expect(PASCAL.match(message.name), f"{message.name}: not PascalCase")
                for field in message.field:
                    self.check_field(message, field)

    def check_field(self, message: pb.DescriptorProto, field: FIELD) -> None:
        name, kind = f"{message.name}.{field.name}", field.type_name
        self.expect(SNAKE.match(field.name), f"{name}: not snake_case")
        self.expect((kind == ".google.protobuf.Timestamp") == field.name.endswith("_time"),
                    f"{name}: a Timestamp ends in _time, and nothing else does")
        self.expect(kind not in (".google.protobuf.Any", ".google.protobuf.Empty"), f"{name}: Any")
        self.expect(not re.search(r"_(ms|us|ns|sec|secs|seconds|millis)$", field.name),
                    f"{name}: spans are google.protobuf.Duration")
        if field.name.endswith("_bytes"):
            self.expect(field.type == FIELD.TYPE_INT64, f"{name}: sizes are int64")
        entry = next((nested for nested in message.nested_type if nested.options.map_entry
                      and kind.endswith(f".{message.name}.{nested.name}")), None)
        if entry and entry.field[1].type == FIELD.TYPE_STRING:
            self.expect(field.name.endswith("labels"), f"{name}: map<string, string> is for labels")

    def test_comments(self) -> None:
        for file in self.files:
            said = {tuple(place.path) for place in file.source_code_info.location
                    if place.leading_comments.strip() or place.trailing_comments.strip()}
            for index, service in enumerate(file.service):
                self.expect((6, index) in said, f"{service.name}: no comment")
                for number, rpc in enumerate(service.method):
                    self.expect((6, index, 2, number) in said, f"{rpc.name}: no comment")
            for message, path in messages(file):
                self.expect(path in said, f"{message.name}: no comment")
                for number, field in enumerate(message.field):
                    self.expect((*path, 2, number) in said,
                                f"{message.name}.{field.name}: no comment")
            for enum, path in enums(file):
                self.expect(path in said, f"{enum.name}: no comment")
                for number, value in enumerate(enum.value):
                    self.expect((*path, 2, number) in said, f"{value.name}: no comment")
