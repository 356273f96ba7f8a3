"""The pages where a buyer pays in the demo: a card form, a wallet that opens by redirect, a QR code to scan."""

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from orders.standin import checkout, intents
from orders.standin.store import Object
from orders.standin.wire import found, store

blueprint = Blueprint("pages", __name__)


def yuan(minor: int) -> str:
    """Fen as people read them."""
    return f"¥{minor // 100}.{minor % 100:02d}"


def wallet(id_: str) -> str:
    """The wallet asks: pay or not."""
    return _wallet(found(id_, "payment_intent"))


def wallet_answer(id_: str) -> Response | str:
    """The buyer has pressed a button; a redirected one goes back to the shop."""
    with store().transaction():
        intent = found(id_, "payment_intent")
        if intent["status"] == "requires_action":
            wanted = request.form.get("outcome") == "pay"
            intent = intents.succeed(intent) if wanted else intents.decline(intent, "payment_method_provider_decline")
    if not intent["return_url"]:
        return _wallet(intent)
    done = "succeeded" if intent["status"] == "succeeded" else "failed"
    return redirect(_with(intent["return_url"], payment_intent=intent["id"], redirect_status=done), 303)


def _wallet(intent: Object) -> str:
    name = "微信支付 WeChat Pay" if "wechat_pay" in intent["payment_method_types"] else "支付宝 Alipay"
    return render_template("wallet.html", intent=intent, name=name)


def qr(id_: str) -> str:
    """The code to scan; the page looks again every two seconds."""
    return render_template("qr.html", intent=found(id_, "payment_intent"))


def card(id_: str) -> str:
    """The card form; nobody types a number, two test cards are offered."""
    return render_template("card.html", session=found(id_, "checkout.session"), error=None)


def card_answer(id_: str) -> Response | str:
    """The buyer has chosen a card."""
    with store().transaction():
        session = found(id_, "checkout.session")
        good = request.form.get("outcome") == "pay"
        if session["status"] == "open":
            intent = checkout.pay(session, "pm_card_visa" if good else "pm_card_chargeDeclined")
            if error := intent["last_payment_error"]:
                return render_template("card.html", session=session, error=error["message"])
    return redirect(session["success_url"], 303)


def _with(url: str, **more: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"


blueprint.add_app_template_filter(yuan)
for _rule, _look, _answer in (("/pay/<id_>", wallet, wallet_answer), ("/card/<id_>", card, card_answer)):
    blueprint.add_url_rule(_rule, view_func=_look)
    blueprint.add_url_rule(_rule, view_func=_answer, methods=["POST"])
blueprint.add_url_rule("/qr/<id_>", view_func=qr)
