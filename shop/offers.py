"""Offers: what a live session sells, by the number that the host calls out, at a live price and from its own pool."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.clock import local_day
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, IllegalMove, Malformed, NotFound
from core.i18n import _
from core.money import CURRENCY
from shop import packs
from shop.live import LiveSession, NotOnAir, SessionStatus, changed_for_viewers, show
from shop.offer_movements import OfferCause, record
from shop.offer_terms import ALWAYS, Window, check_floor
from shop.packs import Pack
from shop.presale import READY, ShipWindow

NUMBER_MAX = 99
PRICE_MAX_MINOR = 10_000_000
POOL_MAX = 10_000_000


class OfferUnknown(NotFound):
    message = _("没有找到这个链接。")


class OfferStopped(Conflict):
    message = _("{number} 号链接已经停卖。")


class NumberTaken(Conflict):
    """A number means one offer in a session, also after it has stopped."""

    message = _("{number} 号已经用过了。")


class TooManyOffers(Conflict):
    message = _("一场直播最多 {most} 个链接。")


class PackOfOtherStation(Conflict):
    """A session sells what its own station packs, so that an order leaves from one place."""

    message = _("“{pack}”不在这个站点发货，不能在这场直播里卖。")


class OfferOutOfBounds(Malformed):
    message = _("价格要在 0.01 到 {most_yuan} 元之间，数量不能是负数。")


class OfferStatus(StrEnum):
    """Open offers sell while their session is on air; stopped ones do not."""

    OPEN = "open"
    STOPPED = "stopped"


class LiveOffer(Model):
    """One numbered thing in a session. Pool, held and sold count packs."""

    __tablename__ = "live_offers"
    __table_args__ = (
        UniqueConstraint("session_id", "number"),
        CheckConstraint("number BETWEEN 1 AND 99", name="number"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("per_buyer_limit >= 1", name="per_buyer_limit"),
        CheckConstraint("held >= 0 AND sold >= 0 AND held + sold <= pool", name="never_oversold"),
        CheckConstraint("closes_at > opens_at", name="window"),
        CheckConstraint("(ships_from IS NULL) = (ships_by IS NULL) AND ships_from <= ships_by", name="ship_window"),
        CheckConstraint(among("status", OfferStatus), name="status"),
        {"postgresql_with": {"fillfactor": 60}},
    )

    id: Mapped[Id]
    session_id: Mapped[UUID] = mapped_column(ForeignKey("live_sessions.id"))
    number: Mapped[int]
    pack_id: Mapped[UUID] = mapped_column(ForeignKey("packs.id"), index=True)
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    pool: Mapped[int]
    held: Mapped[int] = mapped_column(default=0)
    sold: Mapped[int] = mapped_column(default=0)
    per_buyer_limit: Mapped[int | None]
    opens_at: Mapped[datetime | None]
    """The flash window, open on a side that is not set; the clock of the house counts, and `closes_at` is outside."""
    closes_at: Mapped[datetime | None]
    ships_from: Mapped[date | None]
    """The days in which a presale leaves (`shop.presale`); where none are set those of its pack count."""
    ships_by: Mapped[date | None]
    status: Mapped[OfferStatus] = mapped_column(one_of(OfferStatus), default=OfferStatus.OPEN)
    created_at: Mapped[datetime]
    pack: Mapped[Pack] = relationship()


def add(
    live: LiveSession,
    *,
    pack_id: UUID,
    price_minor: int,
    pool: int,
    per_buyer_limit: int | None = None,
    number: int | None = None,
    window: Window = ALWAYS,
    ships: ShipWindow = READY,
    confirmed: bool = False,
    by: UUID,
    now: datetime,
) -> LiveOffer:
    """A new offer, under the next free number unless one is given.

    Raises what `packs.on_sale` raises, BelowFloor unless the price is `confirmed`, and what its windows say.
    """
    _check_figures(price_minor, pool)
    window.check(now=now)
    ships.check(now=now)
    pack = _pack_of(live, pack_id)
    check_floor(pack, price_minor, confirmed=confirmed)
    offer = LiveOffer(
        id=new_id(now),
        session_id=live.id,
        number=_free_number(live, number),
        pack=pack,
        price_minor=price_minor,
        pool=pool,
        per_buyer_limit=per_buyer_limit,
        **window._asdict(),
        **ships._asdict(),
        created_at=now,
    )
    session.add(offer)
    session.flush()
    record(offer.id, OfferCause.ADD, pool_delta=pool, price_minor=price_minor, by=by, now=now)
    changed_for_viewers(live.id)
    return offer


def reprice(offer: LiveOffer, *, price_minor: int, confirmed: bool = False, by: UUID, now: datetime) -> LiveOffer:
    """Sell at another price from now on; orders already placed keep theirs. Raises BelowFloor unless `confirmed`."""
    _check_figures(price_minor)
    check_floor(offer.pack, price_minor, confirmed=confirmed)
    return _change(offer, OfferStatus.OPEN, {"price_minor": price_minor}, OfferCause.REPRICE, by=by, now=now)


def stop(offer: LiveOffer, *, by: UUID, now: datetime) -> LiveOffer:
    """Sell no more of it, at once. What is held may still be paid."""
    return _change(offer, OfferStatus.OPEN, {"status": OfferStatus.STOPPED}, OfferCause.STOP, by=by, now=now)


def sold_out(offer: LiveOffer, *, by: UUID, now: datetime) -> LiveOffer:
    """End the pool at what is held and sold: it shows as sold out. What a hold gives back later may sell again."""
    session.refresh(offer, with_for_update={"key_share": True})
    if offer.status is not OfferStatus.OPEN:
        raise OfferStopped(number=offer.number)
    taken = offer.held + offer.sold - offer.pool
    offer.pool += taken
    session.flush()
    record(offer.id, OfferCause.SOLD_OUT, pool_delta=taken, by=by, now=now)
    changed_for_viewers(offer.session_id)
    return offer


def reopen(offer: LiveOffer, *, by: UUID, now: datetime) -> LiveOffer:
    """Sell a stopped offer again."""
    return _change(offer, OfferStatus.STOPPED, {"status": OfferStatus.OPEN}, OfferCause.REOPEN, by=by, now=now)


def pin(live: LiveSession, offer_id: UUID | None, *, by: UUID, now: datetime) -> LiveSession:
    """Put an open offer of this session before the camera, or none. Raises OfferUnknown, OfferStopped, NotOnAir."""
    if offer_id is not None:
        offer = find(live, offer_id)
        if offer.status is not OfferStatus.OPEN:
            raise OfferStopped(number=offer.number)
    return show(live, offer_id, by=by, now=now)


def find(live: LiveSession, offer_id: UUID) -> LiveOffer:
    """An offer of this session. Raises OfferUnknown for that of another."""
    offer = session.get(LiveOffer, offer_id)
    if offer is None or offer.session_id != live.id:
        raise OfferUnknown()
    return offer


def of_session(session_id: UUID) -> Sequence[LiveOffer]:
    """All offers of a session, by number."""
    return session.scalars(select(LiveOffer).where(LiveOffer.session_id == session_id).order_by(LiveOffer.number)).all()


LEFT_PACKS = """
CASE WHEN offer.status = 'open' AND coalesce(coalesce(offer.ships_by, pack.ships_by) > :day, true)
THEN greatest(0, least(offer.pool - offer.held - offer.sold, coalesce((
    SELECT max((lot.ceiling_g - lot.held_g - lot.allocated_g) / pack.net_g)
    FROM harvest_lots lot
    WHERE lot.product_id = pack.product_id AND lot.status = 'open'
          AND lot.ready_on <= coalesce(offer.ships_by, pack.ships_by, :day)
          AND lot.best_before >= greatest(coalesce(offer.ships_from, pack.ships_from), :day)
), 0))) ELSE 0 END
"""
"""Packs of `offer` that can still be sold: never more than its pool, nor than one lot of its `pack` can give that is
ready on `day` or, for a presale, in the days in which it leaves."""


def left(offer_ids: Collection[UUID], *, now: datetime) -> dict[UUID, int]:
    """Packs that can still be sold of each offer. The lot is asked too: the shop window and other packs draw on it."""
    query = f"SELECT offer.id, {LEFT_PACKS} AS packs FROM live_offers offer JOIN packs pack ON pack.id = offer.pack_id"
    rows = session.execute(
        text(f"{query} WHERE offer.id = ANY(CAST(:ids AS uuid[]))"), {"ids": list(offer_ids), "day": local_day(now)}
    )
    return {row.id: row.packs for row in rows}


def _pack_of(live: LiveSession, pack_id: UUID) -> Pack:
    pack = packs.on_sale([pack_id])[pack_id]
    if pack.product.farm.station_id != live.station_id:
        raise PackOfOtherStation(pack=pack.name)
    return pack


def _check_figures(price_minor: int, pool: int = 0) -> None:
    if not (1 <= price_minor <= PRICE_MAX_MINOR and 0 <= pool <= POOL_MAX):
        raise OfferOutOfBounds(most_yuan=PRICE_MAX_MINOR // 100)


def _free_number(live: LiveSession, wanted: int | None) -> int:
    """The wanted number or the next one; the session is locked, so that two hands never get the same."""
    still = session.scalar(select(LiveSession.status).where(LiveSession.id == live.id).with_for_update(key_share=True))
    if still is SessionStatus.ENDED:
        raise NotOnAir()
    taken = set(session.scalars(select(LiveOffer.number).where(LiveOffer.session_id == live.id)))
    if wanted in taken:
        raise NumberTaken(number=wanted)
    number = wanted or max(taken, default=0) + 1
    if len(taken) >= NUMBER_MAX or number > NUMBER_MAX:
        raise TooManyOffers(most=NUMBER_MAX)
    return number


def _change(
    offer: LiveOffer, expected: OfferStatus, values: dict[str, Any], cause: OfferCause, *, by: UUID, now: datetime
) -> LiveOffer:
    """Compare and set: only an offer in the expected state changes, and leaves a row."""
    changed = session.scalar(
        update(LiveOffer)
        .where(LiveOffer.id == offer.id, LiveOffer.status == expected)
        .values(**values)
        .returning(LiveOffer.id)
    )
    session.refresh(offer)
    if changed is None:
        raise (
            IllegalMove(current=offer.status, wanted=cause)
            if cause is OfferCause.REOPEN
            else OfferStopped(number=offer.number)
        )
    record(offer.id, cause, price_minor=values.get("price_minor"), by=by, now=now)
    changed_for_viewers(offer.session_id)
    return offer
