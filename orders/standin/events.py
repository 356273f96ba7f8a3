"""Events: what happened to which object, kept for reading and queued for sending."""

import time
from typing import Any

from flask import Blueprint, request

from orders.standin import faults
from orders.standin.store import Object, Store
from orders.standin.wire import endpoint, found, listed

blueprint = Blueprint("events", __name__)

API_VERSION = "2026-10-28.endive"
SENT = frozenset(
    {
        "charge.refunded",
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.canceled",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.succeeded",
        "refund.created",
        "refund.failed",
        "refund.updated",
    }
)
"""The kinds that go to the webhook; the others can only be read."""
HELD_S = 5.0
"""How long a reordered event waits for a later one to overtake it."""


def happen(store: Store, kind: str, object_: Object, **previous: Any) -> Object:
    """Record that something happened, and queue it. Called inside the transaction of the deed."""
    data = {"object": dict(object_), **({"previous_attributes": previous} if previous else {})}
    event = store.add("event", type=kind, api_version=API_VERSION, data=data, pending_webhooks=1, request=None)
    if kind in SENT:
        _queue(store, event["id"])
    return event


def _queue(store: Store, event_id: str) -> None:
    due = time.time()
    if late := faults.strike(store, "webhook_delay"):
        due += faults.seconds(late)
    if faults.strike(store, "webhook_reorder") is not None:
        due += HELD_S
    copies = 1
    if again := faults.strike(store, "webhook_duplicate"):
        copies += min(20, int(again.get("copies", 1)))
    forged = int(faults.strike(store, "webhook_forged") is not None)
    rows = [(event_id, due, forged)] * copies
    store.sql.executemany("INSERT INTO deliveries (event_id, due, forged) VALUES (?, ?, ?)", rows)


@endpoint(blueprint, "/v1/events", method="GET")
def list_events() -> Object:
    """Events, newest first; `type` keeps one kind, `created[gte]` those since a moment."""
    kind = request.args.get("type")
    since = int(request.args.get("created[gte]", 0))
    return listed("event", lambda event: kind in (None, event["type"]) and event["created"] >= since)


@endpoint(blueprint, "/v1/events/<id_>", method="GET")
def read_event(id_: str) -> Object:
    """One event."""
    return found(id_, "event")
