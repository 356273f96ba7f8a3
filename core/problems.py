"""Every error leaves in one shape: problem+json for programs, a page for people (RFC 9457)."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, request
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from core.errors import Conflict, Refusal
from core.i18n import _, gettext
from core.schemas import shape_words

log = logging.getLogger("xiaoxiang.problem")

Page = Callable[[dict[str, Any]], Response]

HTTP_WORDS = {
    400: ("bad_request", _("发来的内容读不懂。")),
    401: ("unauthorised", _("请先登录。")),
    403: ("forbidden", _("您的身份不能做这一步。")),
    404: ("not_found", _("没有找到。")),
    405: ("method_not_allowed", _("这个地址不接受这种请求。")),
    413: ("too_large", _("发来的内容太大了。")),
    415: ("unsupported_media_type", _("请用 application/json 发送。")),
    422: ("malformed", _("填的内容有问题，请照提示改。")),
    429: ("too_many", _("太频繁了，请稍后再试。")),
    500: ("broken", _("没办成，不是您的错。没有扣款。请再试一次。")),
    503: ("busy", _("现在人多，请稍后再试。没有扣款。")),
}


class Busy(Conflict):
    """The rows are taken or the database is away; nothing happened."""

    status = 503
    message = HTTP_WORDS[503][1]


def init_app(app: Flask) -> None:
    """Answer refusals, HTTP errors, database trouble and faults in one shape; after libraries set their own."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DBAPIError, _database)
    app.register_error_handler(PoolTimeout, _away)
    app.register_error_handler(Exception, _fault)


def show_pages(app: Flask, page: Page) -> None:
    """Let people see a page instead of JSON: `page` makes one from the problem."""
    app.extensions["problem_page"] = page


def of_refusal(refusal: Refusal, instance: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What a program reads of a refusal in the request `instance`, and the headers that go with it."""
    facts = {name: _plain(value) for name, value in refusal.facts.items()}
    extra: dict[str, Any] = {"facts": facts} if facts else {}
    headers = {"Retry-After": str(facts["retry_after"])} if "retry_after" in facts else {}
    return _problem(refusal.status, refusal.code, str(refusal), instance, extra), headers


def _refused(refusal: Refusal) -> Response:
    problem, headers = of_refusal(refusal, g.get("request_id", ""))
    response = _answer(problem)
    response.headers.update(headers)
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return Response(error.get_response().get_data(), status, dict(error.get_response().headers))
    code, words = HTTP_WORDS.get(status, ("http_error", _("这样不行。")))
    messages = getattr(error, "data", {}).get("messages") if hasattr(error, "data") else None
    extra = {"errors": shape_words(messages)} if messages else {}
    response = _answer(_problem(status, code, gettext(words), g.get("request_id", ""), extra))
    if status == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
    return response


def _database(error: DBAPIError) -> Response:
    if isinstance(error.orig, pg.LockNotAvailable | pg.DeadlockDetected | pg.SerializationFailure | pg.QueryCanceled):
        return _refused(Busy())
    if (
        isinstance(error, OperationalError)
        and error.connection_invalidated
        or isinstance(error.orig, pg.AdminShutdown | pg.CannotConnectNow | pg.ConnectionException | pg.DiskFull)
    ):
        return _away(error)
    return _fault(error)


def _away(error: Exception) -> Response:
    log.error("database away: %s", type(getattr(error, "orig", error)).__name__)
    return _refused(Busy())


def _fault(error: Exception) -> Response:
    log.exception("fault in %s %s, request %s", request.method, request.endpoint, g.get("request_id"))
    return _answer(_problem(500, "broken", gettext(HTTP_WORDS[500][1]), g.get("request_id", ""), {}))


def _problem(status: int, code: str, words: str, instance: str, extra: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": words,
        "status": status,
        "code": code,
        "detail": words,
        "instance": instance,
        **extra,
    }


def _answer(problem: dict[str, Any]) -> Response:
    status: int = problem["status"]
    page: Page | None = current_app.extensions.get("problem_page")
    if page is not None and not request.path.startswith("/api/") and _wants_page():
        response = page(problem)
        if response.status_code == 200:
            response.status_code = status
        return response
    response = jsonify(problem)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response


def _wants_page() -> bool:
    return bool(request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html")


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str | bool | list | dict | type(None)) else str(value)
