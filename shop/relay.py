"""The relay: the web service passes a few streams on, so that one address answers everything on a small machine.

A stream holds a thread of the web service, so there are few and they are short; a browser whose stream ends comes back
by itself. Everybody else is sent to the stream service, as the proxy in front of a large installation does at once.
"""

import http.client
import threading
import time
from collections.abc import Iterator
from uuid import UUID

from werkzeug import Response
from werkzeug.utils import redirect
from werkzeug.wsgi import ClosingIterator

RELAYED_MAX = 4
LIFE_S = 60.0
TIMEOUT_S = 20.0
"""Longer than the heartbeat of the stream service."""
PASSED_ON = ("Content-Type", "Cache-Control", "X-Accel-Buffering", "Retry-After")

_free = threading.BoundedSemaphore(RELAYED_MAX)


def stream(session_id: UUID, *, host: str, port: int, last_event_id: str) -> Response:
    """A stream of the service at `port` of this machine, or the way to it at `host` as the caller knows us."""
    path = f"/api/v1/live-sessions/{session_id}/stream"
    if _free.acquire(blocking=False):
        try:
            return _relayed(port, path, last_event_id)
        except (OSError, http.client.HTTPException):
            _free.release()
    return redirect(f"http://{host}:{port}{path}", code=307)


def _relayed(port: int, path: str, last_event_id: str) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()

    def close() -> None:
        answer.close()
        connection.close()
        _free.release()

    passed = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
    return Response(ClosingIterator(_lines(answer), close), answer.status, passed, direct_passthrough=True)


def _lines(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """What comes, event by event, until the time of a relayed stream is over."""
    until = time.monotonic() + LIFE_S
    event = b""
    while line := answer.readline():
        event += line
        if line == b"\n":
            yield event
            event = b""
            if time.monotonic() >= until:
                return
    if event:
        yield event
