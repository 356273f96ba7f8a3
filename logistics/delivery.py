"""Delivery: out with the carrier, tried, handed over with proof, or sent back."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from core import personal, sealed
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Malformed
from core.i18n import _
from logistics import events, parcels
from logistics.moves import ParcelStatus
from logistics.parcels import Parcel
from logistics.scans import Code, Place

S = ParcelStatus


class ProofKind(StrEnum):
    """How we know that it arrived."""

    SIGNED = "signed"
    CODE = "code"
    PHOTO = "photo"
    COUNTED = "counted"
    """Goods counted onto the shelf by the station."""


class Collector(StrEnum):
    """Who took it."""

    SELF = "self"
    FAMILY = "family"
    NEIGHBOUR = "neighbour"
    STATION = "station"


class Reason(StrEnum):
    """Why an attempt failed: a hold without a reason does not stop the clock (EMSEVT V3)."""

    NOT_HOME = "not_home"
    REFUSED = "refused"
    ADDRESS_WRONG = "address_wrong"
    NO_ANSWER = "no_answer"
    ROAD_CLOSED = "road_closed"
    NOT_COLLECTED = "not_collected"
    DAMAGED = "damaged"
    WRONG_GOODS = "wrong_goods"


ADDRESSEES_FAULT = frozenset(
    {Reason.NOT_HOME, Reason.REFUSED, Reason.ADDRESS_WRONG, Reason.NO_ANSWER, Reason.NOT_COLLECTED}
)
"""For all other reasons carrier or station answer."""


class CollectorNameMissing(Malformed):
    """Somebody else took the parcel: his name belongs to the proof."""

    message = _("不是本人领取，请填写代收人姓名。")


class DeliveryProof(Model):
    """The proof of one hand-over. The collector's name is kept sealed, and only when it is not the addressee."""

    __tablename__ = "delivery_proofs"
    __table_args__ = (
        CheckConstraint(among("kind", ProofKind), name="kind_known"),
        CheckConstraint(among("collector", Collector), name="collector_known"),
        CheckConstraint("collector IN ('self', 'station') OR collector_sealed IS NOT NULL", name="proxy_named"),
    )

    id: Mapped[Id]
    parcel_id: Mapped[UUID] = mapped_column(ForeignKey("parcels.id"), unique=True)
    kind: Mapped[ProofKind] = mapped_column(one_of(ProofKind))
    collector: Mapped[Collector] = mapped_column(one_of(Collector))
    collector_sealed: Mapped[bytes | None]
    note: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


personal.register(
    "delivery_proofs",
    "collector",
    personal.Field(
        purpose="proof of delivery by proxy",
        basis="legal duty (Express Market Measures 2024); contract",
        clear_to="branch head with a reason",
        shown_else="who it was to the addressee, no name",
        kept=personal.RECIPIENT_NAME.kept,
        erased=personal.RECIPIENT_NAME.erased,
    ),
)


def out_for_delivery(parcel: Parcel, *, by: UUID | None, now: datetime) -> None:
    """The carrier has it in his bag."""
    parcels.move(parcel, S.OUT_FOR_DELIVERY, Code.OUT_FOR_DELIVERY, by=by, now=now, at=_here(parcel))


def attempt_failed(parcel: Parcel, *, reason: Reason, by: UUID | None, now: datetime) -> None:
    """Nobody took it; it goes back to the desk and is tried again."""
    parcels.move(parcel, S.ARRIVED, Code.ATTEMPTED, by=by, now=now, at=_here(parcel), note=reason.value)


def send_back(parcel: Parcel, *, reason: Reason, by: UUID | None, now: datetime) -> None:
    """Undeliverable: it goes back to the sender."""
    parcels.move(parcel, S.RETURNED, Code.RETURNED, by=by, now=now, at=_here(parcel), note=reason.value)
    events.parcel_returned.send(parcel, because=reason.value, now=now)


def deliver(
    parcel: Parcel,
    *,
    proof: ProofKind,
    collector: Collector = Collector.SELF,
    collector_name: str = "",
    note: str = "",
    by: UUID | None,
    now: datetime,
) -> DeliveryProof:
    """Hand the parcel over and keep the proof. Raises CollectorNameMissing."""
    named = collector_name.strip()
    if collector in {Collector.FAMILY, Collector.NEIGHBOUR} and not named:
        raise CollectorNameMissing
    parcels.move(parcel, S.DELIVERED, Code.DELIVERED, by=by, now=now, at=_here(parcel), note=collector.value)
    id_ = new_id(now)
    hidden = sealed.seal(named, table="delivery_proofs", column="collector", row_id=id_) if named else None
    kept = DeliveryProof(
        id=id_, parcel_id=parcel.id, kind=proof, collector=collector, collector_sealed=hidden, note=note, at=now, by=by
    )
    session.add(kept)
    session.flush()
    events.parcel_delivered.send(parcel, now=now)
    return kept


def _here(parcel: Parcel) -> Place:
    """Whoever delivers works from the branch, or from the station that the goods went to."""
    return Place(parcel.branch_id, parcel.destination_station_id)
