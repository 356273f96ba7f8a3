"""The branch head's desk: stations, dispatches on the way in, goods on the way out, today's van."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import func, literal, select

from core import auth, clock
from core.auth import Who, requires
from core.db import session
from core.errors import NotFound, Refusal
from core.once import once
from core.permissions import Permission, Role
from core.users import User
from logistics import (
    branches,
    delivery,
    dispatch,
    forwarding,
    parcels,
    reconciliation,
    regions,
    runs,
    staging,
    stations,
)
from logistics.branches import Branch
from logistics.delivery import ProofKind
from logistics.dispatch import Direction, Dispatch, DispatchStatus
from logistics.moves import ParcelStatus as S
from logistics.parcels import Kind, Parcel
from logistics.reconciliation import Cause, Discrepancy
from logistics.runs import Run
from logistics.staff import BranchStaff
from logistics.stations import Station
from web import charts, forms, pages

blueprint = Blueprint("branch", __name__)
SHOWN = 200
SCANS_MAX = 10_000


@blueprint.get("/branch")
@requires(Permission.OVERVIEW_BRANCH)
def overview() -> str:
    """The circle of stations: what each has to pack and to load, what is on the road, what differs."""
    who = auth.current()
    places = session.scalars(stations.visible_to(who).order_by(Station.code).limit(SHOWN)).all()
    on_way = session.scalars(
        dispatch.visible_to(who)
        .where(Dispatch.status.in_([DispatchStatus.CLOSED, DispatchStatus.DEPARTED]))
        .order_by(Dispatch.id.desc())
        .limit(SHOWN)
    ).all()
    now = clock.now()
    return render_template(
        "branch.html",
        places=places,
        counts=_counts([place.id for place in places]),
        on_way=on_way,
        names={place.id: place.name for place in places},
        runs=session.scalars(runs.visible_to(who).order_by(Run.id.desc()).limit(5)).all(),
        drivers=_drivers(who),
        goods=_goods_waiting(who),
        arrived=_arrived(who),
        offers=forwarding.offers(who.user_id),
        region=regions.find,
        differences=_open_differences(who),
        taken_in=charts.per_day(_taken_in([place.id for place in places], now - timedelta(days=charts.DAYS)), now=now),
        today=clock.local_day(now),
    )


@blueprint.post("/branch/runs")
@requires(Permission.RUN_LOAD)
@once
def plan_run() -> Response:
    """Send today's van round the chosen stations."""
    who, now = auth.current(), clock.now()
    branch = _branch(who)
    ours = {place.id for place in session.scalars(stations.visible_to(who).where(Station.branch_id == branch.id))}
    chosen = [place for place in map(forms.uuid, request.form.getlist("station")) if place in ours]
    runs.plan(
        branch,
        driver_id=forms.uuid(request.form.get("driver", "")),
        day=clock.local_day(now),
        station_ids=chosen,
        now=now,
    )
    return pages.redirect(url_for("branch.overview"))


@blueprint.post("/branch/goods/<uuid:station_id>")
@requires(Permission.DISPATCH_MANAGE)
@once
def send_goods(station_id: UUID) -> Response:
    """Put the cartons for a station into a dispatch outward and close it."""
    who, now = auth.current(), clock.now()
    place = stations.find(station_id, who=who)
    waiting = _cartons(place.id)
    staging.stage_cartons([carton.id for carton in waiting], by=who.user_id, now=now)
    bag = dispatch.open_for(place, direction=Direction.OUTWARD, now=now)
    dispatch.add(bag, _cartons(place.id), by=who.user_id, now=now)
    dispatch.close(bag, by=who.user_id, now=now)
    return pages.redirect(url_for("branch.overview"))


@blueprint.post("/branch/forward/<uuid:station_id>")
@requires(Permission.DISPATCH_MANAGE)
@once
def forward(station_id: UUID) -> Response:
    """Bag the chosen parcels for the station near their addressees."""
    who = auth.current()
    numbers = request.form.getlist("number")[: forwarding.OFFERED_MAX]
    place = forwarding.station_for(station_id, who=who)
    forwarding.send_on(place, numbers, by=who.user_id, now=clock.now())
    return pages.redirect(url_for("branch.overview"))


@blueprint.get("/dispatches/<number>")
@requires(Permission.DISPATCH_RECEIVE)
def receiving(number: str) -> str:
    """A dispatch against what was scanned: declared = matched + short."""
    return _receiving(_find(number), None)


@blueprint.post("/dispatches/<number>")
@requires(Permission.DISPATCH_RECEIVE)
@once
def receive(number: str) -> Response:
    """Count a dispatch in, item by item."""
    bag, who = _find(number), auth.current()
    try:
        with session.begin_nested():
            scanned = [*request.form.getlist("number"), *request.form.get("numbers", "").split()]
            reconciliation.receive(bag, list(dict.fromkeys(scanned))[: SCANS_MAX + 1], by=who.user_id, now=clock.now())
    except Refusal as refusal:
        return make_response(_receiving(bag, refusal), refusal.status)
    return pages.redirect(url_for("branch.receiving", number=number))


