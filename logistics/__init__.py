"""The post itself: places, prices, parcels and the roads between them. It knows no order; a parcel carries a reference."""

from flask import Flask
from flask_smorest import Api

from logistics.api import regions, stations, tariffs


def init_app(app: Flask, api: Api) -> None:
    """The table of contents."""
    for concept in (regions, stations, tariffs):
        api.register_blueprint(concept.blueprint)
