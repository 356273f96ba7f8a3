"""The keeper's first screen: what is to be done today, before the van comes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy import func, select

from core import auth, clock
from core.auth import Who, requires
from core.db import session
from core.errors import NotFound
from core.i18n import _
from core.once import once
from core.permissions import Permission
from logistics import hand_over, parcels, stations
from logistics.moves import ParcelStatus as S
from logistics.stations import Station
from orders import asking, ledger, presales
from orders.asking import RefundRequest, RequestStatus
from shop.wholesale import WholesaleOrder, WholesaleStatus
from web import forms, pages

blueprint = Blueprint("station", __name__)
REQUESTS_SHOWN = 20
TO_PACK = (S.REGISTERED, S.PACKED, S.WEIGHED, S.LABELLED)


class NoStation(NotFound):
    """This person keeps no station now."""

    message = _("您现在没有负责的站点，请找支局长。")


@dataclass(frozen=True)
class Task:
    """A row of the work list: a drawing, words, how many and where it leads."""

    icon: str
    words: str
    why: str
    count: int
    href: str


def mine(who: Who) -> Station:
    """The station that this person keeps. Raises NoStation."""
    found = stations.of_keeper(who.user_id)
    if found is None:
        raise NoStation()
    return found


@blueprint.get("/station")
@requires(Permission.PARCEL_READ)
def today() -> str:
    """To pack, to load, to hand over, on its way here, cash in the drawer."""
    station, now = mine(auth.current()), clock.now()
    board = parcels.board(station.id, day=clock.local_day(now))
    waiting, going_back = hand_over.counts(station.id)
    board[S.STAGED] += going_back
    van = stations.next_van(station, now=now)
    return render_template(
        "station_today.html",
        station=station,
        now=now,
        van=van,
        minutes=int((van - now).total_seconds() // 60) if van else None,
        staged=board[S.STAGED],
        tasks=_tasks(station, {status: board.get(status, 0) for status in S}, waiting),
        cash_minor=ledger.balance(f"cash:{station.id}"),
        asked=_asked(),
        missed=presales.at_risk(station.id) if auth.current().may(Permission.PARCEL_PACK) else (),
    )


@blueprint.post("/station/requests/<uuid:request_id>")
@requires(Permission.REFUND_ANSWER)
@once
def answer(request_id: UUID) -> Response:
    """Agree to a buyer's request, with an amount, or decline it; with words."""
    who, now, words = auth.current(), clock.now(), request.form.get("words", "")
    asked = asking.by_id(request_id, who=who)
    if request.form.get("deed") == "agree":
        asking.agree(asked, amount_minor=forms.fen_of_yuan("yuan"), words=words, by=who.user_id, now=now)
    else:
        asking.decline(asked, words=words, by=who.user_id, now=now)
    return pages.redirect(url_for("station.today"))


def _asked() -> Sequence[RefundRequest]:
    """The oldest requests that wait for this person's answer."""
    who = auth.current()
    if not who.may(Permission.REFUND_ANSWER):
        return ()
    waiting = asking.answerable_by(who).where(RefundRequest.status == RequestStatus.OPEN)
    return session.scalars(waiting.order_by(RefundRequest.id).limit(REQUESTS_SHOWN)).all()


def _tasks(station: Station, count: dict[S, int], waiting: int) -> list[Task]:
    """What waits, as far as it is this person's work: a clerk neither packs nor orders goods."""
    who = auth.current()
    load = Task("van", str(_("待装车")), str(_("等邮车来")), count[S.STAGED], url_for("bench.to_load"))
    give = Task("hand", str(_("待交件")), str(_("到站了，等人来取")), waiting, url_for("to_hand_over.waiting"))
    if not who.may(Permission.PARCEL_PACK):
        return [give, load]
    to_pack = sum(count[status] for status in TO_PACK)
    return [
        Task("scale", str(_("待打包")), str(_("过秤、打面单")), to_pack, url_for("bench.to_pack")),
        load,
        give,
        Task("box", str(_("货在路上")), str(_("到了点一点数")), _arriving(station), url_for("restock.mine")),
    ]


def _arriving(station: Station) -> int:
    on_way = WholesaleOrder.station_id == station.id, WholesaleOrder.status == WholesaleStatus.SHIPPED
    return session.scalar(select(func.count()).select_from(WholesaleOrder).where(*on_way)) or 0
