"""The edge: one transaction per request, who is calling, strict bodies, one shape of errors, safe headers."""

import hmac
import logging
import secrets
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import flask_smorest
from flask import Flask, Request, Response, g, request, url_for
from flask.sessions import NullSession, SessionInterface, SessionMixin
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

from core import auth, bodies, clock, i18n, metrics
from core.db import transaction
from core.errors import Forbidden
from core.i18n import _
from core.settings import Settings, settings

log = logging.getLogger("xiaoxiang.request")

JSON_BODY_MAX = 256 * 1024
FORM_MEMORY_MAX = 64 * 1024
FORM_PARTS_MAX = 50
URLS_KEPT = 2_000
"""Addresses of pages are paths, the same in every request; templates ask for the same few again and again."""
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
SAFE_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(self), serial=(self)",
}
"""What every answer says, whatever it is."""
STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}


class CrossSite(Forbidden):
    """A form of another site tried to act with this browser's cookie."""

    message = _("这个请求不是从本站发出的，没有执行。")


class Parser(FlaskParser):
    """webargs with our strict JSON loader."""

    def _raw_load_json(self, req: Request) -> Any:
        return bodies.load(req.get_data()) if req.get_data() else super()._raw_load_json(req)


class Blueprint(flask_smorest.Blueprint):
    """A flask-smorest blueprint that reads bodies strictly, by schemas that are made once and not for each request."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: Any, **kwargs: Any) -> Any:
        """As in flask-smorest."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **kwargs)


class Service(Flask):
    """A Flask application whose every request is one transaction, committed inside dispatch.

    So a failed commit still meets the error handlers, and nothing is acknowledged before it is durable.
    """

    def dispatch_request(self, *args: Any, **kwargs: Any) -> Any:
        if request.endpoint == "static":
            return super().dispatch_request(*args, **kwargs)
        with transaction():
            _refuse_nul()
            _open_request()
            return super().dispatch_request(*args, **kwargs)


class NoSessions(SessionInterface):
    """Flask's own session would be state in a signed cookie; ours are rows (`core.auth`), so it is not even opened."""

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self.make_null_session(app)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """A null session cannot have changed."""


def make_service(name: str, found: Settings, **kwargs: Any) -> Service:
    """A service with the house's limits, headers and figures in place."""
    app = Service(name, **kwargs)
    app.config.update(
        MAX_CONTENT_LENGTH=JSON_BODY_MAX,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY_MAX,
        MAX_FORM_PARTS=FORM_PARTS_MAX,
        TRUSTED_HOSTS=_trusted_hosts(found),
        SECRET_KEY=found.key("csrf"),
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json.ensure_ascii = False
    app.session_interface = NoSessions()
    app.jinja_env.globals["url_for"] = lru_cache(maxsize=URLS_KEPT)(url_for)
    if found.behind_proxy:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=0)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finish)
    return app


def _trusted_hosts(found: Settings) -> list[str]:
    host = urlsplit(found.public_url).hostname or "127.0.0.1"
    return [host, "127.0.0.1", "localhost", "[::1]"] if found.world == "demo" else [host]


def _begin() -> None:
    g.started = time.perf_counter()
    g.request_id = secrets.token_hex(8)
    g.nonce = secrets.token_urlsafe(12)
    chosen = request.cookies.get("lang") or request.accept_languages.best_match(i18n.LANGUAGES, default="zh")
    i18n.use_language(chosen or "zh")


def _open_request() -> None:
    """Who calls and whether he may act at all; inside the transaction, before the view."""
    auth.identify(clock.now())
    who = auth.current_or_none()
    if who is not None and "Accept-Language" not in request.headers and "lang" not in request.cookies:
        i18n.use_language(who.language)
    if request.method in UNSAFE and (g.by_cookie or (request.mimetype in FORMS and not g.token)):
        _same_site()


def _refuse_nul() -> None:
    """PostgreSQL cannot hold U+0000, so it is refused here once, for addresses and forms, as the body loader does."""
    fields = request.form.values() if request.method in UNSAFE and request.mimetype in FORMS else ()
    if "\0" in request.path or b"%00" in request.query_string or any("\0" in value for value in fields):
        raise bodies.BodyUnreadable(reason="NUL")


def _same_site() -> None:
    """A cookie or a form acts only from our own pages: Sec-Fetch-Site, else Origin, else the form token.

    Forms without a cookie count, too: another site must not sign a visitor in under a name of its choice. Every browser
    sends one of the two headers with a form of another site; without both and without a cookie it is a program.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        fits = site == "same-origin"
    elif origin is not None:
        fits = urlsplit(origin).netloc == request.host
    else:
        fits = not g.by_cookie or secrets.compare_digest(request.form.get("csrf_token", ""), csrf_token())
    if not fits:
        raise CrossSite()


def csrf_token() -> str:
    """The form token of this session, for browsers that send neither Sec-Fetch-Site nor Origin."""
    return hmac.new(settings().key("csrf"), g.get("token", "").encode(), "sha256").hexdigest()


def _finish(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    for name, words in SAFE_HEADERS.items():
        headers.setdefault(name, words)
    headers["X-Request-Id"] = g.get("request_id", "")
    if is_https():
        headers.setdefault(*STRICT_TRANSPORT)
    if g.get("token"):
        headers.setdefault("Cache-Control", "no-store")
    metrics.observe(request.endpoint, request.method, response.status_code, time.perf_counter() - g.get("started", 0.0))
    return response


def is_https() -> bool:
    """Whether people reach the house by TLS."""
    return settings().public_url.startswith("https://")


def _policy() -> str:
    played = _played()
    return (
        f"default-src 'none'; script-src 'nonce-{g.get('nonce', '')}' 'strict-dynamic'; style-src 'self'; "
        f"img-src 'self' data: blob:; media-src 'self' blob:{played}; connect-src 'self'{_stream_origin()}{played}; "
        "font-src 'self'; "
        "worker-src 'self'; manifest-src 'self'; form-action 'self' https://checkout.stripe.com; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
    )


def _played() -> str:
    """Where the page that is being sent, and no other, fetches moving pictures from (`g.plays_from`)."""
    return f" {g.plays_from}" if "plays_from" in g else ""


def _stream_origin() -> str:
    """Without a proxy the live stream answers on a port of its own; behind one it is the same origin."""
    found = settings()
    try:
        return "" if found.behind_proxy else f" http://{request.host.partition(':')[0]}:{found.stream_port}"
    except SecurityError:  # the host is none of ours, which is why this request is being refused
        return ""


def undeclared_views(app: Flask) -> list[str]:
    """Rules whose view says neither `requires(...)` nor `public`."""
    return sorted(
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static" and not hasattr(app.view_functions[rule.endpoint], "access")
    )


class ViewUndeclared(Exception):
    """A view does not say who may call it; the application does not start."""


def check_access(app: Flask) -> None:
    """Closed by default: refuse to start while a view does not say who may call it."""
    missing = undeclared_views(app)
    if missing:
        raise ViewUndeclared(", ".join(missing))