@blueprint.post("/dispatches/<number>/differences/<uuid:row_id>")
@requires(Permission.DISPATCH_RECEIVE)
def explain(number: str, row_id: UUID) -> Response:
    """Close a difference with its cause."""
    row = reconciliation.difference(_find(number), row_id)
    cause = request.form.get("cause", "")
    if cause not in set(Cause):
        raise NotFound()
    note = request.form.get("note", "").strip()[:200]
    reconciliation.explain(row, cause=Cause(cause), note=note, by=auth.current().user_id, now=clock.now())
    return pages.redirect(url_for("branch.receiving", number=number))


@blueprint.post("/branch/parcels/<number>/<any(out, delivered):deed>")
@requires(Permission.TRACKING_DELIVER)
@once
def deliver(number: str, deed: str) -> Response:
    """Out with the postman, or handed over with proof."""
    who, now = auth.current(), clock.now()
    parcel = parcels.by_number(number, parcels.visible_to(who))
    if deed == "out":
        delivery.out_for_delivery(parcel, by=who.user_id, now=now)
    else:
        delivery.deliver(parcel, proof=ProofKind.SIGNED, by=who.user_id, now=now)
    return pages.redirect(url_for("branch.overview"))


def _find(number: str) -> Dispatch:
    return dispatch.by_number(number, dispatch.visible_to(auth.current()))


def _receiving(bag: Dispatch, refusal: Refusal | None) -> str:
    done = bag.status is DispatchStatus.RECEIVED
    return render_template(
        "dispatch_receive.html",
        bag=bag,
        manifest=dispatch.manifest(bag)[:SHOWN],
        result=reconciliation.result(bag) if done else None,
        differences=reconciliation.differences(bag) if done else [],
        causes=list(Cause),
        station=session.get_one(Station, bag.station_id),
        refusal=refusal,
        given=request.form,
    )


def _branch(who: Who) -> Branch:
    found = session.scalars(branches.visible_to(who).order_by(Branch.code).limit(1)).one_or_none()
    if found is None:
        raise branches.BranchUnknown()
    return found


def _counts(station_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Boxes per station and state, in one statement over the open ones; a presale not before its days."""
    early = parcels.is_early(clock.local_day(clock.now()))
    query = (
        select(Parcel.station_id, Parcel.status, func.count())
        .where(Parcel.station_id.in_(station_ids), Parcel.status.in_([*_TO_PACK, S.STAGED]), ~early)
        .group_by(Parcel.station_id, Parcel.status)
    )
    found: dict[UUID, dict[str, int]] = {station_id: {"pack": 0, "load": 0} for station_id in station_ids}
    for station_id, status, count in session.execute(query):
        found[station_id]["load" if status is S.STAGED else "pack"] += count
    return found


def _taken_in(station_ids: Sequence[UUID], since: datetime) -> Any:
    """Order boxes of these stations, each with the moment it was taken in."""
    ours = Parcel.station_id.in_(station_ids), Parcel.kind == Kind.ORDER, Parcel.created_at >= since
    return select(Parcel.created_at, literal(1)).where(*ours)


_TO_PACK = (S.REGISTERED, S.PACKED, S.WEIGHED, S.LABELLED)


def _drivers(who: Who) -> list[User]:
    mine = branches.visible_to(who).with_only_columns(Branch.id)
    query = select(User).join(BranchStaff, BranchStaff.user_id == User.id).where(BranchStaff.branch_id.in_(mine))
    return list(session.scalars(query.where(User.roles.contains([Role.DRIVER.value])).distinct().limit(SHOWN)))


def _cartons(station_id: UUID) -> list[Parcel]:
    waiting = Parcel.kind == Kind.GOODS, Parcel.status.in_([S.REGISTERED, S.STAGED])
    query = select(Parcel).where(Parcel.destination_station_id == station_id, *waiting)
    return list(session.scalars(query.order_by(Parcel.id).limit(SHOWN)))


def _goods_waiting(who: Who) -> list[Any]:
    """Stations with cartons at the branch that no closed dispatch holds."""
    query = (
        select(Station.id, Station.name, func.count())
        .join(Parcel, Parcel.destination_station_id == Station.id)
        .where(Station.id.in_(stations.managed_by(who)), Parcel.kind == Kind.GOODS, Parcel.status == S.REGISTERED)
        .group_by(Station.id, Station.name)
        .order_by(Station.name)
    )
    return list(session.execute(query))


def _arrived(who: Who) -> list[Parcel]:
    """Order boxes that were counted in and wait for the postman, or are with him; not those at a station."""
    here = Parcel.kind == Kind.ORDER, Parcel.destination_station_id.is_(None)
    query = parcels.visible_to(who).where(*here, Parcel.status.in_([S.ARRIVED, S.OUT_FOR_DELIVERY]))
    return list(session.scalars(query.order_by(Parcel.number).limit(SHOWN)))


def _open_differences(who: Who) -> list[Any]:
    query = (
        select(Discrepancy, Dispatch.number)
        .join(Dispatch, Dispatch.id == Discrepancy.dispatch_id)
        .where(Dispatch.station_id.in_(stations.managed_by(who)), Discrepancy.closed_at.is_(None))
        .order_by(Discrepancy.id.desc())
        .limit(SHOWN)
    )
    return list(session.execute(query))
