"""The host's console: what a slip of the thumb cannot do, and when a flash sale opens."""

import re
from uuid import uuid4

import pytest

from core.db import session
from core.users import User
from shop import offers
from shop.offers import LiveOffer
from tests import make


@pytest.fixture
def room():
    return make.live_session()


def tap(client, login, room, path, **given):
    return client.post(
        f"/host/{room.id}/offers{path}",
        data=given | {"key": uuid4().hex},
        headers=login(client, session.get_one(User, room.host_id)) | {"Accept": "text/html"},
    )


def price_of(offer):
    return session.get_one(LiveOffer, offer.id, populate_existing=True).price_minor


def test_a_price_far_too_low_is_taken_only_when_it_is_confirmed_as_typed(client, login, room):
    offer = make.live_offer(room, price_minor=2_590)
    path = f"/{offer.id}/reprice"
    asked = tap(client, login, room, path, yuan="2.59")
    assert asked.status_code == 409
    assert "¥2.59 低于底价" in asked.text
    assert re.search(r'name="yuan_confirmed" value="2.59"', asked.text)
    assert "确定按 ¥2.59 卖" in asked.text
    changed_since = tap(client, login, room, path, yuan="0.59", yuan_confirmed="2.59")
    assert (changed_since.status_code, price_of(offer)) == (409, 2_590)
    assert tap(client, login, room, path, yuan="2.59", yuan_confirmed="2.59").status_code == 303
    assert price_of(offer) == 259


def test_a_refused_new_offer_keeps_what_was_typed(client, login, room):
    pack = make.live_pack(room, price_minor=9_900)
    typed = {"pack": str(pack.id), "yuan": "9.9", "pool": "30", "limit": "2", "opens_in_min": "5", "lasts_min": "10"}
    asked = tap(client, login, room, "", **typed)
    assert asked.status_code == 409
    for name in ("yuan", "pool", "limit", "opens_in_min", "lasts_min"):
        assert re.search(rf'name="{name}"[^>]* value="{typed[name]}"', asked.text), name
    assert tap(client, login, room, "", **typed, yuan_confirmed="9.9").status_code == 303
    offer = offers.of_session(room.id)[0]
    assert (offer.price_minor, offer.pool, offer.per_buyer_limit) == (990, 30, 2)
    assert (offer.closes_at - offer.opens_at).total_seconds() == 600


def test_the_pinned_offer_is_called_sold_out_from_the_bar_and_its_report_is_one_tap_away(client, login, room):
    offer = make.live_offer(room, pool=40)
    offers.pin(room, offer.id, by=room.host_id, now=room.started_at)
    headers = login(client, session.get_one(User, room.host_id)) | {"Accept": "text/html"}
    console = client.get(f"/host/{room.id}", headers=headers).text
    assert f'action="/host/{room.id}/offers/{offer.id}/sold-out"' in console.partition('class="actbar"')[2]
    assert tap(client, login, room, f"/{offer.id}/sold-out").status_code == 303
    assert session.get_one(LiveOffer, offer.id, populate_existing=True).pool == 0
    assert f'href="/host/{room.id}/report"' in console
    report = client.get(f"/host/{room.id}/report", headers=headers)
    assert report.status_code == 200
    assert "最忙的一秒" in report.text
