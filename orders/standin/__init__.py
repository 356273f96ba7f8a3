"""A stand-in for Stripe, for the demo and the tests: a small server that behaves like the real one, faults included.

It knows nothing of orders, answers this machine only, refuses to start in a live world, and marks every id `standin`.
"""

from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, abort, request

LOOPBACK = frozenset({"127.0.0.1", "::1"})


class LiveWorld(SystemExit):
    """The stand-in was asked to start where real money moves."""


def create_app(
    path: Path | str, *, api_key: str, secret: str, receiver: str | None = None, world: str = "demo"
) -> Flask:
    """The stand-in. `path` is its SQLite file, `secret` signs its events, `receiver` is the address they go to."""
    if world != "demo" or "_live_" in api_key:
        raise LiveWorld("The Stripe stand-in does not start in a live world.")
    from orders.standin import checkout, control, errors, events, intents, pages, refunds, sender, wire
    from orders.standin.store import Store

    app = Flask(__name__)
    app.config.update(
        STORE=Store(path),
        API_KEY=api_key,
        MAX_CONTENT_LENGTH=64 * 1024,
        TRUSTED_HOSTS=["127.0.0.1", "localhost", "[::1]"],
    )
    for part in (checkout, control, events, intents, pages, refunds):
        app.register_blueprint(part.blueprint)
    app.register_error_handler(errors.StripeSays, wire.say)
    app.before_request(_this_machine_only)
    app.get("/healthz")(lambda: {"status": "ok"})
    app.extensions["sender"] = sender.Sender(app.config["STORE"], secret, sender.over_http(receiver or ""))
    if receiver:
        app.extensions["sender"].start()
    return app


def _this_machine_only() -> None:
    if request.remote_addr not in LOOPBACK:
        abort(403)


@cache
def house_app() -> Flask:
    """The stand-in of this house, from its settings."""
    from core.settings import settings

    found = settings()
    found.home.mkdir(parents=True, exist_ok=True)
    return create_app(
        found.home / "standin.sqlite",
        api_key=found.stripe_key,
        secret=found.stripe_webhook_secret,
        receiver=f"http://127.0.0.1:{found.port}/api/v1/stripe/webhook",
        world=found.world,
    )


def __getattr__(name: str) -> Any:
    """`orders.standin:app` for gunicorn is made when it is asked for, not when the module is read."""
    if name == "app":
        return house_app()
    raise AttributeError(name)
