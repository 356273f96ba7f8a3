"""The application: the only module, beside `manage.py`, that knows every package."""

from importlib import import_module

import flask_smorest
from flask import Flask

from core import callers, db, notify, problems
from core.lane import Lane
from core.permissions import Permission
from core.settings import ROOT, Settings, settings
from core.web import check_access, make_service
from orders import intake
from orders.api import orders

PACKAGES = ("core", "logistics", "shop", "orders", "web")
"""In the order of the arrows: a package may use those before it."""


def create_app(found: Settings | None = None, *, listening: bool = False) -> Flask:
    """The web application of all packages. Raises ViewUndeclared when a view does not say who may call it.

    With `listening` the process serves: it hears at once when a session is ended elsewhere, and takes orders in sets.
    """
    found = found or settings()
    if not db.connected():
        db.connect(found.database_url, pool_size=found.pool_size)
    pages = ROOT / "web"
    app = make_service(
        "xiaoxiang",
        found,
        static_folder=str(pages / "static"),
        static_url_path="/static",
        template_folder=str(pages / "templates"),
    )
    app.config.update(
        API_TITLE="Xiaoxiang",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
            "info": {"description": "A rural postal network that sells: farm, live sale, order, post, books."},
        },
    )
    api = flask_smorest.Api(app)
    problems.init_app(app)
    for package in PACKAGES:
        import_module(package).init_app(app, api)
    check_access(app)
    if listening:
        intake.start(db.make_engine(db.engine().url.render_as_string(hide_password=False), pool_size=1))
        app.wsgi_app = Lane(  # type: ignore[method-assign]
            app, path=orders.PATH, endpoint="orders.place", permission=Permission.ORDER_PLACE, work=orders.place_plainly
        )
        notify.listen(["logins"], lambda _channel, digest: callers.forget(digest), callers.forget_all, callers.hearing)
    return app
