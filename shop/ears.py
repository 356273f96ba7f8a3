"""Ears: those who wait in a room for its next word, each with the line that leads to him.

A word is put on every line at once as far as the line takes it, so that nobody has to be woken for it. Where a line
takes only a part, or cannot be written to from here, its own thread is woken and does the rest: it holds up nobody
else, and what it has missed by then it skips.
"""

import os
import threading
from typing import Any


class Line:
    """The connection of one viewer in a gevent worker, where only one greenlet runs at a time.

    It is written to from here only while the greenlet of the viewer waits for news, so that words never mix.
    """

    __slots__ = ("_chunked", "_socket")

    def __init__(self, socket: Any, *, chunked: bool) -> None:
        """`chunked` says whether the answer was begun with chunked transfer coding (RFC 9112, 7.1)."""
        self._socket = socket
        self._chunked = chunked

    def put(self, word: bytes) -> bytes:
        """Write as much as is taken without waiting; gives what is left. Raises OSError when the viewer is gone."""
        framed = b"%X\r\n%b\r\n" % (len(word), word) if self._chunked else word
        try:
            return framed[os.write(self._socket.fileno(), framed) :]
        except BlockingIOError:
            return framed

    def finish(self, rest: bytes) -> None:
        """Write the rest, however long the viewer takes. Raises OSError, TimeoutError among them."""
        self._socket.sendall(rest)


def line_of(environ: dict[str, Any]) -> Line | None:
    """The line of a request, where the server gives its socket away and runs one greenlet at a time."""
    socket = environ.get("gunicorn.socket")
    if socket is None or not type(socket).__module__.startswith("gevent._socket"):
        return None
    return Line(socket, chunked=environ["SERVER_PROTOCOL"] == "HTTP/1.1")


class Ear:
    """One who waits: what he has heard last, and what of it has still to go down his line."""

    __slots__ = ("line", "news", "rest", "seen")

    def __init__(self, seen: str, line: Line | None = None) -> None:
        self.seen = seen
        self.line = line
        self.rest = b""
        self.news = threading.Event()

    def hear(self, event_id: str, word: bytes) -> bool:
        """Take a word off whoever tells it; False when the listener has to be woken."""
        if self.line is None:
            return False
        try:
            self.rest = self.line.put(word)
        except OSError:
            return False  # he is gone, which his own thread finds out when it writes
        self.seen = event_id
        return not self.rest

    def settle(self) -> bool:
        """Send what a full line has not taken; whether there was any. Raises OSError."""
        if not self.rest or self.line is None:
            return False
        rest, self.rest = self.rest, b""
        self.line.finish(rest)
        return True
