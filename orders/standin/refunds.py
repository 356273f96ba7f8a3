"""Refunds, whole and in part."""

from flask import Blueprint

from orders.standin import faults, intents
from orders.standin.errors import invalid
from orders.standin.events import happen
from orders.standin.store import Object
from orders.standin.wire import amount, endpoint, found, listed, parameters, store

blueprint = Blueprint("refunds", __name__)


@endpoint(blueprint, "/v1/refunds")
def create() -> Object:
    """Give money of an intent back; without an amount, all that is left of it."""
    given = parameters()
    intent = found(str(given.get("payment_intent", "")), "payment_intent")
    charge = store().find(intent["latest_charge"] or "", "charge")
    if charge is None:
        raise invalid("This PaymentIntent does not have a successful charge to refund.", param="payment_intent")
    left = charge["amount"] - charge["amount_refunded"]
    minor = amount(given) if "amount" in given else left
    if left == 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if minor > left:
        raise invalid(f"Refund amount ({minor}) is greater than unrefunded amount ({left}).", param="amount")
    pending = faults.strike(store(), "refund_pending") is not None
    refund = store().add(
        "refund",
        amount=minor,
        currency=intent["currency"],
        charge=charge["id"],
        payment_intent=intent["id"],
        reason=given.get("reason"),
        metadata=given.get("metadata", {}),
        status="pending" if pending else "succeeded",
        failure_reason=None,
        balance_transaction=intents.balance("refund", charge, -minor)["id"],
    )
    taken = charge["amount_refunded"] + minor
    store().change(charge, amount_refunded=taken, refunded=taken == charge["amount"])
    happen(store(), "refund.created", refund)
    happen(store(), "charge.refunded", charge)
    answer = dict(refund)
    if faults.strike(store(), "refund_fails") is not None:
        end(refund, "failed")
    return answer


def end(refund: Object, status: str) -> Object:
    """The buyer's bank has answered. A failed refund puts its money back on our account with Stripe."""
    was = refund["status"]
    if status == "failed":
        charge = found(refund["charge"], "charge")
        left = charge["amount_refunded"] - refund["amount"]
        store().change(charge, amount_refunded=left, refunded=False)
        back = intents.balance("refund_failure", charge, refund["amount"])["id"]
        store().change(
            refund, status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=back
        )
        happen(store(), "refund.failed", refund, status=was)
    else:
        store().change(refund, status=status)
    happen(store(), "refund.updated", refund, status=was)
    return refund


@endpoint(blueprint, "/v1/refunds/<id_>", method="GET")
def read(id_: str) -> Object:
    """One refund."""
    return found(id_, "refund")


@endpoint(blueprint, "/v1/refunds", method="GET")
def list_all() -> Object:
    """Refunds, newest first."""
    return listed("refund")
