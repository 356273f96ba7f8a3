"""Live sessions: a host is on air for a station and shows one numbered offer after the other."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Select, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, IllegalMove, Malformed, NotFound
from core.i18n import _
from core.notify import notify
from core.users import User
from logistics import stations
from logistics.staff import Duty, Keeper
from shop import events

CHANNEL = "live"
"""Every change of what viewers see is told on this channel with the id of the session."""
TITLE_MAX = 40


class SessionStatus(StrEnum):
    """Where a live session stands."""

    PLANNED = "planned"
    ON_AIR = "on_air"
    ENDED = "ended"


NEXT = {
    SessionStatus.PLANNED: {SessionStatus.ON_AIR, SessionStatus.ENDED},
    SessionStatus.ON_AIR: {SessionStatus.ENDED},
    SessionStatus.ENDED: set(),
}


class NotOnAir(Conflict):
    """Only a session on air shows and sells."""

    message = _("这场直播没有在播。")


class AlreadyOnAir(Conflict):
    """A host is on air once at a time."""

    message = _("您还有一场直播没有下播。")


class LiveSessionUnknown(NotFound):
    """There is no such session, or the caller does not run it."""

    message = _("没有找到这场直播。")


class StationNotYours(NotFound):
    """One sells live for the station where one works, and for no other."""

    message = _("您没有在这个站点直播的资格。")


class TitleMissing(Malformed):
    """A session has a title of 1 to 40 characters."""

    message = _("请写直播的标题，最多 {most} 个字。")


class LiveSession(Model):
    """One broadcast of one host for one station."""

    __tablename__ = "live_sessions"
    __table_args__ = (
        CheckConstraint(among("status", SessionStatus), name="status"),
        CheckConstraint("(status = 'planned') = (started_at IS NULL) OR status = 'ended'", name="started"),
        CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        Index("uq_live_sessions_host_id_on_air", "host_id", unique=True, postgresql_where=text("status = 'on_air'")),
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    host_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    title: Mapped[str]
    status: Mapped[SessionStatus] = mapped_column(one_of(SessionStatus), default=SessionStatus.PLANNED)
    pinned_offer_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("live_offers.id", use_alter=True, name="fk_live_sessions_pinned_offer_id")
    )
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Pin(Model):
    """From `at` on, this offer was before the camera, until the next row of the session. Without an offer: none was."""

    __tablename__ = "live_pins"
    __table_args__ = (Index("ix_live_pins_session_id_at", "session_id", "at"),)

    id: Mapped[Id]
    session_id: Mapped[UUID] = mapped_column(ForeignKey("live_sessions.id"))
    offer_id: Mapped[UUID | None] = mapped_column(ForeignKey("live_offers.id"))
    at: Mapped[datetime]
    by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))


def visible_to(who: Who | None) -> Select[LiveSession]:
    """Live sessions are public: everybody may see that, and what, a station sells."""
    return select(LiveSession)


def run_by(who: Who) -> Select[LiveSession]:
    """The sessions that a person may run: one's own, and those at the station one keeps."""
    kept = select(Keeper.station_id).where(
        Keeper.user_id == who.user_id, Keeper.duty == Duty.KEEPER, Keeper.until.is_(None)
    )
    return select(LiveSession).where(or_(LiveSession.host_id == who.user_id, LiveSession.station_id.in_(kept)))


def in_status(query: Select[LiveSession], status: SessionStatus | None) -> Select[LiveSession]:
    """Those of the sessions that stand there; all of them without a status."""
    return query if status is None else query.where(LiveSession.status == status)


def find(session_id: UUID, *, among: Select[LiveSession]) -> LiveSession:
    """One session of those given. Raises LiveSessionUnknown."""
    live = session.scalar(among.where(LiveSession.id == session_id))
    if live is None:
        raise LiveSessionUnknown()
    return live


def plan(title: str, *, station_id: UUID | None = None, by: UUID, now: datetime) -> LiveSession:
    """Prepare a session that `by` will host at the station where he works. Raises TitleMissing, StationNotYours."""
    title = " ".join(title.split())
    if not 0 < len(title) <= TITLE_MAX:
        raise TitleMissing(most=TITLE_MAX)
    station = stations.of_keeper(by)
    if station is None or station_id not in (None, station.id):
        raise StationNotYours()
    live = LiveSession(
        id=new_id(now), station_id=station.id, host_id=by, title=title, status=SessionStatus.PLANNED, created_at=now
    )
    session.add(live)
    session.flush()
    return live


def start(live: LiveSession, *, by: UUID, now: datetime) -> LiveSession:
    """Go on air; hosts are locked, so that two starts at once are one. Raises AlreadyOnAir, IllegalMove."""
    session.execute(select(User.id).where(User.id == live.host_id).with_for_update(key_share=True))
    busy = select(LiveSession.id).where(
        LiveSession.host_id == live.host_id, LiveSession.status == SessionStatus.ON_AIR, LiveSession.id != live.id
    )
    if session.scalar(busy):
        raise AlreadyOnAir()
    _move(live, SessionStatus.ON_AIR, by=by, now=now, started_at=now)
    events.session_started.send(live, now=now)
    return live


def end(live: LiveSession, *, by: UUID, now: datetime) -> LiveSession:
    """Go off air: nothing is pinned and nothing is for sale in this room any more. Raises IllegalMove."""
    pinned = live.pinned_offer_id
    _move(live, SessionStatus.ENDED, by=by, now=now, ended_at=now, pinned_offer_id=None)
    if pinned:
        _log_pin(live.id, None, by=by, now=now)
    events.session_ended.send(live, now=now)
    return live


def show(live: LiveSession, offer_id: UUID | None, *, by: UUID, now: datetime) -> LiveSession:
    """Put an offer of this session before the camera, or none. Raises NotOnAir."""
    changed = session.execute(
        update(LiveSession)
        .where(LiveSession.id == live.id, LiveSession.status == SessionStatus.ON_AIR)
        .values(pinned_offer_id=offer_id)
        .returning(LiveSession.id)
    ).one_or_none()
    if changed is None:
        raise NotOnAir()
    session.refresh(live)
    _log_pin(live.id, offer_id, by=by, now=now)
    changed_for_viewers(live.id)
    return live


def changed_for_viewers(session_id: UUID) -> None:
    """Tell the stream services, when this transaction commits, to look at the session again."""
    notify(CHANNEL, str(session_id))


def _move(live: LiveSession, wanted: SessionStatus, *, by: UUID, now: datetime, **facts: Any) -> None:
    current = live.status
    moved = wanted in NEXT[current] and session.scalar(
        update(LiveSession)
        .where(LiveSession.id == live.id, LiveSession.status == current)
        .values(status=wanted, **facts)
        .returning(LiveSession.id)
    )
    session.refresh(live)
    if not moved:
        raise IllegalMove(current=live.status, wanted=wanted)
    audit.record(
        f"live:{wanted}",
        f"live_sessions:{live.id}",
        by=by,
        now=now,
        before={"status": current},
        after={"status": wanted},
    )
    changed_for_viewers(live.id)


def _log_pin(session_id: UUID, offer_id: UUID | None, *, by: UUID, now: datetime) -> None:
    session.add(Pin(id=new_id(now), session_id=session_id, offer_id=offer_id, at=now, by=by))
    session.flush()
