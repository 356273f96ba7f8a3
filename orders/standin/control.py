"""The control endpoint: arm and clear faults, end a pending refund, see what is queued. For tests and for the demo."""

from typing import Any

from flask import Blueprint, request

from orders.standin import faults, refunds
from orders.standin.errors import invalid
from orders.standin.store import Object
from orders.standin.wire import endpoint, found, store

blueprint = Blueprint("control", __name__)


@endpoint(blueprint, "/_control/faults")
def arm() -> Object:
    """Arm a fault: {kind, times, …options} as a form."""
    given: dict[str, Any] = dict(request.form.items())
    kind, times = given.pop("kind", ""), str(given.pop("times", "1"))
    try:
        faults.arm(store(), kind, int(times), given)
    except ValueError:
        raise invalid(f"No such fault: {kind} × {times}", param="kind") from None
    return {"armed": kind, "times": int(times)}


@endpoint(blueprint, "/_control/faults", method="DELETE")
def clear() -> Object:
    """Nothing goes wrong any more."""
    faults.clear(store())
    return {"armed": None}


@endpoint(blueprint, "/_control/refunds/<id_>")
def end_refund(id_: str) -> Object:
    """The bank's answer to a pending refund: {status: succeeded | failed}."""
    status = request.form.get("status", "succeeded")
    if status not in ("succeeded", "failed"):
        raise invalid(f"No such status: {status}", param="status")
    return refunds.end(found(id_, "refund"), status)


@endpoint(blueprint, "/_control/deliveries", method="GET")
def deliveries() -> Object:
    """How many deliveries wait, were taken, were given up."""
    rows = store().sql.execute("SELECT state, count(*) AS n FROM deliveries GROUP BY state").fetchall()
    return {"waiting": 0, "taken": 0, "given_up": 0} | {row["state"]: row["n"] for row in rows}
