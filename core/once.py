"""Idempotency: the same key brings the same answer, however often it is sent.

The key row is written in the transaction of the deed itself, so that either both are durable or neither is
(draft-ietf-httpapi-idempotency-key-header-07; its four cases are the four outcomes here).
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec
from uuid import UUID

from flask import Response, make_response, request
from sqlalchemy import UniqueConstraint, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import auth, clock, sealed
from core.db import Id, Model, new_id, session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.jobs import periodic

P = ParamSpec("P")

KEY = re.compile(r"[\x21-\x7e]{16,128}")
KEPT = timedelta(hours=24)
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


class MissingIdempotencyKey(Malformed):
    """This request needs a key made by the caller."""

    status = 400
    message = _("缺少 Idempotency-Key（16 到 128 个字符，每次操作一个新的）。")


class IdempotencyKeyReused(Malformed):
    """The key was used before with another body."""

    message = _("这个 Idempotency-Key 已经用在另一个内容上。")


class StillRunning(Conflict):
    """The first request with this key has not ended yet."""

    message = _("同一个请求还在办，请稍等。")


class IdempotencyKey(Model):
    """A key, what was asked with it and what was answered (sealed: answers hold addresses)."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("owner", "route", "key"),)

    id: Mapped[Id]
    owner: Mapped[UUID]
    route: Mapped[str]
    key: Mapped[str]
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    answer_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


def once(view: Callable[P, Any]) -> Callable[P, Any]:
    """Do the view's deed once for a key; place it under `requires(...)`."""

    @wraps(view)
    def kept(*args: P.args, **kwargs: P.kwargs) -> Any:
        owner, route, key, fingerprint = asked()
        mine = new_id()
        known = claim(mine, owner, route, key, fingerprint, now=clock.now())
        if known is not None:
            return replay(known)
        response = make_response(view(*args, **kwargs))
        keep(mine, response)
        return response

    return kept


def asked() -> tuple[UUID, str, str, bytes]:
    """Owner, route, key and fingerprint of this request; a page sends the key as a form field.

    Raises MissingIdempotencyKey.
    """
    key = request.headers.get("Idempotency-Key") or request.form.get("key", "")
    if not KEY.fullmatch(key):
        raise MissingIdempotencyKey()
    route = request.url_rule.rule if request.url_rule else ""
    return auth.current().user_id, route, key, _print(request.method, request.path, _content())


def hashes() -> tuple[bytes, bytes]:
    """This request's key with its route, and its fingerprint, 16 bytes each, for rows that are their own answer.

    Raises MissingIdempotencyKey.
    """
    _owner, route, key, fingerprint = asked()
    return _named(route, key), fingerprint[:16]


def hashes_of(path: str, key: str, content: bytes) -> tuple[bytes, bytes]:
    """The same of a POST of JSON, for those that come by another way than a view (`core.lane`)."""
    return _named(path, key), _print("POST", path, content)[:16]


def _named(route: str, key: str) -> bytes:
    return hashlib.sha256(f"{route}\n{key}".encode()).digest()[:16]


def _print(method: str, path: str, content: bytes) -> bytes:
    return hashlib.sha256(f"{method} {path}\n".encode() + content).digest()


def _content() -> bytes:
    """What was sent. The stream of a form is read up by the time we come, so its fields and files are taken instead."""
    if request.mimetype not in FORMS or (not request.form and not request.files):
        return request.get_data(cache=True)
    sent = sorted(pair for pair in request.form.items(multi=True) if pair[0] != "csrf_token")
    for name, file in sorted(request.files.items(multi=True)):
        sent.append((name, hashlib.sha256(file.stream.read()).hexdigest()))
        file.stream.seek(0)
    return json.dumps(sent).encode()


_CLAIM = text("""
    INSERT INTO idempotency_keys (id, owner, route, key, fingerprint, created_at)
    SELECT :id, :owner, :route, :key, :fingerprint, :now WHERE pg_try_advisory_xact_lock(:lock)
    ON CONFLICT DO NOTHING RETURNING id
""")

_KEEP = text("UPDATE idempotency_keys SET status = :status, answer_sealed = :answer WHERE id = :mine")


def claim(mine: UUID, owner: UUID, route: str, key: str, fingerprint: bytes, *, now: datetime) -> IdempotencyKey | None:
    """Take the key with a row `mine`, or give back the row of an earlier request; one statement when it is new.

    Raises IdempotencyKeyReused, StillRunning.
    """
    lock = int.from_bytes(hashlib.sha256(f"{owner}{route}{key}".encode()).digest()[:8], "big", signed=True)
    asked = {"owner": owner, "route": route, "key": key}
    row = asked | {"id": mine, "fingerprint": fingerprint, "now": now, "lock": lock}
    if session.execute(_CLAIM, row).one_or_none():
        return None
    known = session.scalars(select(IdempotencyKey).filter_by(**asked)).one_or_none()
    if known is None:
        raise StillRunning()
    if known.fingerprint != fingerprint:
        raise IdempotencyKeyReused()
    return known


def keep(mine: UUID, response: Response) -> None:
    """Store the answer beside the key, in the same transaction."""
    body = base64.b64encode(response.get_data()).decode()
    answer = json.dumps([response.headers.get("Location"), response.mimetype, body])
    hidden = sealed.seal(answer, table="idempotency_keys", column="answer", row_id=mine)
    values = {"mine": mine, "status": response.status_code, "answer": hidden}
    session.execute(_KEEP, values)


def replay(known: IdempotencyKey) -> Response:
    """The stored answer, marked as a repeat."""
    answer = sealed.unseal(known.answer_sealed or b"", table="idempotency_keys", column="answer", row_id=known.id)
    location, mimetype, body = json.loads(answer)
    response = Response(base64.b64decode(body), known.status, mimetype=mimetype)
    if location:
        response.headers["Location"] = location
    response.headers["Idempotent-Replayed"] = "true"
    return response


@periodic("17 * * * *")
def forget_old_keys(timestamp: int) -> None:
    """Answers are kept for 24 hours."""
    session.execute(text("SET LOCAL statement_timeout = '60s'"))
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < clock.now() - KEPT))
