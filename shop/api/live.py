"""Live sale over HTTP: plan, start, show, price, stop, end; and what everybody may follow."""

from typing import Any
from uuid import UUID

from flask import request
from marshmallow import fields, validate
from werkzeug import Response

from core import auth, clock
from core.auth import public, requires
from core.paging import Page, PageArgs, page, page_schema
from core.permissions import Permission
from core.schemas import Moment, Schema, Whole
from core.settings import settings
from core.web import Blueprint
from shop import live, offers, relay, rooms
from shop.api.packs import SHIPS_BY, SHIPS_FROM
from shop.api.texts import Line
from shop.live import TITLE_MAX, LiveSession, SessionStatus
from shop.offer_terms import Window
from shop.offers import NUMBER_MAX, POOL_MAX, PRICE_MAX_MINOR, LiveOffer
from shop.presale import ShipWindow

blueprint = Blueprint("live-sessions", __name__, description="Live sale: sessions, their numbered offers, the stream")

PRICE = validate.Range(1, PRICE_MAX_MINOR)
LIMIT = validate.Range(1, 1_000)
CONFIRMED = {"description": "The price is meant, although it is below the floor"}


class LiveSessionIn(Schema):
    """A session to come, hosted by the caller at the station where he works."""

    title = Line(TITLE_MAX, required=True)
    station_id = fields.UUID(load_default=None, allow_none=True)


class LiveSessionOut(Schema):
    id = fields.UUID()
    station_id = fields.UUID()
    title = fields.String()
    status = fields.String()
    pinned_offer_id = fields.UUID(allow_none=True)
    created_at = Moment()
    started_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)


class LiveSessionList(PageArgs):
    """Which sessions."""

    status = fields.Enum(SessionStatus, by_value=True, load_default=None)


class PinIn(Schema):
    """The offer to show, or none."""

    offer_id = fields.UUID(required=True, allow_none=True)


