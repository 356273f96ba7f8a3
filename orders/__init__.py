"""From the basket to the books: orders, payments, refunds, fulfilment, the ledger and what each party is owed."""

import flask_smorest
from flask import Flask


def init_app(app: Flask, api: flask_smorest.Api) -> None:
    """Blueprints, listeners and jobs of this package."""
    from orders import fulfilment, goods_inward, lifecycle, paying  # noqa: F401  # listeners and jobs declare themselves
    from orders.api import ledger, orders, payments, refunds, settlements, webhooks

    for module in (orders, ledger, settlements, payments, refunds, webhooks):
        api.register_blueprint(module.blueprint)
