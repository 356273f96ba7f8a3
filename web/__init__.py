"""The screens of all roles: server-rendered, Chinese first, readable without a script."""

import flask_smorest
from flask import Flask

from core import problems


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Pages, what templates may use, and the page that shows a refusal."""
    from web import (
        account,
        bench,
        branch,
        checkout,
        counter,
        farm,
        hand_over,
        host,
        order_pages,
        pages,
        province,
        restock,
        rooms,
        station,
        storefront,
        supplier,
        van,
        video,
    )  # fmt: skip

    pages.init_app(app)
    problems.show_pages(app, pages.problem_page)
    for screen in (
        account, bench, branch, checkout, counter, farm, hand_over, host, order_pages, province, restock, rooms,
        station, storefront, supplier, van, video,
    ):  # fmt: skip
        app.register_blueprint(screen.blueprint)
