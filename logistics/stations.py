"""Places of the post: a branch and the stations that hang on it, each on exactly one branch at a time.

A branch is no station and a station has no stations of its own, so the tree has two levels and no cycle can be written.
Each station answers to one person: the head of its branch.
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, Select, select, union
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.auth import Who
from core.clock import LOCAL, local_day
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from logistics import regions, staff
from logistics.branches import NETWORK_ROLES, Branch, CodeTaken, CodeWrong, check_name
from logistics.staff import BranchStaff, Keeper

__all__ = ["Branch", "BranchStaff", "Keeper", "OutletType", "Station", "StationLevel", "StationTransfer"]

STATION_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,11}")
LONGITUDES = (Decimal(73), Decimal(136))
LATITUDES = (Decimal(3), Decimal(54))
"""The box that China lies in, in degrees: it catches a longitude and latitude that changed places."""


class StationUnknown(NotFound):
    """There is no such station, or it is not the caller's."""

    message = _("没有找到这个站点。")


class PositionWrong(Malformed):
    """The point is not in China; often the two figures changed places."""

    message = _("经度 {longitude}、纬度 {latitude} 不在国内，是不是填反了？")


class StationStopped(Conflict):
    """The station has closed for good."""

    message = _("“{station}”已经停办。")


class AlreadyThere(Conflict):
    """The station already belongs to this branch."""

    message = _("“{station}”本来就归这个支局。")


class OutletType(StrEnum):
    """The six kinds of outlet (六类网点)."""

    CAMPUS = "campus"
    THEME = "theme"
    BUSINESS = "business"
    COMMUNITY = "community"
    TOWN = "town"
    REMOTE = "remote"


OUTLET_NAMES = {
    OutletType.CAMPUS: _("校园"),
    OutletType.THEME: _("主题邮局"),
    OutletType.BUSINESS: _("商圈"),
    OutletType.COMMUNITY: _("社区"),
    OutletType.TOWN: _("乡镇"),
    OutletType.REMOTE: _("边远"),
}


class StationLevel(StrEnum):
    """Where a station stands in the network: for a town, or for a village."""

    TOWN = "town"
    VILLAGE = "village"


class Station(Model):
    """A counter in a town or village. It may be named after a place that no table of divisions knows."""

    __tablename__ = "stations"
    __table_args__ = (
        CheckConstraint(among("outlet_type", OutletType), name="outlet_type_known"),
        CheckConstraint(among("level", StationLevel), name="level_known"),
        CheckConstraint("longitude BETWEEN 73 AND 136 AND latitude BETWEEN 3 AND 54", name="inside_china"),
        CheckConstraint("(longitude IS NULL) = (latitude IS NULL)", name="whole_point"),
        CheckConstraint("stopped_on >= opened_on", name="opened_before_stopped"),
    )

    id: Mapped[Id]
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"), index=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    outlet_type: Mapped[OutletType] = mapped_column(one_of(OutletType))
    level: Mapped[StationLevel] = mapped_column(one_of(StationLevel))
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), index=True)
    detail: Mapped[str]
    van_stop_time: Mapped[time | None]
    """When the mail van calls, every day, Asia/Shanghai; empty where none calls."""
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(8, 6))
    opened_on: Mapped[date]
    stopped_on: Mapped[date | None]


class StationTransfer(Model):
    """A station's move from one branch to another; only ever added, so that old figures keep their branch."""

    __tablename__ = "station_transfers"
    __table_args__ = (CheckConstraint("from_branch_id <> to_branch_id", name="really_moved"),)

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    from_branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    to_branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    reason: Mapped[str]
    moved_at: Mapped[datetime]
    moved_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


def open_station(
    branch: Branch,
    *,
    code: str,
    name: str,
    outlet_type: OutletType,
    level: StationLevel,
    region_code: str,
    detail: str = "",
    van_stop_time: time | None = None,
    longitude: Decimal | None = None,
    latitude: Decimal | None = None,
    by: UUID | None,
    now: datetime,
) -> Station:
    """A new station of a branch.

    Raises CodeWrong, CodeTaken, NameWrong, PositionWrong and what `regions.check_deliverable` raises.
    """
    regions.check_deliverable(region_code)
    _check_code(code)
    _check_position(longitude, latitude)
    station = Station(
        id=new_id(now),
        branch_id=branch.id,
        code=code,
        name=check_name(name),
        outlet_type=outlet_type,
        level=level,
        region_code=region_code,
        detail=detail.strip(),
        van_stop_time=van_stop_time,
        longitude=longitude,
        latitude=latitude,
        opened_on=local_day(now),
    )
    session.add(station)
    session.flush()
    audit.record("station:open", f"stations:{station.id}", by=by, now=now, after={"code": code, "branch": branch.id})
    return station


