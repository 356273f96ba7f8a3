"""Hosts: who may sell live for a station besides its keepers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Select, select, text, union
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.db import Id, Model, new_id, session
from core.errors import Conflict, Malformed
from core.i18n import _
from core.permissions import Role
from core.users import User
from logistics.stations import Keeper


class NoSuchHost(Malformed):
    """Only a person with the role of a host can be appointed."""

    message = _("这个手机号不是主播。")


class AlreadyHost(Conflict):
    message = _("这位主播已经在本站点。")


class StationHost(Model):
    """A host whom a station's keeper has appointed."""

    __tablename__ = "station_hosts"
    __table_args__ = (
        Index(
            "uq_station_hosts_station_id_user_id",
            "station_id",
            "user_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
        ),
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime | None]


def appoint(station_id: UUID, user: User | None, *, by: UUID, now: datetime) -> StationHost:
    """Let a host sell live for a station, from now on."""
    if user is None or Role.HOST not in user.role_set:
        raise NoSuchHost()
    if session.scalar(_terms(user.id).where(StationHost.station_id == station_id)):
        raise AlreadyHost()
    host = StationHost(id=new_id(now), station_id=station_id, user_id=user.id, since=now)
    session.add(host)
    session.flush()
    audit.record("host.appoint", f"station:{station_id}", by=by, now=now, after={"host": str(user.id)})
    return host


def stations_kept_by(user_id: UUID) -> Select[tuple[UUID]]:
    """Stations where the person is a keeper today."""
    return select(Keeper.station_id).where(Keeper.user_id == user_id, Keeper.until.is_(None))


def stations_open_to(user_id: UUID) -> list[UUID]:
    """Stations for which the person may sell live: those kept and those appointed to, in id order."""
    both = union(stations_kept_by(user_id), _terms(user_id))
    return sorted(session.scalars(both))


def _terms(user_id: UUID) -> Select[tuple[UUID]]:
    return select(StationHost.station_id).where(StationHost.user_id == user_id, StationHost.until.is_(None))
