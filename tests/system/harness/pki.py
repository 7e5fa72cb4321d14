# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made with openssl on the host as takt-tls(7) tells."""

import pathlib
import subprocess
import tempfile

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(*args: str, stdin: str = "") -> None:
    done = subprocess.run(["openssl", *args], input=stdin, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(args)}: {done.stderr}")


class Authority:
    """A CA in a temporary folder; issue() returns certificate and key as text."""

    def __init__(self, name: str = "test CA"):
        self._folder = tempfile.TemporaryDirectory(prefix="takt-test-pki.")
        self._path = pathlib.Path(self._folder.name)
        _openssl("req", "-x509", *_CURVE, "-keyout", self._file("ca.key"), "-out",
                 self._file("ca.crt"), "-days", "30", "-subj", f"/CN={name}")
        self.certificate = (self._path / "ca.crt").read_text()

    def issue(self, name: str, role: str = "", days: int = 2) -> tuple[str, str]:
        """Issues a certificate for takt://ROLE/NAME, or without a role; expired if days < 0."""
        _openssl("req", *_CURVE, "-keyout", self._file("key"), "-out", self._file("csr"),
                 "-subj", f"/CN={name}")
        names = f"subjectAltName=URI:takt://{role}/{name}" if role else "basicConstraints=CA:false"
        (self._path / "ext").write_text(names + "\n")
        _openssl("x509", "-req", "-in", self._file("csr"), "-CA", self._file("ca.crt"), "-CAkey",
                 self._file("ca.key"), "-days", str(days), "-out", self._file("crt"), "-extfile",
                 self._file("ext"))
        return (self._path / "crt").read_text(), (self._path / "key").read_text()

    def _file(self, name: str) -> str:
        return str(self._path / name)
