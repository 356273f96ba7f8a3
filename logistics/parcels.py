"""Parcels: boxes in the hands of the post, for whomever. A parcel's reference is the sender's business, not ours."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Select, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.util import identity_key

from core import sealed
from core.auth import Who
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, IllegalMove, NotFound
from core.i18n import _
from logistics import events, numbers, scans, stations
from logistics.addresses import Address
from logistics.branches import NETWORK_ROLES
from logistics.moves import BEFORE_SCALE, ENDED, NEXT, ON_THE_WAY, WORDS, ParcelStatus
from logistics.scans import Code, Place
from logistics.sets import within
from logistics.stations import Station

__all__ = ["Kind", "NewParcel", "Parcel", "ParcelStatus"]

S = ParcelStatus
PHONE_PURPOSE = "phone/recipient"


class Kind(StrEnum):
    """An order's box for a buyer, or a carton of wholesale goods for a station's shelf."""

    ORDER = "order"
    GOODS = "goods"


class ParcelMovedMeanwhile(Conflict):
    """Another hand moved the parcel between our look and our step."""

    message = _("包裹 {number} 刚被别人处理过，请刷新再看。")


class Parcel(Model):
    """One box with one number. Who gets it is sealed; masks and labels open it, people give a reason."""

    __tablename__ = "parcels"
    __table_args__ = (
        CheckConstraint(among("kind", Kind), name="kind_known"),
        CheckConstraint(among("status", ParcelStatus), name="status_known"),
        CheckConstraint(
            "kind <> 'order' OR (station_id IS NOT NULL AND name_sealed IS NOT NULL)", name="order_has_ends"
        ),
        CheckConstraint("kind <> 'goods' OR destination_station_id IS NOT NULL", name="goods_have_a_shelf"),
        CheckConstraint("net_g = gross_g - tare_g AND net_g > 0", name="net_is_gross_less_tare"),
        CheckConstraint(
            f"kind = 'goods' OR {among('status', list(BEFORE_SCALE))} OR net_g IS NOT NULL"
            " AND (promised_net_g IS NULL OR net_g >= promised_net_g OR weight_note IS NOT NULL)",
            name="net_gate",
        ),
        CheckConstraint(
            f"NOT ({among('status', list(ON_THE_WAY))}) OR (real_name_checked_at IS NOT NULL"
            " AND inspected_at IS NOT NULL AND screened_at IS NOT NULL)",
            name="no_departure_without_marks",
        ),
        Index(
            "ix_parcels_open",
            "station_id",
            "status",
            "id",
            postgresql_where=f"NOT ({among('status', list(ENDED))})",
        ),
        Index(None, "destination_station_id", "status"),
        Index(None, "branch_id", "status"),
        Index("ix_parcels_run_id", "run_id", postgresql_where="run_id IS NOT NULL"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[Kind] = mapped_column(one_of(Kind))
    reference: Mapped[str | None] = mapped_column(index=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"))
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    """Where the box is packed; goods start at the branch and have none."""
    destination_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("stations.id"))
    name_sealed: Mapped[bytes | None]
    phone_sealed: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(index=True)
    phone_tail: Mapped[str | None]
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    detail_sealed: Mapped[bytes | None]
    contents: Mapped[str]
    promised_net_g: Mapped[int | None]
    tare_g: Mapped[int]
    gross_g: Mapped[int | None]
    net_g: Mapped[int | None]
    weight_note: Mapped[str | None]
    """Why a weight below the promise passed the gate; empty for all others."""
    quote: Mapped[dict[str, Any] | None]
    """Postage as frozen at the scale: tariff, inputs, fee."""
    status: Mapped[ParcelStatus] = mapped_column(one_of(ParcelStatus))
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("runs.id"))
    real_name_checked_at: Mapped[datetime | None]
    real_name_checked_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    inspected_at: Mapped[datetime | None]
    inspected_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    screened_at: Mapped[datetime | None]
    screened_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    pack_by: Mapped[datetime | None]
    pack_from: Mapped[date | None]
    """Before this day it waits for no hands: its sender promised to let it leave later."""
    created_at: Mapped[datetime]


@dataclass(frozen=True)
class NewParcel:
    """What the sender says about a box. Goods name the station whose shelf they go to and no person."""

    station_id: UUID | None
    reference: str | None
    recipient: Address | None
    contents: str
    promised_net_g: int | None
    tare_g: int
    pack_by: datetime | None
    kind: Kind | str = Kind.ORDER
    destination_station_id: UUID | None = None
    pack_from: date | None = None


def register(*, now: datetime, by: UUID | None = None, **facts: Any) -> Parcel:
    """Take one parcel into the books; `facts` as in NewParcel."""
    return register_many([NewParcel(**facts)], now=now, by=by)[0]


def register_many(wanted: Sequence[NewParcel], *, now: datetime, by: UUID | None = None) -> list[Parcel]:
    """Take many parcels into the books in a few statements, in this order. Raises NotFound for an unknown station."""
    if not wanted:
        return []
    at = [one.station_id or one.destination_station_id for one in wanted]
    homes = {home.id: home for home in session.scalars(select(Station).where(Station.id.in_(set(at))))}
    if set(at) - homes.keys():
        raise NotFound
    ends = [homes[id_] for id_ in at if id_]
    free = {
        branch_id: iter(numbers.next_parcel_numbers(branch_id, count))
        for branch_id, count in sorted(Counter(home.branch_id for home in ends).items())
    }
    rows = [_row(one, home, number=next(free[home.branch_id]), now=now) for one, home in zip(wanted, ends, strict=True)]
    fresh = session.scalars(insert(Parcel).returning(Parcel, sort_by_parameter_order=True), rows).all()
    scans.record([parcel.id for parcel in fresh], Code.REGISTERED, by=by, now=now)
    return list(fresh)


def _row(one: NewParcel, home: Station, *, number: str, now: datetime) -> dict[str, Any]:
    id_ = new_id(now)
    to = one.recipient
    clear = {"name": to and to.name, "phone": to and to.phone, "detail": to and to.detail}
    hidden = {
        f"{field}_sealed": text and sealed.seal(text, table="parcels", column=field, row_id=id_)
        for field, text in clear.items()
    }
    return hidden | {
        "id": id_,
        "number": number,
        "kind": Kind(one.kind),
        "reference": one.reference,
        "branch_id": home.branch_id,
        "station_id": one.station_id if one.kind == Kind.ORDER else None,
        "destination_station_id": one.destination_station_id,
        "phone_index": to and sealed.blind(to.phone, PHONE_PURPOSE),
        "phone_tail": to and to.phone[-4:],
        "region_code": to.region_code if to else home.region_code,
        "contents": one.contents,
        "promised_net_g": one.promised_net_g,
        "tare_g": one.tare_g,
        "status": S.REGISTERED,
        "pack_by": one.pack_by,
        "pack_from": one.pack_from,
        "created_at": now,
    }


def move(
    parcel: Parcel,
    to: ParcelStatus,
    code: Code,
    *,
    by: UUID | None,
    now: datetime,
    at: Place | None = None,
    note: str = "",
    **changes: Any,
) -> None:
    """One legal step and its scan; `changes` are columns set with it. Raises IllegalMove, ParcelMovedMeanwhile."""
    seen = parcel.status
    if to not in NEXT[seen]:
        raise IllegalMove(current=WORDS[seen], wanted=WORDS[to])
    if not step([parcel.id], to, code, only_from=[seen], by=by, now=now, at=at, note=note, **changes):
        raise ParcelMovedMeanwhile(number=parcel.number)
    events.parcel_moved.send(parcel, now=now)


def step(
    parcel_ids: Sequence[UUID],
    to: ParcelStatus,
    code: Code,
    *,
    by: UUID | None,
    now: datetime,
    only_from: Sequence[ParcelStatus] = (),
    at: Place | None = None,
    note: str = "",
    **changes: Any,
) -> list[UUID]:
    """Take a set of parcels one step on; those for which it is not legal stay where they are. Returns who moved.

    A compare-and-set in two statements, however many parcels there are. No news is sent: the caller sends its own.
    """
    legal = [status for status in only_from or NEXT if to in NEXT[status]]
    moved = session.scalars(
        update(Parcel)
        .where(within(Parcel.id, parcel_ids), Parcel.status.in_(legal))
        .values(status=to, **changes)
        .returning(Parcel.id)
        .execution_options(synchronize_session=False)
    ).all()
    if moved:
        scans.record(moved, code, at=at, by=by, now=now, note=note)
    reread(moved)
    return list(moved)


def reread(parcel_ids: Sequence[UUID]) -> None:
    """Those of these parcels that this session holds are read again, in one statement."""
    held = [id_ for id_ in parcel_ids if identity_key(Parcel, id_) in session.identity_map]
    if held:
        session.scalars(select(Parcel).where(within(Parcel.id, held)).execution_options(populate_existing=True)).all()


def cancel(parcel: Parcel, *, by: UUID | None, now: datetime, reason: str = "") -> None:
    """Take a parcel back before it is on the van. Its label, if any, is void."""
    move(parcel, S.CANCELLED, Code.CANCELLED, by=by, now=now, note=reason)
    events.parcel_cancelled.send(parcel, now=now)


def visible_to(who: Who) -> Select[Parcel]:
    """Parcels that pass through this person's hands: from or to a station that is his business."""
    if who.roles & NETWORK_ROLES:
        return select(Parcel)
    mine = stations.managed_by(who)
    return select(Parcel).where(or_(Parcel.station_id.in_(mine), Parcel.destination_station_id.in_(mine)))


