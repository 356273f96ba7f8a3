"""What every page has: words, figures and times as people read them, the reader's mode, and where his role begins."""

from datetime import date, datetime
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, make_response, render_template, request, url_for

from core import auth, clock, i18n
from core.i18n import _
from core.money import format_yuan
from core.permissions import Role
from core.settings import settings
from core.web import csrf_token
from web import goods_art, words

JIN_G = 500
WEEKDAYS = "一二三四五六日"
ON_A_DAY, IN_DAYS = _("{first}发货"), _("{first}至{last}发货")

HOME_OF = (
    (Role.PROVINCE, "province.overview"),
    (Role.BRANCH_HEAD, "branch.overview"),
    (Role.SUPPLIER, "supplier.desk"),
    (Role.DRIVER, "van.today"),
    (Role.CLERK, "station.today"),
    (Role.KEEPER, "station.today"),
    (Role.HOST, "host.sessions"),
    (Role.FARMER, "farm.desk"),
)
"""The first screen of a role; the first row that fits wins. Buyers open on the shop."""


def init_app(app: Flask) -> None:
    """Give templates their words and filters."""
    app.jinja_env.globals.update(
        _=i18n.render,
        csrf_token=csrf_token,
        form_key=form_key,
        home_url=home_url,
        world=settings().world,
        icons=icons,
        status_word=words.status,
        parcel_word=words.parcel,
        reason_word=words.reason,
        refund_word=words.refund,
        cause_word=words.cause,
        leaves=leaves,
        drawing=goods_art.drawing,
        wash=goods_art.wash,
    )
    app.jinja_env.filters.update(
        hms=clock.local_time, cn_date=cn_date, short_date=short_date, cn_time=cn_time, cn_moment=cn_moment, pct=pct
    )
    app.jinja_env.filters.update(jin=jin, jin_only=jin_only, per_jin=per_jin, yuan=yuan)
    app.context_processor(_reader)


def _reader() -> dict[str, Any]:
    who = auth.current_or_none()
    return {"who": who, "elder_mode": in_large(), "nonce": g.get("nonce", ""), "language": i18n.language()}


def in_large() -> bool:
    """Whether this reader wants large letters: as chosen in this browser, else by himself."""
    who = auth.current_or_none()
    chosen = request.cookies.get("mode")
    return chosen == "elder" if chosen else bool(who and who.elder)


def home_url(who: auth.Who | None = None) -> str:
    """Where this person's work begins."""
    who = who or auth.current_or_none()
    for role, endpoint in HOME_OF:
        if who is not None and role in who.roles:
            return url_for(endpoint)
    return url_for("shop.home")


def form_key() -> str:
    """A fresh key for a form: sent twice, it is done once."""
    return str(uuid4())


def icons() -> str:
    """The address of the sprite that holds every drawing."""
    return url_for("static", filename="icons.svg")


def problem_page(problem: dict[str, Any]) -> Response:
    """A refusal as people read it: what did not happen, and the way on."""
    if problem["status"] == 401:
        response = make_response("", 303)
        response.headers["Location"] = url_for("account.sign_in", next=request.full_path.rstrip("?"))
        return response
    return make_response(render_template("problem.html", problem=problem, back=_came_from()))


def _came_from() -> str:
    """The page of ours that led here, to go back to; nothing where it is this very page."""
    came = request.referrer or ""
    path = came.removeprefix(request.host_url.rstrip("/"))
    return path if came.startswith(request.host_url) and came != request.url else ""


def redirect(url: str) -> Response:
    """See another page after a deed was done (303, so that a reload does not do it again)."""
    response = make_response("", 303)
    response.headers["Location"] = url
    return response


def local(moment: datetime) -> datetime:
    """A moment in the trade's own time."""
    return moment.astimezone(clock.LOCAL)


def cn_date(moment: datetime | date | None) -> str:
    """8月14日 周五; the year only when it is not this one."""
    if moment is None:
        return ""
    day = local(moment).date() if isinstance(moment, datetime) else moment
    year = "" if day.year == clock.local_day(clock.now()).year else f"{day.year}年"
    if i18n.language() == "en":
        return day.strftime("%a %-d %b") + (f" {day.year}" if year else "")
    return f"{year}{day.month}月{day.day}日 周{WEEKDAYS[day.weekday()]}"


def short_date(day: date | str) -> str:
    """8月14日; the year only when it is not this one."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    year = day.year != clock.local_day(clock.now()).year
    if i18n.language() == "en":
        return day.strftime("%-d %b %Y" if year else "%-d %b")
    return (f"{day.year}年" if year else "") + f"{day.month}月{day.day}日"


def leaves(first: date | str | None, last: date | str | None) -> str:
    """When a presale leaves: 8月20日至8月25日发货. Nothing for ready goods."""
    if first is None or last is None:
        return ""
    if first == last:
        return i18n.render(ON_A_DAY, first=short_date(first))
    return i18n.render(IN_DAYS, first=short_date(first), last=short_date(last))


def cn_time(moment: datetime | None) -> str:
    """16:30."""
    return "" if moment is None else local(moment).strftime("%H:%M")


def cn_moment(moment: datetime | None) -> str:
    """8月14日 16:30."""
    if moment is None:
        return ""
    then = local(moment)
    if i18n.language() == "en":
        return then.strftime("%-d %b %H:%M")
    return f"{then.month}月{then.day}日 {then:%H:%M}"


def jin(grams: int) -> str:
    """Grams in 斤 first and kilograms second: 5 斤（2.5 公斤）."""
    if i18n.language() == "en":
        return f"{grams / 1000:g} kg"
    return f"{round(grams / JIN_G, 2):g} 斤（{round(grams / 1000, 2):g} 公斤）"


def jin_only(grams: int) -> str:
    """Grams in 斤 alone, where there is room for one figure."""
    return jin(grams).partition("（")[0]


def per_jin(pack: Any) -> str:
    """What a 斤 of net weight costs in this pack, to the fen."""
    return format_yuan(round(pack.price_minor * JIN_G / pack.net_g))


def yuan(minor: int) -> str:
    """Fen as yuan: ¥29.90."""
    return format_yuan(minor)


def pct(part: int, whole: int) -> int:
    """A share in whole percent, 0 to 100, for the width of a bar."""
    return max(0, min(100, round(100 * part / whole))) if whole else 0