class LiveOfferIn(Schema):
    """A new offer; without a number it gets the next one."""

    pack_id = fields.UUID(required=True)
    price_minor = Whole(required=True, validate=PRICE)
    pool = Whole(required=True, validate=validate.Range(0, POOL_MAX))
    per_buyer_limit = Whole(load_default=None, allow_none=True, validate=LIMIT)
    opens_at = Moment(load_default=None, allow_none=True)
    closes_at = Moment(load_default=None, allow_none=True)
    ships_from = fields.Date(load_default=None, allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.Date(load_default=None, allow_none=True, metadata=SHIPS_BY)
    confirmed = fields.Boolean(load_default=False, metadata=CONFIRMED)
    number = Whole(load_default=None, allow_none=True, validate=validate.Range(1, NUMBER_MAX))


class RepriceIn(Schema):
    price_minor = Whole(required=True, validate=PRICE)
    confirmed = fields.Boolean(load_default=False, metadata=CONFIRMED)


class LiveOfferOut(Schema):
    """An offer as its host sees it."""

    id = fields.UUID()
    session_id = fields.UUID()
    number = fields.Integer()
    pack_id = fields.UUID()
    price_minor = fields.Integer()
    currency = fields.String()
    pool = fields.Integer()
    held = fields.Integer()
    sold = fields.Integer()
    per_buyer_limit = fields.Integer(allow_none=True)
    opens_at = Moment(allow_none=True)
    closes_at = Moment(allow_none=True)
    ships_from = fields.Date(allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.Date(allow_none=True, metadata=SHIPS_BY)
    status = fields.String()


class ShownOffer(Schema):
    """An offer as everybody sees it; `left` is never more than can be sold."""

    offer_id = fields.UUID()
    number = fields.Integer()
    name = fields.String()
    pack_id = fields.UUID()
    pack = fields.String()
    net_g = fields.Integer()
    price_minor = fields.Integer()
    currency = fields.String()
    per_buyer_limit = fields.Integer(allow_none=True)
    opens_at = fields.String(allow_none=True)
    closes_at = fields.String(allow_none=True)
    ships_from = fields.String(allow_none=True, metadata=SHIPS_FROM)
    ships_by = fields.String(allow_none=True, metadata=SHIPS_BY)
    status = fields.String()
    left = fields.Integer()


class ShownOffers(Schema):
    items = fields.List(fields.Nested(ShownOffer))


class NowShowing(Schema):
    """The state that the stream sends, for those who poll."""

    status = fields.String()
    pinned = fields.Nested(ShownOffer, allow_none=True)


@blueprint.get("/live-sessions")
@public
@blueprint.arguments(LiveSessionList, location="query")
@blueprint.response(200, page_schema(LiveSessionOut))
def list_sessions(args: dict[str, Any]) -> Page[LiveSession]:
    """Live sessions, newest first; `status=on_air` for those to watch now."""
    query = live.in_status(live.visible_to(auth.current_or_none()), args.pop("status"))
    return page(query, model=LiveSession, **args)


@blueprint.post("/live-sessions")
@requires(Permission.LIVE_HOST)
@blueprint.arguments(LiveSessionIn)
@blueprint.response(201, LiveSessionOut)
def plan(new: dict[str, Any]) -> LiveSession:
    """Plan a session."""
    return live.plan(**new, by=auth.current().user_id, now=clock.now())


@blueprint.get("/live-sessions/<uuid:session_id>")
@public
@blueprint.response(200, LiveSessionOut)
def read(session_id: UUID) -> LiveSession:
    """One session."""
    return live.find(session_id, among=live.visible_to(auth.current_or_none()))


@blueprint.post("/live-sessions/<uuid:session_id>/start")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, LiveSessionOut)
def start(session_id: UUID) -> LiveSession:
    """Go on air."""
    return live.start(_mine(session_id), by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/end")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, LiveSessionOut)
def end(session_id: UUID) -> LiveSession:
    """Go off air."""
    return live.end(_mine(session_id), by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/pin")
@requires(Permission.LIVE_HOST)
@blueprint.arguments(PinIn)
@blueprint.response(200, LiveSessionOut)
def pin(which: dict[str, Any], session_id: UUID) -> LiveSession:
    """Put an offer before the camera, or none."""
    return offers.pin(_mine(session_id), which["offer_id"], by=auth.current().user_id, now=clock.now())


@blueprint.get("/live-sessions/<uuid:session_id>/offers")
@public
@blueprint.response(200, ShownOffers)
def list_offers(session_id: UUID) -> dict[str, Any]:
    """Every offer of a session with what is left of it, by number; at most 99."""
    live.find(session_id, among=live.visible_to(auth.current_or_none()))
    return {"items": rooms.offers_of(session_id, now=clock.now())}


@blueprint.post("/live-sessions/<uuid:session_id>/offers")
@requires(Permission.LIVE_HOST)
@blueprint.arguments(LiveOfferIn)
@blueprint.response(201, LiveOfferOut)
def offer(new: dict[str, Any], session_id: UUID) -> LiveOffer:
    """Offer a pack under a number, at a live price, from a pool of its own."""
    window = Window(new.pop("opens_at"), new.pop("closes_at"))
    ships = ShipWindow(new.pop("ships_from"), new.pop("ships_by"))
    return offers.add(_mine(session_id), **new, window=window, ships=ships, by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/offers/<uuid:offer_id>/reprice")
@requires(Permission.LIVE_HOST)
@blueprint.arguments(RepriceIn)
@blueprint.response(200, LiveOfferOut)
def reprice(new: dict[str, Any], session_id: UUID, offer_id: UUID) -> LiveOffer:
    """Sell at another price from now on; orders already placed keep theirs."""
    chosen = offers.find(_mine(session_id), offer_id)
    return offers.reprice(chosen, **new, by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/offers/<uuid:offer_id>/stop")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, LiveOfferOut)
def stop(session_id: UUID, offer_id: UUID) -> LiveOffer:
    """Sell no more of it, at once."""
    return offers.stop(offers.find(_mine(session_id), offer_id), by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/offers/<uuid:offer_id>/sold-out")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, LiveOfferOut)
def sold_out(session_id: UUID, offer_id: UUID) -> LiveOffer:
    """Call it sold out: the pool ends at what is held and sold."""
    return offers.sold_out(offers.find(_mine(session_id), offer_id), by=auth.current().user_id, now=clock.now())


@blueprint.post("/live-sessions/<uuid:session_id>/offers/<uuid:offer_id>/reopen")
@requires(Permission.LIVE_HOST)
@blueprint.response(200, LiveOfferOut)
def reopen(session_id: UUID, offer_id: UUID) -> LiveOffer:
    """Sell a stopped offer again."""
    return offers.reopen(offers.find(_mine(session_id), offer_id), by=auth.current().user_id, now=clock.now())


@blueprint.get("/live-sessions/<uuid:session_id>/now")
@public
@blueprint.response(200, NowShowing)
def now_showing(session_id: UUID) -> dict[str, Any]:
    """What the stream would send at this moment, for those who poll."""
    live.find(session_id, among=live.visible_to(auth.current_or_none()))
    return rooms.now_showing([session_id], now=clock.now())[session_id]


@blueprint.get("/live-sessions/<uuid:session_id>/stream")
@public
@blueprint.doc(responses={200: {"description": "text/event-stream of NowShowing, with the number of viewers"}})
def stream(session_id: UUID) -> Response:
    """Follow a session by server-sent events; may answer 307 with the address of the stream service."""
    live.find(session_id, among=live.visible_to(auth.current_or_none()))
    host = request.host.rpartition(":")[0] or request.host
    seen = request.headers.get("Last-Event-ID", "")
    return relay.stream(session_id, host=host, port=settings().stream_port, last_event_id=seen)


def _mine(session_id: UUID) -> LiveSession:
    return live.find(session_id, among=live.run_by(auth.current()))
