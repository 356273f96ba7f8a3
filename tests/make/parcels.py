"""Parcels of the post in every state, with sensible defaults."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.clock import LOCAL
from logistics import acceptance, dispatch, packing, parcels, runs, staging
from logistics.branches import Branch
from logistics.dispatch import Dispatch
from logistics.labels import issue
from logistics.parcels import Parcel
from logistics.runs import Run
from logistics.stations import Station
from tests import make

MORNING = datetime(2026, 8, 13, 9, tzinfo=LOCAL)


def parcel(station: Station | None = None, *, now: datetime = MORNING, **given: Any) -> Parcel:
    """A registered box of 2.5 kg oranges for 王小明 in 长沙."""
    plain: dict[str, Any] = {
        "station_id": (station or make.station()).id,
        "reference": "order 1",
        "recipient": make.address(),
        "contents": "冰糖橙 5斤装(净重)",
        "promised_net_g": 2_500,
        "tare_g": 300,
        "pack_by": now + timedelta(hours=7),
    }
    return parcels.register(now=now, **(plain | given))


def labelled_parcel(
    station: Station | None = None, *, by: UUID | None = None, now: datetime = MORNING, **given: Any
) -> Parcel:
    """Packed, weighed and labelled."""
    box = parcel(station, now=now, **given)
    packing.pack(box, by=by, now=now)
    packing.weigh(box, gross_g=2_850, by=by, now=now)
    issue.label(box, by=by, now=now)
    return box


def staged_parcel(
    station: Station | None = None,
    *,
    marked: bool = True,
    by: UUID | None = None,
    now: datetime = MORNING,
    **given: Any,
) -> Parcel:
    """Ready for the van, with its three marks."""
    box = labelled_parcel(station, by=by, now=now, **given)
    if marked:
        acceptance.mark_acceptance(box, real_name=True, inspected=True, screened=True, by=by, now=now)
    staging.stage(box, by=by, now=now)
    return box


def closed_dispatch(boxes: list[Parcel], station: Station, *, now: datetime = MORNING) -> Dispatch:
    """These boxes, announced by their station to its branch."""
    bag = dispatch.open_for(station, now=now)
    dispatch.add(bag, boxes, by=None, now=now)
    dispatch.close(bag, by=None, now=now)
    return bag


def run(branch: Branch, station: Station, *, now: datetime = MORNING) -> Run:
    """The branch's van, calling at one station."""
    driver = make.driver(branch)
    return runs.plan(branch, driver_id=driver.id, day=now.date(), station_ids=[station.id], now=now)


def departed_dispatch(boxes: list[Parcel], station: Station, branch: Branch, *, now: datetime = MORNING) -> Dispatch:
    """These boxes, all on the van and under way to the branch."""
    bag = closed_dispatch(boxes, station, now=now)
    van = run(branch, station, now=now)
    runs.load(van, [box.number for box in boxes], by=None, now=now)
    runs.depart(van, by=None, now=now)
    return bag


def arrived_parcel(station: Station | None = None, *, now: datetime = MORNING) -> Parcel:
    """Counted in at the branch."""
    from core.db import session
    from logistics import reconciliation

    home = station or make.station()
    box = staged_parcel(home, now=now)
    bag = departed_dispatch([box], home, session.get_one(Branch, home.branch_id), now=now)
    reconciliation.receive(bag, [box.number], by=None, now=now)
    return box


def sent_on_parcel(
    station: Station, *, region_code: str = "431224106", now: datetime = MORNING
) -> tuple[Parcel, Dispatch]:
    """Counted in at the branch and on the van to a station of it; the addressee lives in 观音阁镇."""
    from core.db import session
    from logistics import forwarding, reconciliation

    branch = session.get_one(Branch, station.branch_id)
    home = make.station(branch, now=now)
    box = staged_parcel(home, now=now, recipient=make.address(region_code=region_code))
    reconciliation.receive(departed_dispatch([box], home, branch, now=now), [box.number], by=None, now=now)
    bag = forwarding.send_on(station, [box.number], by=branch.head_id, now=now)
    van = run(branch, station, now=now)
    runs.load(van, [box.number], by=None, now=now)
    runs.depart(van, by=None, now=now)
    return box, bag


def waiting_parcel(station: Station, *, now: datetime = MORNING, **given: Any) -> Parcel:
    """On the shelf of a station, for its addressee."""
    from logistics import reconciliation

    box, bag = sent_on_parcel(station, now=now, **given)
    reconciliation.receive(bag, [box.number], by=None, now=now)
    return box
