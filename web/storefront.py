"""The shop as a buyer opens it: on air now, picked today, from which village; search; a product with its harvest."""

from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from flask import Blueprint, Response, current_app, render_template, request

from core import auth, clock, i18n
from core.auth import public
from core.clock import local_day
from logistics import stations
from shop import catalogue, detail
from web import kept, pages, rooms

blueprint = Blueprint("shop", __name__)

ON_AIR_SHOWN = 4
PRODUCTS_KEPT = 500
"""By each process, 16 KB each."""


@blueprint.get("/")
@public
def home() -> str:
    """On air now, picked today, villages."""
    now = clock.now()
    return render_template(
        "home.html",
        on_air=rooms.on_air(now=now)[:ON_AIR_SHOWN],
        cards=catalogue.on_sale_today(now=now),
        villages=catalogue.villages(now=now),
        now=now,
    )


@blueprint.get("/favicon.ico")
@public
def icon() -> Response:
    """The small picture that browsers ask for by themselves."""
    return current_app.send_static_file("logo.svg")


@blueprint.get("/search")
@public
def search() -> str:
    """What a few words find, or what a village sells."""
    words = request.args.get("q", "")[:50]
    village = request.args.get("village", "")[:12]
    found = catalogue.search(words, who=None, village=village or None, after=_page_key(), now=clock.now())
    return render_template("search.html", q=words, village=village, page=found)


@blueprint.get("/villages")
@public
def villages() -> str:
    """Every village with something on sale."""
    return render_template("villages.html", villages=catalogue.villages(now=clock.now()))


@blueprint.get("/products/<uuid:product_id>")
@public
def product(product_id: UUID) -> str:
    """A product: packs, harvest, origin, the van it would ride."""
    now = clock.now()
    who = auth.current_or_none()
    told = detail.told(product_id, who=who, now=now)
    van = stations.next_call(told.van_stop_time, now=now)
    drawn = _drawn(told.facts, van, local_day(now), i18n.language(), pages.in_large(), who is not None)
    return kept.fill(drawn)


@lru_cache(maxsize=PRODUCTS_KEPT)
def _drawn(facts: str, van: datetime | None, _today: date, _language: str, elder: bool, signed_in: bool) -> str:
    """A page is kept by everything that is said on it, so what is kept can never be old."""
    found = detail.read(facts)
    return kept.draw("product.html", elder=elder, signed_in=signed_in, found=found, card=found.card, van=van)


def _page_key() -> UUID | None:
    raw = request.args.get("after", "")
    try:
        return UUID(raw) if raw else None
    except ValueError:
        return None