def transfer(station: Station, to: Branch, *, reason: str, by: UUID | None, now: datetime) -> StationTransfer:
    """Move a station to another branch; everything it ever did stays its own. Raises StationStopped, AlreadyThere."""
    _lock(station)
    if station.branch_id == to.id:
        raise AlreadyThere(station=station.name)
    moved = StationTransfer(
        id=new_id(now),
        station_id=station.id,
        from_branch_id=station.branch_id,
        to_branch_id=to.id,
        reason=reason,
        moved_at=now,
        moved_by=by,
    )
    station.branch_id = to.id
    session.add(moved)
    session.flush()
    return moved


def set_van_stop(station: Station, at: time | None, *, by: UUID | None, now: datetime) -> None:
    """Say when the van calls from now on, or that none calls. Raises StationStopped."""
    _lock(station)
    before, station.van_stop_time = station.van_stop_time, at
    session.flush()
    audit.record("station:van", f"stations:{station.id}", by=by, now=now, before={"at": before}, after={"at": at})


def stop(station: Station, *, by: UUID | None, now: datetime) -> None:
    """Close a station for good and end its people's time there. Raises StationStopped."""
    _lock(station)
    for keeper in staff.present(station.id):
        staff.release(station.id, keeper.user_id, by=by, now=now)
    station.stopped_on = local_day(now)
    session.flush()
    audit.record("station:stop", f"stations:{station.id}", by=by, now=now)


def next_van(station: Station, *, now: datetime) -> datetime | None:
    """When the mail van next calls: later today or tomorrow; None where none calls. A van due this moment has left."""
    return next_call(station.van_stop_time, now=now)


def next_call(stop: time | None, *, now: datetime) -> datetime | None:
    """When a van next calls that stops at this time every day."""
    if stop is None:
        return None
    today = datetime.combine(local_day(now), stop, tzinfo=LOCAL)
    return today if today > now else today + timedelta(days=1)


def managed_by(who: Who) -> Select[UUID]:
    """Ids of the stations where a person works, or whose branch he works for. The province sees all."""
    if who.roles & NETWORK_ROLES:
        return select(Station.id)
    kept = select(Keeper.station_id.label("id")).where(Keeper.user_id == who.user_id, Keeper.until.is_(None))
    around = select(Station.id).join(BranchStaff, BranchStaff.branch_id == Station.branch_id)
    # A union, not an OR: each half goes through its own index, however many stations the country has.
    both = union(kept, around.where(BranchStaff.user_id == who.user_id)).subquery()
    return select(both.c.id)


def visible_to(who: Who) -> Select[Station]:
    """The stations that are a person's business: where he works, those of his branch, all for the province.

    Everybody else sees none. Start from here for whatever hangs on a station: parcels, farms, cash.
    """
    return select(Station) if who.roles & NETWORK_ROLES else select(Station).where(Station.id.in_(managed_by(who)))


def find(station_id: UUID, *, who: Who) -> Station:
    """A station that is the caller's business. Raises StationUnknown."""
    station = session.scalar(visible_to(who).where(Station.id == station_id))
    if station is None:
        raise StationUnknown
    return station


def by_code(code: str) -> Station | None:
    """The station with a code."""
    return session.scalar(select(Station).where(Station.code == code))


def of_keeper(user_id: UUID) -> Station | None:
    """The station where a person works now."""
    query = select(Station).join(Keeper, Keeper.station_id == Station.id)
    return session.scalar(query.where(Keeper.user_id == user_id, Keeper.until.is_(None)))


def transfers_of(station: Station) -> list[StationTransfer]:
    """Every move between branches, oldest first."""
    query = select(StationTransfer).where(StationTransfer.station_id == station.id)
    return list(session.scalars(query.order_by(StationTransfer.id)))


def _lock(station: Station) -> None:
    session.refresh(station, with_for_update=True)
    if station.stopped_on is not None:
        raise StationStopped(station=station.name)


def _check_code(code: str) -> None:
    if not STATION_CODE.fullmatch(code):
        raise CodeWrong(code=code[:20])
    if by_code(code):
        raise CodeTaken(code=code)


def _check_position(longitude: Decimal | None, latitude: Decimal | None) -> None:
    if longitude is None and latitude is None:
        return
    inside = longitude is not None and LONGITUDES[0] <= longitude <= LONGITUDES[1]
    if not inside or latitude is None or not LATITUDES[0] <= latitude <= LATITUDES[1]:
        raise PositionWrong(longitude=longitude, latitude=latitude)
