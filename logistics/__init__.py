"""The post itself: places, prices, parcels and the roads between. It knows no order; a parcel carries a reference."""

from importlib import import_module

import flask_smorest
from flask import Flask

BLUEPRINTS = (
    "regions", "tariffs", "branches", "stations",
    "parcels", "labels", "delivery", "dispatches", "runs", "hand_over", "tracking",
)  # fmt: skip


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """The JSON of the post."""
    for name in BLUEPRINTS:
        api.register_blueprint(import_module(f"logistics.api.{name}").blueprint, url_prefix="/api/v1")
