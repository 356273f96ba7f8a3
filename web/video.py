"""The live picture on the screens: where viewers find it, what a host types in, what the video server asks."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from flask import Blueprint, Response, g, make_response, request, url_for

from core import auth, clock, video_server
from core.auth import public, requires
from core.errors import NotFound
from core.permissions import Permission
from core.settings import settings
from shop import live, video
from shop.live import LiveSession, SessionStatus
from shop.video import PushRefused
from web import pages

blueprint = Blueprint("video", __name__)
TOLD_MAX = 256
OF_THE_RELAY = ["update_play"]
"""The video server tells of its own inner relay, too, which plays what was let in."""


@dataclass(frozen=True)
class Push:
    """What a host types into a program that pushes."""

    server: str
    key: str = field(repr=False)
    since: datetime | None
    """Since when the picture comes in."""


@blueprint.app_template_global()
def push_of(found: LiveSession) -> Push | None:
    """How to push into a session; nothing where no video server runs. For those who run the session only."""
    if not settings().video or found.status == SessionStatus.ENDED:
        return None
    live.find(found.id, among=live.run_by(auth.current()))
    return Push(settings().rtmp_url, video.key_of(found.id), video.since(found.id, now=clock.now()))


@blueprint.app_template_global()
def picture_of(found: LiveSession) -> str | None:
    """Where the picture of a session is fetched; nothing where there is none. The page may fetch from there."""
    if not settings().video or found.status == SessionStatus.ENDED:
        return None
    path = f"/hls/{video.name_of(found.id)}.m3u8"
    if settings().behind_proxy:
        return path
    g.plays_from = f"http://{request.host.rpartition(':')[0] or request.host}:{settings().video_port}"
    return g.plays_from + path


@blueprint.post("/host/<uuid:session_id>/video/renew")
@requires(Permission.LIVE_HOST)
def renew(session_id: UUID) -> Response:
    """Another key."""
    found, who = live.find(session_id, among=live.run_by(auth.current())), auth.current()
    video.renew(found, by=who.user_id, now=clock.now())
    return pages.redirect(url_for("host.console", session_id=session_id))


@blueprint.post("/video/hooks/<any(publish, update, done):what>")
@public
def hook(what: str) -> Response:
    """The video server asks whether a push may begin or go on, and tells of its end. Others find nothing here."""
    given = request.headers.get(video_server.SECRET_HEADER, "")
    if not settings().video or not hmac.compare_digest(video_server.secret(settings()).encode(), given.encode()):
        raise NotFound()
    key, push = _told("name"), _told("clientid")
    response = make_response("", 204)
    if what == "publish":
        response = make_response("", 302)
        response.headers["Location"] = video.admit(key, push, now=clock.now())
    elif request.form.getlist("call") == OF_THE_RELAY:
        return response
    elif what == "update":
        video.seen(key, push, now=clock.now())
    else:
        video.gone(key, push)
    return response


def _told(name: str) -> str:
    """One fact of the video server; a pusher who adds the same name to his address gets nowhere."""
    told = request.form.getlist(name)
    if len(told) != 1 or not 0 < len(told[0]) <= TOLD_MAX:
        raise PushRefused()
    return told[0]
