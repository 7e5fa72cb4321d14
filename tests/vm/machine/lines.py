# SPDX-License-Identifier: Apache-2.0
"""The host's ends of a machine's serial lines.

Guarantees: whatever the machine wrote before it went down is handed on, in order, line by line; a
line that was cut off in the middle is not. All lines are read by one thread, which ends by itself
when the machine has gone. The emulator drops what a socket does not take at once, so each takes
more than a boot writes, even if nothing is read.
"""

import selectors
import socket
import threading
from collections.abc import Callable

Handler = Callable[[bytes], None]
CHUNK = 1 << 16
SO_SNDBUFFORCE = 32  # as SO_SNDBUF, beyond the limit of the host; needs root
BUFFER = 64 << 20


class Lines:
    """Reads several lines; each has a handler, which is called on the reading thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._rest: dict[socket.socket, bytes] = {}
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def add(self, handler: Handler) -> tuple[socket.socket, socket.socket]:
        """Makes a line; returns the host's end and the machine's, which the caller closes."""
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
        self._rest[ours] = b""
        self._selector.register(ours, selectors.EVENT_READ, handler)
        return ours, theirs

    def start(self) -> None:
        """Begins to read; after the last add()."""
        self._thread.start()

    def join(self) -> None:
        """Waits until all is read; after the machine has gone."""
        if self._thread.ident:
            self._thread.join()

    def _read_all(self) -> None:
        while self._rest:
            for key, _ in self._selector.select():
                self._read(key.fileobj, key.data)
        self._selector.close()

    def _read(self, line: socket.socket, handler: Handler) -> None:
        try:
            data = line.recv(CHUNK)
        except ConnectionResetError:
            data = b""
        if not data:
            self._selector.unregister(line)
            line.close()
            del self._rest[line]
            return
        *whole, rest = (self._rest[line] + data).split(b"\n")
        self._rest[line] = rest
        for text in whole:
            handler(text.rstrip(b"\r"))
