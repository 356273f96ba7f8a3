"""Live rooms as a viewer sees them: what is pinned, its price, how much is honestly left, one tap to order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, url_for
from sqlalchemy import select

from core import auth, clock, users
from core.auth import public
from core.db import session
from core.permissions import Permission
from logistics.stations import Station
from shop import live, offers
from shop.live import LiveSession, SessionStatus
from shop.rooms import now_showing
from web.checkout import last_address

blueprint = Blueprint("live", __name__)
ROOMS_MAX = 50


@blueprint.get("/live")
@public
def rooms() -> str:
    """Who is on air."""
    return render_template("rooms.html", on_air=on_air(now=clock.now()))


@blueprint.get("/live/<uuid:session_id>")
@public
def room(session_id: UUID) -> str:
    """One room. The script follows the stream; without it a reload does."""
    query = live.visible_to(auth.current_or_none()).where(LiveSession.id == session_id)
    found = session.scalars(query).one_or_none()
    if found is None:
        abort(404)
    moment = clock.now()
    state = now_showing([found.id], now=moment)[found.id]
    shown = offers.of_session(found.id)
    who = auth.current_or_none()
    return render_template(
        "room.html",
        again=last_address(who) if who and who.may(Permission.ORDER_PLACE) else {},
        live=found,
        state=state,
        at_ms=int(moment.timestamp() * 1_000),
        offers=shown,
        left=offers.left([offer.id for offer in shown], now=moment),
        station=session.get(Station, found.station_id),
        host=users.by_id(found.host_id),
        stream_url=url_for("live-sessions.stream", session_id=found.id),
    )


@blueprint.get("/live/<uuid:session_id>/now")
@public
def now(session_id: UUID) -> dict[str, Any]:
    """The room's state at this moment, for a browser whose stream is broken."""
    state = now_showing([session_id], now=clock.now()).get(session_id)
    if state is None:
        abort(404)
    return state


def on_air(*, now: datetime) -> list[dict[str, Any]]:
    """Rooms on air, newest first, with what is pinned."""
    rows = session.execute(
        select(LiveSession, Station.name)
        .join(Station, Station.id == LiveSession.station_id)
        .where(LiveSession.status == SessionStatus.ON_AIR)
        .order_by(LiveSession.started_at.desc())
        .limit(ROOMS_MAX)
    ).all()
    showing = now_showing([row.LiveSession.id for row in rows], now=now)
    return [
        {"id": row.LiveSession.id, "title": row.LiveSession.title, "station": row.name, **showing[row.LiveSession.id]}
        for row in rows
    ]
