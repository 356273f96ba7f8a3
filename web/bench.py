"""The pack bench and the door to the van: weigh, label, stage; then close the bag of the day."""

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock
from core.aside import aside
from core.auth import requires
from core.db import session
from core.errors import Refusal
from core.once import once
from core.permissions import Permission
from logistics import acceptance, dispatch, packing, parcels, staging
from logistics.labels import issue, pdf
from logistics.moves import ParcelStatus as S
from logistics.parcels import Parcel
from web import pages, station

blueprint = Blueprint("bench", __name__)
SHOWN = 200
WEIGHT_DIGITS = 6


@blueprint.get("/station/pack")
@requires(Permission.PARCEL_PACK)
def to_pack() -> str:
    """Boxes that wait for hands, the most urgent first."""
    place, early = station.mine(auth.current()), parcels.is_early(clock.local_day(clock.now()))
    here = select(Parcel).where(Parcel.station_id == place.id, Parcel.status.in_(station.TO_PACK))
    now_due = here.where(~early).order_by(Parcel.pack_by.asc().nulls_last(), Parcel.id).limit(SHOWN)
    ahead = here.where(early).order_by(Parcel.pack_from, Parcel.id).limit(SHOWN)
    return render_template(
        "to_pack.html", station=place, parcels=session.scalars(now_due).all(), ahead=session.scalars(ahead).all()
    )


@blueprint.get("/station/pack/<number>")
@requires(Permission.PARCEL_PACK)
def box(number: str) -> str:
    """One box on the scale."""
    return _bench(_find(number), None)


@blueprint.post("/station/pack/<number>")
@requires(Permission.PARCEL_PACK)
@once
def weigh(number: str) -> Response:
    """Weigh; where the net weight keeps the promise the label is made and the box is staged at once."""
    parcel, who, now = _find(number), auth.current(), clock.now()
    try:
        with session.begin_nested():
            if parcel.status is S.REGISTERED:
                packing.pack(parcel, by=who.user_id, now=now)
            reason = request.form.get("reason", "").strip() or None
            packing.weigh(
                parcel, gross_g=_grams("gross_g"), tare_g=_grams("tare_g"), reason=reason, by=who.user_id, now=now
            )
            acceptance.mark_acceptance(
                parcel, real_name=True, inspected="inspected" in request.form, screened="screened" in request.form,
                by=who.user_id, now=now,
            )  # fmt: skip
            issue.label(parcel, by=who.user_id, now=now)
            staging.stage(parcel, by=who.user_id, now=now)
    except Refusal as refusal:
        session.refresh(parcel)
        return make_response(_bench(parcel, refusal), refusal.status)
    return pages.redirect(url_for("bench.box", number=number))


@blueprint.get("/station/labels/<number>.pdf")
@requires(Permission.PARCEL_PACK)
def label(number: str) -> Response:
    """The label as a page of 100 × 150 mm."""
    response = make_response(aside(pdf.render, issue.contents_of([_find(number)], now=clock.now())))
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{number}.pdf"'
    return response


@blueprint.get("/station/load")
@requires(Permission.PARCEL_READ)
def to_load() -> str:
    """What stands on the shelf, in no bag yet or in one that waits for the van, and the dispatches of the day."""
    place = station.mine(auth.current())
    ready = dispatch.ready_inward(place.id).order_by(Parcel.number).limit(SHOWN)
    loose = session.scalars(ready.where(dispatch.unannounced())).all()
    bagged = session.scalars(ready.where(~dispatch.unannounced())).all()
    return render_template("to_load.html", loose=loose, bagged=bagged, dispatches=_dispatches(place.id))


@blueprint.post("/station/load")
@requires(Permission.DISPATCH_MANAGE)
@once
def close() -> Response:
    """Put all that is ready and in no bag into the dispatch of the day and close it: the branch knows what comes."""
    place, who, now = station.mine(auth.current()), auth.current(), clock.now()
    staged = session.scalars(dispatch.ready_inward(place.id).where(dispatch.unannounced()).order_by(Parcel.id)).all()
    bag = dispatch.open_for(place, now=now)
    dispatch.add(bag, staged, by=who.user_id, now=now)
    dispatch.close(bag, by=who.user_id, now=now)
    return pages.redirect(url_for("bench.to_load"))


def _find(number: str) -> Parcel:
    return parcels.by_number(number, parcels.visible_to(auth.current()))


def _bench(parcel: Parcel, refusal: Refusal | None) -> str:
    today = clock.local_day(clock.now())
    return render_template("bench.html", parcel=parcel, refusal=refusal, given=request.form, today=today)


def _grams(name: str) -> int:
    """A typed weight; what is no number is refused by the scale's own rule."""
    typed = request.form.get(name, "").strip()
    return int(typed) if typed.isdecimal() and len(typed) <= WEIGHT_DIGITS else -1


def _dispatches(station_id: object) -> list[dispatch.Dispatch]:
    query = dispatch.visible_to(auth.current()).where(dispatch.Dispatch.station_id == station_id)
    return list(session.scalars(query.order_by(dispatch.Dispatch.id.desc()).limit(10)))
