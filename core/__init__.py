"""Foundations: what every package of the house stands on. They may not say farm, order or parcel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # set-up reads this package before any library is there
    import flask_smorest
    from flask import Flask


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Log-in, health and the description of the API."""
    from core.api import docs, health, login

    api.register_blueprint(login.blueprint, url_prefix="/api/v1")
    app.register_blueprint(health.blueprint)
    docs.init_app(app, api)
