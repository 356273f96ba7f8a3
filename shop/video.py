"""The live picture of a session: the key with which its host pushes it, and whether it comes in.

The key is made of a key of the house, the session and a turn, so that no table and no dump holds it. The video server
asks `admit` before it takes a push, tells `seen` every few seconds, and `gone` at the end; refused, it ends the push.
"""

import base64
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from core import audit, video_server
from core.db import Model, session
from core.errors import Forbidden
from core.i18n import _
from core.jobs import job
from core.settings import settings
from shop import events
from shop.live import LiveSession, NotOnAir, SessionStatus

KEY_BYTES = 16
NAME_LETTERS = 32
SILENT = timedelta(seconds=25)
"""A push that was not heard of for so long is over, whatever became of its end; it is told of every ten seconds."""


class PushRefused(Forbidden):
    """The key is wrong or old, or its session is not on air: a stranger is not told which."""

    message = _("推流码不对，或者这场直播不在播。")


class Video(Model):
    """The newest push of a session. Without one nobody has pushed, or the push is over."""

    __tablename__ = "live_videos"
    __table_args__ = (
        CheckConstraint("turn >= 0", name="turn"),
        CheckConstraint("(push IS NULL) = (since IS NULL) AND (push IS NULL) = (seen_at IS NULL)", name="whole"),
    )

    session_id: Mapped[UUID] = mapped_column(ForeignKey("live_sessions.id"), primary_key=True)
    turn: Mapped[int] = mapped_column(default=0)
    push: Mapped[str | None]
    """The video server's own number of the push."""
    since: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]


def name_of(session_id: UUID) -> str:
    """The name under which viewers find the picture; it says nothing about the key."""
    return session_id.hex


def key_of(session_id: UUID) -> str:
    """The key of a session, for those who run it."""
    turn = session.scalar(select(Video.turn).where(Video.session_id == session_id))
    return _key(session_id, turn or 0)


def since(session_id: UUID, *, now: datetime) -> datetime | None:
    """Since when the picture comes in; None when it does not."""
    heard = select(Video.since).where(Video.session_id == session_id, Video.seen_at > now - SILENT)
    return session.scalar(heard)


def renew(live: LiveSession, *, by: UUID, now: datetime) -> None:
    """Another key; who pushes with the old one is thrown out. Raises NotOnAir when the session has ended."""
    if live.status == SessionStatus.ENDED:
        raise NotOnAir()
    fresh = insert(Video).values(session_id=live.id, turn=1)
    session.execute(fresh.on_conflict_do_update(index_elements=[Video.session_id], set_={"turn": Video.turn + 1}))
    audit.record("video:renew_key", f"live_sessions:{live.id}", by=by, now=now)
    drop.later(name=name_of(live.id))


def admit(key: str, push: str, *, now: datetime) -> str:
    """Let a push in; returns the name to show it under. Raises PushRefused.

    The newest push wins: it is the phone in the host's hand, and the one before may hang on a line that is dead.
    """
    session_id, turn = _opened(key)
    video_server.drop(name_of(session_id))
    facts = {"push": push, "since": now, "seen_at": now}
    fresh = insert(Video).values(session_id=session_id, turn=turn, **facts)
    kept = session.scalar(
        fresh.on_conflict_do_update(index_elements=[Video.session_id], set_=facts, where=Video.turn == turn).returning(
            Video.session_id
        )
    )
    if kept is None:
        raise PushRefused()
    return name_of(session_id)


def seen(key: str, push: str, *, now: datetime) -> None:
    """The push is alive. Raises PushRefused when it may not go on: the session ended, or its key was renewed."""
    session_id, _turn = _opened(key)
    mine = update(Video).where(Video.session_id == session_id, Video.push == push)
    if session.scalar(mine.values(seen_at=func.greatest(Video.seen_at, now)).returning(Video.session_id)) is None:
        raise PushRefused()


def gone(key: str, push: str) -> None:
    """A push is over. Nothing happens where another has taken its place."""
    session_id = _session_of(key)
    over = update(Video).where(Video.session_id == session_id, Video.push == push)
    session.execute(over.values(push=None, since=None, seen_at=None))


@events.session_ended.connect
def go_dark(live: LiveSession, *, now: datetime) -> None:
    """Who pushes into a session that ends is thrown out."""
    if session.scalar(select(Video.session_id).where(Video.session_id == live.id)):
        drop.later(name=name_of(live.id))


@job()
def drop(name: str) -> None:
    """Throw out whoever pushes under a name."""
    video_server.drop(name)


def _opened(key: str) -> tuple[UUID, int]:
    """The session on air that a key opens, and the key's turn. Raises PushRefused."""
    session_id = _session_of(key)
    row = session.execute(
        select(LiveSession.status, func.coalesce(Video.turn, 0))
        .outerjoin(Video, Video.session_id == LiveSession.id)
        .where(LiveSession.id == session_id)
    ).one_or_none()
    status, turn = row or (SessionStatus.ENDED, 0)
    right = hmac.compare_digest(_key(session_id, turn).encode(), key.encode())
    if not right or status != SessionStatus.ON_AIR:
        raise PushRefused()
    return session_id, turn


def _session_of(key: str) -> UUID:
    try:
        return UUID(hex=key[:NAME_LETTERS])
    except ValueError:
        raise PushRefused() from None


def _key(session_id: UUID, turn: int) -> str:
    words = f"push {session_id.hex} {turn}".encode()
    mac = hmac.digest(settings().key("ticket"), words, "sha256")[:KEY_BYTES]
    return f"{name_of(session_id)}-{base64.b32encode(mac).decode().rstrip('=').lower()}"
