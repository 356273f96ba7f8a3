"""The host's console: start, show, price, stop; what is left and what has been ordered, at a thumb's reach."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import func, select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import Refusal
from core.once import once
from core.permissions import Permission
from orders import session_report
from orders.orders import Order, OrderStatus
from shop import live, offers
from shop.farms import Farm
from shop.live import LiveSession
from shop.offer_terms import Window
from shop.offers import LiveOffer, OfferStatus
from shop.packs import Pack, PackStatus
from shop.products import Product, ProductStatus
from web import forms, pages

blueprint = Blueprint("host", __name__)
SHOWN = 50


@dataclass(frozen=True)
class Pulse:
    """Orders of a session: in the last minute, since the start, and their money."""

    last_minute: int
    orders: int
    total_minor: int


@blueprint.get("/host")
@requires(Permission.LIVE_HOST)
def sessions() -> str:
    """My sessions, and a new one."""
    return _sessions(None)


@blueprint.post("/host")
@requires(Permission.LIVE_HOST)
@once
def plan() -> Response:
    """Prepare a session."""
    try:
        with session.begin_nested():
            planned = live.plan(request.form.get("title", ""), by=auth.current().user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_sessions(refusal), refusal.status)
    return pages.redirect(url_for("host.console", session_id=planned.id))


@blueprint.get("/host/<uuid:session_id>")
@requires(Permission.LIVE_HOST)
def console(session_id: UUID) -> str:
    """Everything of one session on one thumb's screen."""
    return _console(live.find(session_id, among=live.run_by(auth.current())), None)


@blueprint.get("/host/<uuid:session_id>/report")
@requires(Permission.LIVE_HOST)
def report(session_id: UUID) -> str:
    """How the session went."""
    found = live.find(session_id, among=live.run_by(auth.current()))
    made = session_report.of_session(found.id, now=clock.now())
    return render_template("host_report.html", live=found, report=made)


@blueprint.post("/host/<uuid:session_id>/<any(start, end, unpin):deed>")
@requires(Permission.LIVE_HOST)
def act(session_id: UUID, deed: str) -> Response:
    """Go on air, leave it, or show nothing."""
    found, who, now = live.find(session_id, among=live.run_by(auth.current())), auth.current(), clock.now()
    if deed == "start":
        live.start(found, by=who.user_id, now=now)
    elif deed == "end":
        live.end(found, by=who.user_id, now=now)
    else:
        offers.pin(found, None, by=who.user_id, now=now)
    return pages.redirect(url_for("host.console", session_id=session_id))


@blueprint.post("/host/<uuid:session_id>/offers")
@requires(Permission.LIVE_HOST)
@once
def add(session_id: UUID) -> Response:
    """Put a pack on the list under the next number."""
    found, who = live.find(session_id, among=live.run_by(auth.current())), auth.current()
    try:
        with session.begin_nested():
            offers.add(
                found, pack_id=forms.uuid(request.form.get("pack", "")),
                price_minor=forms.fen_of_yuan("yuan"), pool=forms.whole("pool"),
                per_buyer_limit=forms.optional_whole("limit"), window=_window(clock.now()), ships=forms.ship_window(),
                confirmed=forms.confirmed("yuan"), by=who.user_id, now=clock.now(),
            )  # fmt: skip
    except Refusal as refusal:
        return make_response(_console(found, refusal), refusal.status)
    return pages.redirect(url_for("host.console", session_id=session_id))


@blueprint.post("/host/<uuid:session_id>/offers/<uuid:offer_id>/<any(pin, reprice, stop, 'sold-out', reopen):deed>")
@requires(Permission.LIVE_HOST)
def handle(session_id: UUID, offer_id: UUID, deed: str) -> Response:
    """Talk about an offer, change its price, stop it, or sell it again."""
    found, who, now = live.find(session_id, among=live.run_by(auth.current())), auth.current(), clock.now()
    offer = offers.find(found, offer_id)
    try:
        with session.begin_nested():
            if deed == "pin":
                offers.pin(found, offer.id, by=who.user_id, now=now)
            elif deed == "reprice":
                price_minor, confirmed = forms.fen_of_yuan("yuan"), forms.confirmed("yuan")
                offers.reprice(offer, price_minor=price_minor, confirmed=confirmed, by=who.user_id, now=now)
            elif deed == "stop":
                offers.stop(offer, by=who.user_id, now=now)
            elif deed == "sold-out":
                offers.sold_out(offer, by=who.user_id, now=now)
            else:
                offers.reopen(offer, by=who.user_id, now=now)
    except Refusal as refusal:
        return make_response(_console(found, refusal, about=offer.id), refusal.status)
    return pages.redirect(url_for("host.console", session_id=session_id))


def _window(now: datetime) -> Window:
    """A flash window as a host says it: in so many minutes, for so many minutes."""
    wait, last = forms.optional_whole("opens_in_min"), forms.optional_whole("lasts_min")
    opens_at = now + timedelta(minutes=wait) if wait else None
    return Window(opens_at, (opens_at or now) + timedelta(minutes=last) if last else None)


def pulse(session_id: UUID, *, now: datetime) -> Pulse:
    """How a session goes. One query over the index of its orders."""
    kept = Order.status.not_in([OrderStatus.CANCELLED, OrderStatus.EXPIRED])
    row = session.execute(
        select(
            func.count().filter(Order.placed_at > now - timedelta(minutes=1)),
            func.count(),
            func.coalesce(func.sum(Order.total_minor), 0),
        ).where(Order.session_id == session_id, kept)
    ).one()
    return Pulse(*(int(figure) for figure in row))


def _sessions(refusal: Refusal | None) -> str:
    mine = session.scalars(live.run_by(auth.current()).order_by(LiveSession.id.desc()).limit(SHOWN)).all()
    return render_template("host_sessions.html", sessions=mine, refusal=refusal, given=request.form)


def _console(found: LiveSession, refusal: Refusal | None, about: UUID | None = None) -> str:
    now = clock.now()
    shown: list[LiveOffer] = list(offers.of_session(found.id))
    return render_template(
        "host_console.html",
        live=found,
        offers=shown,
        left=offers.left([offer.id for offer in shown], now=now),
        pulse=pulse(found.id, now=now),
        packs=_packs(found),
        open=OfferStatus.OPEN,
        refusal=refusal,
        about=about,
        given=request.form,
        now=now,
    )


def _packs(found: LiveSession) -> list[Pack]:
    """What the station's farms sell."""
    query = (
        select(Pack)
        .join(Product, Product.id == Pack.product_id)
        .join(Farm, Farm.id == Product.farm_id)
        .where(
            Farm.station_id == found.station_id,
            Pack.status == PackStatus.LISTED,
            Product.status == ProductStatus.LISTED,
        )
        .order_by(Product.name, Pack.net_g)
        .limit(SHOWN)
    )
    return list(session.scalars(query))
