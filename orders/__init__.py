"""From the basket to the books: orders, payments, refunds, fulfilment, the ledger and what each party is owed."""

import flask_smorest
from flask import Flask


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Blueprints, listeners and jobs of this package."""
    # listeners and jobs declare themselves
    from orders import ending, fulfilment, goods_inward, lifecycle, paying  # noqa: F401
    from orders.api import asking, ledger, orders, payments, refunds, session_report, settlements, webhooks

    for module in (orders, ledger, settlements, payments, refunds, asking, session_report, webhooks):
        api.register_blueprint(module.blueprint)
