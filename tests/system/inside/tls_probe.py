#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connects as an HTTP/2 client would, and prints how many bytes the server answered.

Usage: tls_probe.py HOST:PORT plain|tls [CERTIFICATE KEY]. A server that serves it answers with its
SETTINGS; one that does not closes the connection, and the answer is 0 bytes. The server's own
certificate is not checked; its hash is printed after the number, or "-".
"""

import hashlib
import socket
import ssl
import sys

PATIENCE_S = 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def main() -> None:
    host, port = sys.argv[1].rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    got, certificate = 0, b""
    try:
        if sys.argv[2] == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            if len(sys.argv) > 3:
                context.load_cert_chain(sys.argv[3], sys.argv[4])
            connection = context.wrap_socket(connection)
            certificate = connection.getpeercert(binary_form=True) or b""
        connection.sendall(PREFACE)
        got = len(connection.recv(4096))
    except (ConnectionError, ssl.SSLError):
        pass  # hung up
    print(got, hashlib.sha256(certificate).hexdigest() if certificate else "-")


main()
