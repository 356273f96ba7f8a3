"""Signing in and out in a browser, larger letters, the other language."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, render_template, request, url_for

from core import auth, clock, devices, users
from core.auth import public, requires
from core.errors import Refusal
from core.i18n import LANGUAGES
from core.permissions import Permission, Role
from core.settings import settings
from web import pages

blueprint = Blueprint("account", __name__)
YEAR_S = 365 * 86_400


@blueprint.get("/login")
@public
def sign_in() -> str:
    """The form."""
    return render_template("login.html", next=_inside(request.args.get("next")), phone="", refusal=None)


@blueprint.post("/login")
@public
def do_sign_in() -> Response:
    """Sign in and go on to where one wanted to be."""
    wanted = _inside(request.form.get("next"))
    phone, password = request.form.get("phone", ""), request.form.get("password", "")
    device = request.cookies.get(devices.COOKIE, "")
    caller = {"address": request.remote_addr or "", "agent": request.headers.get("User-Agent", ""), "device": device}
    try:
        token, _user = auth.sign_in(phone, password, **caller, now=clock.now())
    except Refusal as refusal:
        page = render_template("login.html", next=wanted, phone=phone[:32], refusal=refusal)
        return make_response(page, refusal.status)
    return _welcome(token, phone, wanted or pages.home_url(auth.who_has(token, now=clock.now())))


@blueprint.get("/sign-up")
@public
def sign_up() -> str:
    """The form for a new buyer."""
    return render_template("sign_up.html", next=_inside(request.args.get("next")), given={}, refusal=None)


@blueprint.post("/sign-up")
@public
def do_sign_up() -> Response:
    """A new buyer, signed in at once."""
    wanted = _inside(request.form.get("next"))
    given = {name: request.form.get(name, "") for name in ("phone", "name", "password")}
    try:
        user = users.sign_up(given["phone"], given["password"], given["name"][:40], [Role.BUYER], now=clock.now())
    except Refusal as refusal:
        page = render_template("sign_up.html", next=wanted, given=given | {"password": ""}, refusal=refusal)
        return make_response(page, refusal.status)
    token = auth.open_login(user, agent=request.headers.get("User-Agent", ""), now=clock.now())
    return _welcome(token, given["phone"], wanted or url_for("shop.home"))


@blueprint.get("/me")
@requires(Permission.SESSION_MANAGE)
def me() -> str:
    """My own page: where my work begins, language, signing out."""
    return render_template("me.html")


@blueprint.post("/logout")
@requires(Permission.SESSION_MANAGE)
def sign_out() -> Response:
    """End this session everywhere; what waits unsent on the device stays."""
    auth.sign_out(g.token)
    response = pages.redirect(url_for("shop.home"))
    response.delete_cookie(auth.cookie_name(), path="/", secure=_secure())
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@blueprint.post("/mode")
@public
def switch_mode() -> Response:
    """Larger letters or standard ones, for the person where known."""
    elder = request.form.get("mode") == "elder"
    who = auth.current_or_none()
    if who is not None:
        user = users.by_id(who.user_id)
        if user is not None:
            user.elder = elder
    return _choice("mode", "elder" if elder else "standard")


@blueprint.post("/language")
@public
def switch_language() -> Response:
    """Chinese or English."""
    wanted = request.form.get("language", "")
    return _choice("lang", wanted if wanted in LANGUAGES else LANGUAGES[0])


def _choice(name: str, value: str) -> Response:
    response = pages.redirect(_inside(request.form.get("next")) or url_for("shop.home"))
    response.set_cookie(name, value, max_age=YEAR_S, path="/", samesite="Lax", httponly=True, secure=_secure())
    return response


def _welcome(token: str, phone: str, url: str) -> Response:
    """Go on with a fresh session; the one that this browser had before ends, and the device is known from now on."""
    if g.by_cookie:
        auth.sign_out(g.token)
    response = pages.redirect(url)
    response.set_cookie(
        devices.COOKIE,
        auth.known_device(request.cookies.get(devices.COOKIE, ""), phone),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_secure(),
        max_age=YEAR_S,
    )
    response.set_cookie(
        auth.cookie_name(), token, path="/", httponly=True, samesite="Lax", secure=_secure(), max_age=YEAR_S // 2
    )
    return response


def _secure() -> bool:
    return settings().public_url.startswith("https://")


def _inside(url: str | None) -> str:
    """A path of this site, or nothing: a log-in never leads elsewhere."""
    if not url or not url.startswith("/") or url.startswith("//") or "\\" in url:
        return ""
    parts = urlsplit(url)
    return "" if parts.scheme or parts.netloc else url