def narrowed(query: Select[Parcel], station_id: UUID | None, status: ParcelStatus | None) -> Select[Parcel]:
    """The same parcels, only those that start at a station, only those in a state."""
    if station_id is not None:
        query = query.where(Parcel.station_id == station_id)
    return query if status is None else query.where(Parcel.status == status)


def by_number(number: str, among_these: Select[Parcel] | None = None) -> Parcel:
    """The parcel with a number, as typed or scanned, among those that the asker may see. Raises NotFound."""
    query = select(Parcel) if among_these is None else among_these
    parcel = session.scalar(query.where(Parcel.number == numbers.clean(number)))
    if parcel is None:
        raise NotFound
    return parcel


def by_numbers(asked: Sequence[str], among_these: Select[Parcel]) -> list[Parcel]:
    """Parcels by number, in the order asked, each once. Raises NotFound when one of them is not among these."""
    wanted = list(dict.fromkeys(numbers.clean(number) for number in asked))
    known = {parcel.number: parcel for parcel in session.scalars(among_these.where(within(Parcel.number, wanted)))}
    if len(known) != len(wanted):
        raise NotFound
    return [known[number] for number in wanted]


def is_early(day: date) -> ColumnElement[bool]:
    """Parcels that wait for no hands yet."""
    return (Parcel.status == S.REGISTERED) & func.coalesce(Parcel.pack_from > day, False)


def board(station_id: UUID, *, day: date) -> dict[ParcelStatus, int]:
    """How many parcels of a station stand in each open state, but for early ones, in one statement over their index."""
    query = (
        select(Parcel.status, func.count())
        .where(Parcel.station_id == station_id, Parcel.status.not_in(ENDED), ~is_early(day))
        .group_by(Parcel.status)
    )
    counts = dict(session.execute(query).all())
    return {status: counts.get(status, 0) for status in NEXT if status not in ENDED}
