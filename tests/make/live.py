"""Makers of live sale."""

from datetime import datetime
from typing import Any

from core.db import session
from core.permissions import Role
from core.users import User
from logistics.staff import Duty
from logistics.stations import Station
from shop import live, offers
from shop.live import LiveSession
from shop.offers import LiveOffer
from shop.packs import Pack
from tests import make
from tests.make.shop import MORNING


def host(station: Station | None = None, *, now: datetime = MORNING) -> User:
    """A host who works at a station."""
    return make.keeper(station, user=make.user(roles=[Role.HOST], now=now), duty=Duty.HOST, now=now)


def live_session(
    *, host: User | None = None, title: str = "黄桃专场", on_air: bool = True, now: datetime = MORNING
) -> LiveSession:
    """A session, on air unless told otherwise."""
    person = host or make.host(now=now)
    made = live.plan(title, by=person.id, now=now)
    if on_air:
        live.start(made, by=person.id, now=now)
    return made


def live_pack(room: LiveSession, *, low_g: int = 400_000, now: datetime = MORNING, **more: Any) -> Pack:
    """A pack that can be sold in this session, with a lot behind it."""
    farm = make.farm(station=make.station_of(room), now=now)
    product = make.product(farm=farm, now=now)
    make.lot(product=product, low_g=low_g, now=now)
    return make.pack(product=product, now=now, **more)


def station_of(room: LiveSession) -> Station:
    """The station of a session."""
    return session.get_one(Station, room.station_id)


def live_offer(
    room: LiveSession | None = None,
    *,
    pack: Pack | None = None,
    price_minor: int = 2_590,
    pool: int = 100,
    now: datetime = MORNING,
    **more: Any,
) -> LiveOffer:
    """An open offer of a hundred packs at ¥25.90, in a session on air."""
    room = room or make.live_session(now=now)
    chosen = pack or make.live_pack(room, now=now)
    return offers.add(room, pack_id=chosen.id, price_minor=price_minor, pool=pool, by=room.host_id, now=now, **more)
