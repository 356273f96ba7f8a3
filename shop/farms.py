"""Farms: who grows and makes what is sold, and the station that packs for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Select, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from core import audit, users
from core.auth import Who
from core.db import Id, Model, new_id, session
from core.errors import NotFound
from core.i18n import _
from core.permissions import Role
from logistics import regions, staff, stations
from logistics.staff import PersonUnknown
from logistics.stations import Station, StationUnknown


class FarmUnknown(NotFound):
    """There is no such farm, or it is not the caller's."""

    message = _("没有找到这家农户。")


class Farm(Model):
    """A household or a firm that lists produce. Its parcels leave from its station."""

    __tablename__ = "farms"

    id: Mapped[Id]
    name: Mapped[str]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    household: Mapped[bool] = mapped_column(default=True)
    """A household is encouraged to carry a certificate of conformity; a firm or a co-op must."""
    created_at: Mapped[datetime]


class FarmMember(Model):
    """A person who speaks for a farm."""

    __tablename__ = "farm_members"

    farm_id: Mapped[UUID] = mapped_column(ForeignKey("farms.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    since: Mapped[datetime]


def register(
    *,
    name: str,
    station_id: UUID,
    region_code: str,
    household: bool = True,
    member_id: UUID | None = None,
    by: UUID | None,
    now: datetime,
) -> Farm:
    """A new farm at a station; `member_id` is the first person who speaks for it.

    Raises RegionUnknown, RegionTooCoarse, PersonUnknown.
    """
    regions.check_deliverable(region_code)
    farm = Farm(
        id=new_id(now), name=name, station_id=station_id, region_code=region_code, household=household, created_at=now
    )
    session.add(farm)
    session.flush()
    if member_id is not None:
        add_member(farm, member_id, now=now)
    audit.record("farm:register", f"farms:{farm.id}", by=by, now=now, after={"name": name})
    return farm


def take_in(
    *,
    name: str,
    station_id: UUID,
    region_code: str,
    household: bool = True,
    member_phone: str | None = None,
    who: Who,
    now: datetime,
) -> Farm:
    """A station takes a farm in, for the person with `member_phone`; or a farmer brings his own farm to a station.

    Raises StationUnknown, PersonUnknown, PhoneImpossible, RegionUnknown, RegionTooCoarse.
    """
    keeps = session.scalar(stations.visible_to(who).where(Station.id == station_id)) is not None
    station = session.get(Station, station_id)
    if station is None or station.stopped_on is not None or not (keeps or Role.FARMER in who.roles):
        raise StationUnknown()
    member_id = _person(member_phone) if keeps and member_phone else None if keeps else who.user_id
    return register(
        name=name,
        station_id=station_id,
        region_code=region_code,
        household=household,
        member_id=member_id,
        by=who.user_id,
        now=now,
    )


def _person(phone: str) -> UUID:
    user = users.by_phone(phone)
    if user is None:
        raise PersonUnknown()
    return user.id


def add_member(farm: Farm, user_id: UUID, *, now: datetime) -> None:
    """Let a person speak for the farm, as a farmer. Raises PersonUnknown."""
    staff.grant(user_id, Role.FARMER)
    session.add(FarmMember(farm_id=farm.id, user_id=user_id, since=now))
    session.flush()


def change(farm: Farm, changes: dict[str, str | bool], *, by: UUID, now: datetime) -> Farm:
    """Correct the name, the place or the kind of a farm. Raises RegionUnknown, RegionTooCoarse."""
    if "region_code" in changes:
        regions.check_deliverable(str(changes["region_code"]))
    before = {field: getattr(farm, field) for field in changes}
    for field, value in changes.items():
        setattr(farm, field, value)
    session.flush()
    audit.record("farm:change", f"farms:{farm.id}", by=by, now=now, before=before, after=dict(changes))
    return farm


def visible_to(who: Who) -> Select[Farm]:
    """The farms that a person may look after: one's own, and those of the stations that are one's business."""
    mine = select(FarmMember.farm_id).where(FarmMember.user_id == who.user_id)
    return select(Farm).where(or_(Farm.id.in_(mine), Farm.station_id.in_(stations.managed_by(who))))


def find(farm_id: UUID, *, who: Who) -> Farm:
    """A farm that the caller may look after. Raises FarmUnknown."""
    farm = session.scalar(visible_to(who).where(Farm.id == farm_id))
    if farm is None:
        raise FarmUnknown()
    return farm
