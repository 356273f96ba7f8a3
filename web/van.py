"""The driver's day: stops in order, boxes at each, scan to load, what stays behind, leave."""

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import select

from core import auth, clock
from core.auth import requires
from core.db import session
from core.errors import Malformed, Refusal
from core.i18n import _
from core.once import once
from core.permissions import Permission
from logistics import runs
from logistics.moves import ParcelStatus as S
from logistics.parcels import Parcel
from logistics.runs import Run
from logistics.stations import Station
from web import pages

blueprint = Blueprint("van", __name__)
SHOWN = 10
SCANS_MAX = 500


class NothingChosen(Malformed):
    """Neither a tick nor a scan."""

    message = _("还没有选箱子，请先勾上或者扫一件。")


@blueprint.get("/van")
@requires(Permission.RUN_DRIVE)
def today() -> str:
    """My runs, the newest first."""
    mine = session.scalars(runs.visible_to(auth.current()).order_by(Run.id.desc()).limit(SHOWN)).all()
    facts = {run.id: {"stops": len(runs.stops(run)), "waiting": len(runs.left_behind(run))} for run in mine}
    return render_template("van.html", runs=mine, facts=facts)


@blueprint.get("/van/<number>")
@requires(Permission.RUN_LOAD)
def run(number: str) -> str:
    """One run: stops, what waits, what is aboard."""
    return _run(_find(number), None)


@blueprint.post("/van/<number>/<any(load, depart, arrive):deed>")
@requires(Permission.RUN_LOAD)
@once
def act(number: str, deed: str) -> Response:
    """Scan boxes on, leave, or come in."""
    found, who, now = _find(number), auth.current(), clock.now()
    try:
        with session.begin_nested():
            if deed == "load":
                runs.load(found, _chosen(), by=who.user_id, now=now)
            elif deed == "depart":
                runs.depart(found, by=who.user_id, now=now, reason=request.form.get("reason", "")[:200])
            else:
                runs.arrive(found, now=now)
    except Refusal as refusal:
        return make_response(_run(found, refusal), refusal.status)
    return pages.redirect(url_for("van.run", number=number))


def _chosen() -> list[str]:
    """All boxes that the page showed, or the ticked and the scanned ones. Raises NothingChosen."""
    ticked = request.form.getlist("shown" if "all" in request.form else "number")
    chosen = (ticked + request.form.get("numbers", "").split())[:SCANS_MAX]
    if not chosen:
        raise NothingChosen
    return chosen


def _find(number: str) -> Run:
    return runs.by_number(number, runs.visible_to(auth.current()))


def _run(found: Run, refusal: Refusal | None) -> str:
    stops = runs.stops(found)
    names = dict(
        session.execute(
            select(Station.id, Station.name).where(Station.id.in_([stop.station_id for stop in stops]))
        ).all()
    )  # fmt: skip
    aboard = session.scalars(
        select(Parcel)
        .where(Parcel.run_id == found.id, Parcel.status.in_([S.LOADED, S.IN_TRANSIT]))
        .order_by(Parcel.number)
        .limit(SCANS_MAX)
    ).all()
    return render_template(
        "run.html", run=found, stops=stops, names=names, waiting=runs.left_behind(found)[:SCANS_MAX], aboard=aboard,
        refusal=refusal, given=request.form,
    )  # fmt: skip
