"""The shop as a buyer opens it: on air now, picked today, from which village; search; a product with its harvest."""

from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup

from core import auth, clock, i18n
from core.auth import public
from core.clock import local_day
from logistics import stations
from shop import catalogue, detail
from web import rooms

blueprint = Blueprint("shop", __name__)

ON_AIR_SHOWN = 4
PRODUCTS_KEPT = 500
"""By each process, 12 KB each."""


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
    told = detail.told(product_id, who=auth.current_or_none(), now=now)
    van = stations.next_call(told.van_stop_time, now=now)
    shown = _shown(told.facts, van, local_day(now), i18n.language())
    return render_template("product.html", **shown._asdict())


class Shown(NamedTuple):
    """What everybody who may see a product reads of it."""

    name: str
    buyable: bool
    goods: Markup


@lru_cache(maxsize=PRODUCTS_KEPT)
def _shown(facts: str, van: datetime | None, _today: date, _language: str) -> Shown:
    """A page is kept by everything that is said on it, so what is kept can never be old."""
    found = detail.read(facts)
    goods = current_app.jinja_env.get_template("parts/product.html").render(found=found, van=van)
    buyable = any(offer.left for offer in found.packs)
    return Shown(found.card.name, buyable, Markup(goods))  # noqa: S704  # a template of ours, escaped when it was rendered


def _page_key() -> UUID | None:
    raw = request.args.get("after", "")
    try:
        return UUID(raw) if raw else None
    except ValueError:
        return None
