"""The stream service: viewers follow a live session by server-sent events (WHATWG HTML, 9.2).

`GET /api/v1/live-sessions/<id>/stream` sends the room's state at once and again whenever it changes:
`{"status": …, "pinned": {"offer_id", "number", "name", "pack", "price_minor", "left", …} | null, "viewers": …}`.
Run it in a gunicorn gevent worker, which turns threads and locks into greenlets, so that one process serves thousands:
`gunicorn -k gevent 'shop.stream:create_stream_app()'`.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Any
from uuid import UUID

from werkzeug.http import parse_cookie
from werkzeug.wsgi import ClosingIterator

from core import auth, db
from core.errors import NotFound, Refusal
from core.settings import settings
from shop.audience import Audience, Room
from shop.ears import Ear, line_of

ROUTE = re.compile(r"/api/v1/live-sessions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/stream")
HEARTBEAT_S = 15.0
LIFE_S = 15 * 60.0
LIFE_SPREAD = 0.2
"""A stream ends itself after 15 minutes, give or take a fifth, so that viewers do not all come back at once."""
SEND_TIMEOUT_S = 30.0
"""A client that has not read for so long is cut off."""
RETRY_MS = 3_000
POOL_SIZE = 2

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
HEADERS = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
    ("X-Content-Type-Options", "nosniff"),
    ("Access-Control-Allow-Origin", "*"),
]
"""Any page may read a stream: it holds public facts only. A log-in is counted, not asked who it is."""


class StreamService:
    """A WSGI application of one route."""

    def __init__(self, audience: Audience, *, behind_proxy: bool) -> None:
        self.audience = audience
        self.behind_proxy = behind_proxy

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/healthz":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ok\n"]
        route = ROUTE.fullmatch(environ["PATH_INFO"].lower())
        try:
            if route is None or environ["REQUEST_METHOD"] != "GET":
                raise NotFound()
            return self._stream(UUID(route[1]), environ, start_response)
        except Refusal as refusal:
            return _refuse(refusal, start_response)

    def _stream(self, session_id: UUID, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Open one stream. A viewer who comes back with the last word of an ended session is told not to (204)."""
        viewer = self._address(environ), _signed_in(environ)
        room = self.audience.enter(session_id, *viewer)
        try:
            self.audience.welcome(session_id, room)
            if room.state.facts is None:
                raise NotFound()
            seen = environ.get("HTTP_LAST_EVENT_ID", "")
            done = room.state.last and seen == room.state.event_id
            start_response("204 No Content" if done else "200 OK", HEADERS)
        except BaseException:
            self.audience.leave(session_id, *viewer)
            raise
        if "gunicorn.socket" in environ:
            environ["gunicorn.socket"].settimeout(SEND_TIMEOUT_S)
        words = () if done else watch(room, Ear(seen, line_of(environ)))
        return ClosingIterator(words, lambda: self.audience.leave(session_id, *viewer))

    def _address(self, environ: Environ) -> str:
        """Where the viewer comes from; our proxy replaces the header, so its last entry is its own."""
        forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if self.behind_proxy else ""
        return forwarded.rpartition(",")[2].strip() or environ.get("REMOTE_ADDR", "")


def _signed_in(environ: Environ) -> str:
    """What tells this log-in from others; empty without one. It opens nothing here, so nobody checks it."""
    scheme, _space, bearer = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = bearer.strip() if scheme.lower() == "bearer" else parse_cookie(environ).get(auth.cookie_name(), "")
    return sha256(token.encode()).hexdigest() if token else ""


def watch(room: Room, ear: Ear) -> Iterator[bytes]:
    """The words of one stream that are not put on its line by the room itself. Ends after at most 18 minutes."""
    until = time.monotonic() + LIFE_S * random.uniform(1 - LIFE_SPREAD, 1 + LIFE_SPREAD)  # noqa: S311  # spreads load, keeps no secret
    yield f"retry: {RETRY_MS}\n\n".encode()
    while time.monotonic() < until:
        state = room.wait(ear, HEARTBEAT_S)
        settled = ear.settle()
        if state.event_id != ear.seen:
            ear.seen = state.event_id
            yield state.event
        elif not settled and not state.last:
            yield b": still here\n\n"
        if state.last:
            return


def _refuse(refusal: Refusal, start_response: StartResponse) -> Iterable[bytes]:
    """Problem details, as everywhere in the house."""
    body = {"type": "about:blank", "title": str(refusal), "status": refusal.status, "code": refusal.code}
    headers = [("Content-Type", "application/problem+json"), ("Access-Control-Allow-Origin", "*")]
    if "retry_after" in refusal.facts:
        headers.append(("Retry-After", str(refusal.facts["retry_after"])))
    start_response(f"{refusal.status} Refused", headers)
    return [json.dumps(body, ensure_ascii=False).encode()]


def create_stream_app() -> StreamService:
    """The service of this process, listening to the database."""
    found = settings()
    db.connect(found.database_url, pool_size=POOL_SIZE)
    audience = Audience()
    audience.follow()
    return StreamService(audience, behind_proxy=found.behind_proxy)
