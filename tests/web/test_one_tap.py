"""One tap in the live room: for a buyer who has ordered before, at the price that she saw, once."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select

from core.db import session
from core.testing import frozen
from core.users import User
from orders.orders import Order
from shop import offers
from shop.offers import LiveOffer
from tests import make
from tests.make.shop import MORNING

TAP = "/checkout/again"


@pytest.fixture(autouse=True)
def _morning():
    with frozen(MORNING):
        yield


@pytest.fixture
def room():
    return make.live_session()


@pytest.fixture
def offer(room):
    """On sale and pinned; its id."""
    made = make.live_offer(room, price_minor=2_590)
    offers.pin(room, made.id, by=room.host_id, now=MORNING)
    return made.id


@pytest.fixture
def known():
    """A buyer who has ordered before; her id."""
    buyer = make.user()
    make.order(buyer=buyer)
    return buyer.id


def tap(client, headers, offer, **given):
    form = {"offer": str(offer), "price_minor": "2590", "fresh": "yes", "key": uuid4().hex} | given
    return client.post(TAP, data=form, headers=headers | {"Accept": "text/html"})


def orders_of(buyer):
    return session.scalar(select(func.count()).select_from(Order).where(Order.buyer_id == buyer))


def test_a_known_buyer_taps_once_and_stands_before_the_pay_page_of_one_box_to_her_last_address(
    client, login, room, offer, known
):
    headers = login(client, session.get_one(User, known))
    page = client.get(f"/live/{room.id}", headers=headers | {"Accept": "text/html"}).text
    assert 'action="/checkout/again"' in page
    assert "王小明" in page
    answer = tap(client, headers, offer)
    assert answer.status_code == 303
    assert answer.location.endswith("/pay")
    newest = session.scalars(select(Order).where(Order.buyer_id == known).order_by(Order.id.desc())).first()
    assert (newest.total_minor, newest.session_id, newest.channel) == (2_590, room.id, "live")


def test_the_same_tap_sent_twice_is_one_order(client, login, offer, known):
    headers, key = login(client, session.get_one(User, known)), uuid4().hex
    first, second = (tap(client, headers, offer, key=key) for _time in range(2))
    assert first.location == second.location
    assert orders_of(known) == 2


def test_a_price_that_has_changed_since_is_shown_and_not_charged(client, login, room, offer, known):
    offers.reprice(session.get_one(LiveOffer, offer), price_minor=2_790, by=room.host_id, now=MORNING)
    answer = tap(client, login(client, session.get_one(User, known)), offer)
    assert answer.status_code == 409
    assert "价格刚刚变了" in answer.text
    assert "¥27.90" in answer.text
    assert orders_of(known) == 1


def test_who_has_never_ordered_is_not_offered_the_tap_and_is_asked_for_an_address(client, login, room, offer):
    stranger = make.user()
    headers = login(client, stranger)
    assert TAP not in client.get(f"/live/{room.id}", headers=headers | {"Accept": "text/html"}).text
    assert tap(client, headers, offer).status_code == 422
    assert orders_of(stranger.id) == 0


def test_a_stopped_offer_is_refused_and_nothing_is_held(client, login, room, offer, known):
    offers.stop(session.get_one(LiveOffer, offer), by=room.host_id, now=MORNING)
    assert tap(client, login(client, session.get_one(User, known)), offer).status_code == 409
    assert orders_of(known) == 1
