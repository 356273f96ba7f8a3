"""The keeper's shelf of parcels for the village: find one, hand it over with proof, or send it back."""

from typing import TypeVar

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import NotFound, Refusal
from core.once import once
from core.permissions import Permission
from logistics import hand_over, recipients
from logistics.delivery import Collector, ProofKind, Reason
from logistics.dispatch import Direction, Dispatch, DispatchStatus
from logistics.parcels import Parcel
from logistics.stations import Station
from web import forms, pages, station

T = TypeVar("T", Collector, Reason)
blueprint = Blueprint("to_hand_over", __name__)
SHOWN = 20
NAME_MAX, NOTE_MAX = 40, 200
TAKERS = (Collector.SELF, Collector.FAMILY, Collector.NEIGHBOUR)


@blueprint.get("/station/hand-over")
@requires(Permission.TRACKING_DELIVER)
def waiting() -> Response:
    """What waits for its addressee, longest first; found by its number or the last four digits of the phone."""
    place = station.mine(auth.current())
    asked = request.args.get("q", "").strip()
    tail = asked if hand_over.TAIL.fullmatch(asked) else ""
    if asked and not tail:
        try:
            found = hand_over.find(place, asked)
        except Refusal as refusal:
            return make_response(_list(place, "", refusal), refusal.status)
        return pages.redirect(url_for("to_hand_over.one", number=found.number))
    return make_response(_list(place, tail, None))


@blueprint.get("/station/hand-over/<number>")
@requires(Permission.TRACKING_DELIVER)
def one(number: str) -> str:
    """One parcel: for whom, and who takes it."""
    place = station.mine(auth.current())
    return _one(place, hand_over.find(place, number), None)


@blueprint.post("/station/hand-over/<number>/<any(given, back):deed>")
@requires(Permission.TRACKING_DELIVER)
@once
def act(number: str, deed: str) -> Response:
    """Handed over with proof, or not collected."""
    place, by, now = station.mine(auth.current()), auth.current().user_id, clock.now()
    try:
        with session.begin_nested():
            if deed == "given":
                hand_over.hand_over(place, number, **_proof(), by=by, now=now)
            else:
                hand_over.send_back(place, number, reason=_chosen(Reason, "reason"), by=by, now=now)
    except hand_over.ParcelNotOurs:
        raise
    except Refusal as refusal:
        return make_response(_one(place, hand_over.find(place, number), refusal), refusal.status)
    return pages.redirect(url_for("to_hand_over.one", number=number))


def _proof() -> dict[str, object]:
    return {
        "proof": ProofKind.SIGNED,
        "collector": _chosen(Collector, "collector"),
        "collector_name": request.form.get("collector_name", "")[:NAME_MAX],
        "note": request.form.get("note", "").strip()[:NOTE_MAX],
    }


def _chosen(kind: type[T], name: str) -> T:
    """One of the words that our own page offered. Raises NotFound."""
    try:
        return kind(request.form.get(name, ""))
    except ValueError:
        raise NotFound() from None


def _list(place: Station, tail: str, refusal: Refusal | None) -> str:
    after = request.args.get("after")
    shelf = hand_over.shelf(place, tail=tail, after=forms.uuid(after) if after else None, limit=SHOWN)
    return render_template(
        "hand_over.html",
        station=place,
        shelf=shelf,
        masks={row.parcel.id: recipients.masked(row.parcel) for row in shelf.items},
        count=hand_over.counts(place.id)[0],
        tail=tail,
        coming=_coming(place),
        refusal=refusal,
    )


def _one(place: Station, parcel: Parcel, refusal: Refusal | None) -> str:
    return render_template(
        "hand_over_one.html",
        station=place,
        parcel=parcel,
        here=_is_here(place, parcel),
        mask=recipients.masked(parcel),
        takers=TAKERS,
        reasons=list(Reason),
        refusal=refusal,
        given=request.form,
    )


def _is_here(place: Station, parcel: Parcel) -> bool:
    try:
        hand_over.check_here(place, parcel)
    except Refusal:
        return False
    return True


def _coming(place: Station) -> list[Dispatch]:
    """Bags from the branch that are on the road, to be counted in."""
    on_way = Dispatch.direction == Direction.OUTWARD, Dispatch.status == DispatchStatus.DEPARTED
    query = select(Dispatch).where(Dispatch.station_id == place.id, *on_way)
    return list(session.scalars(query.order_by(Dispatch.id).limit(SHOWN)))
