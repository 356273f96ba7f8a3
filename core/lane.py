"""Lanes: a way past Flask for the one request that is made more often than all the others together.

A request that is plainly right (a caller whom this process remembers, a bearer token, a key, a small JSON body) is
answered by the same verb as in its view, and looks the same from outside. Whatever is not plain takes the ordinary way,
with nothing of it lost; so does one that met a fault, as its key finds what was done.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.sansio.utils import host_is_trusted

from core import auth, clock, i18n, metrics, once, problems
from core.auth import Who
from core.errors import Refusal
from core.permissions import Permission
from core.web import SAFE_HEADERS, STRICT_TRANSPORT, is_https

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("xiaoxiang.lane")

CONTENT_MAX = 16 * 1024
POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
"""What is answered here is never a page."""
STATUS = {201: "201 CREATED", 404: "404 NOT FOUND", 409: "409 CONFLICT", 422: "422 UNPROCESSABLE ENTITY",
          429: "429 TOO MANY REQUESTS", 503: "503 SERVICE UNAVAILABLE"}  # fmt: skip
NOT_PLAIN = {"HTTP_COOKIE", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING", "HTTP_EXPECT"}
"""A request with one of these takes the ordinary way."""


@dataclass(frozen=True)
class Asked:
    """A request, and who sent it."""

    who: Who
    key: str
    content: bytes


@dataclass(frozen=True)
class Said:
    """An answer: status, JSON, and headers of its own."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()
    mimetype: str = "application/json"


Work = Callable[[Asked], Said | None]
"""Raises refusals as the view does; None when the request has to take the ordinary way after all."""


class Lane:
    """The lane of one POST in front of an application."""

    def __init__(self, app: Flask, *, path: str, endpoint: str, permission: Permission, work: Work) -> None:
        self._app = app
        self._ordinary: WSGIApplication = app.wsgi_app
        self._path = path
        self._endpoint = endpoint
        self._permission = permission
        self._work = work
        self._trusted = lru_cache(maxsize=64)(lambda host: host_is_trusted(host, app.config["TRUSTED_HOSTS"]))

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer it here, or let it take the ordinary way."""
        if environ["PATH_INFO"] != self._path or environ["REQUEST_METHOD"] != "POST":
            return self._ordinary(environ, start_response)
        started = time.perf_counter()
        request_id = secrets.token_hex(8)
        asked = self._asked(environ)
        said = self._said(asked, request_id) if asked else None
        if said is None:
            return self._ordinary(environ, start_response)
        metrics.observe(self._endpoint, "POST", said.status, time.perf_counter() - started)
        start_response(STATUS[said.status], [*self._headers(said, request_id)])
        return [said.content]

    def _asked(self, environ: "WSGIEnvironment") -> Asked | None:
        """The request, if it is plain as far as its head tells. What is read of it can be read again."""
        token = environ.get("HTTP_AUTHORIZATION", "")
        key = environ.get("HTTP_IDEMPOTENCY_KEY", "")
        length = environ.get("CONTENT_LENGTH", "")
        if (
            not token.startswith("Bearer ")
            or not once.KEY.fullmatch(key)
            or not (length.isascii() and length.isdigit() and 0 < int(length) <= CONTENT_MAX)
            or environ.get("CONTENT_TYPE") != "application/json"
            or environ.get("QUERY_STRING")
            or not NOT_PLAIN.isdisjoint(environ)
            or not self._trusted(environ.get("HTTP_HOST", ""))
        ):
            return None
        who = auth.remembered(token[7:].strip(), now=clock.now())
        if who is None or not who.may(self._permission):
            return None
        i18n.use_language(_language(environ.get("HTTP_ACCEPT_LANGUAGE", "")) or who.language)
        content = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(content)
        return Asked(who, key, content)

    def _said(self, asked: Asked, request_id: str) -> Said | None:
        try:
            return self._work(asked)
        except Refusal as refusal:
            if refusal.status not in STATUS:
                return None
            problem, headers = problems.of_refusal(refusal, request_id)
            content = self._app.json.dumps(problem, separators=(",", ":")).encode() + b"\n"
            return Said(refusal.status, content, tuple(headers.items()), "application/problem+json")
        except Exception:
            log.exception("a fault in the lane of %s, request %s takes the ordinary way", self._endpoint, request_id)
            return None

    def _headers(self, said: Said, request_id: str) -> Iterator[tuple[str, str]]:
        yield "Content-Type", said.mimetype
        yield "Content-Length", str(len(said.content))
        yield "Content-Security-Policy", POLICY
        yield "Cache-Control", "no-store"
        yield "X-Request-Id", request_id
        yield from SAFE_HEADERS.items()
        yield from said.headers
        if is_https():
            yield STRICT_TRANSPORT


@lru_cache(maxsize=256)
def _language(accepted: str) -> str | None:
    """The language that a header asks for, as `core.web` reads it; None without one."""
    return parse_accept_header(accepted, LanguageAccept).best_match(i18n.LANGUAGES, "zh") if accepted else None
