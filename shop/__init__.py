"""What is offered: produce of farms, sold live or on the storefront, and goods for the village shelf."""

from importlib import import_module

import flask_smorest
from flask import Flask

BLUEPRINTS = ("farms", "products", "photos", "packs", "lots", "live", "supply", "wholesale")


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """The JSON of the shop."""
    for name in BLUEPRINTS:
        api.register_blueprint(import_module(f"shop.api.{name}").blueprint, url_prefix="/api/v1")
