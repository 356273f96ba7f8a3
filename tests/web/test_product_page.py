"""The product page is kept between readers, yet never old and never another's."""

from datetime import timedelta
from urllib.parse import unquote

import pytest
from markupsafe import escape
from sqlalchemy import event

from core import auth, clock
from core.db import engine, session
from core.permissions import Role
from core.testing import frozen
from shop import harvest, packs, stock
from shop.lots import HarvestLot
from tests import make
from tests.make.shop import MORNING
from web import storefront


@pytest.fixture(autouse=True)
def still():
    """All of a test happens in one moment, in a process that has kept nothing."""
    storefront._drawn.cache_clear()
    with frozen(MORNING + timedelta(minutes=1)):
        yield


@pytest.fixture
def product():
    product = make.product()
    make.pack(product=product, name="三斤装", net_g=1_500, price_minor=1_990)
    return product


def page(client, product, **headers):
    answer = client.get(f"/products/{product.id}", headers=headers)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def signed_in(app, user):
    """A browser of a person."""
    browser = app.test_client()
    browser.set_cookie(auth.cookie_name(), auth.open_login(user, agent="test", now=clock.now()))
    session.commit()
    return browser


def test_the_same_facts_are_drawn_once(client, product):
    make.lot(product=product)
    assert page(client, product) != ""
    page(client, product)
    kept = storefront._drawn.cache_info()
    assert (kept.hits, kept.misses) == (1, 1)


def test_a_new_price_is_on_the_next_page(client, product):
    make.lot(product=product)
    assert "¥19.90" in page(client, product)
    pack = session.scalars(packs.visible_to(None)).one()
    packs.change(pack, {"price_minor": 2_150}, by=make.user().id, now=MORNING)
    after = page(client, product)
    assert "¥21.50" in after
    assert "¥19.90" not in after


def test_what_is_left_is_told_anew_after_every_sale_until_it_is_sold_out(client, product):
    lot = make.lot(product=product, low_g=4_500)
    assert "4.5 公斤" in page(client, product)
    stock.hold({lot.id: 3_000}, reference="a", now=MORNING)
    assert "1.5 公斤" in page(client, product)
    stock.hold({lot.id: 1_500}, reference="b", now=MORNING)
    sold_out = page(client, product)
    assert "今天卖完了" in sold_out
    assert "立即下单" not in sold_out


def test_a_stopped_pack_is_shown_to_its_farm_and_to_nobody_else(app, client):
    farmer = make.user(roles=[Role.FARMER])
    product = make.product(farm=make.farm(member_id=farmer.id))
    make.lot(product=product)
    pack = make.pack(product=product, name="旧箱子")
    packs.change(pack, {"status": packs.PackStatus.STOPPED}, by=farmer.id, now=MORNING)
    assert "旧箱子" in page(signed_in(app, farmer), product)
    assert "旧箱子" not in page(client, product)
    assert "旧箱子" not in page(signed_in(app, make.user()), product)
    assert "旧箱子" in page(signed_in(app, farmer), product)


def test_a_draft_is_shown_to_its_farmer_and_to_nobody_else(app, client):
    farmer = make.user(roles=[Role.FARMER])
    draft = make.product(farm=make.farm(member_id=farmer.id), listed=False)
    page(signed_in(app, farmer), draft)
    assert client.get(f"/products/{draft.id}").status_code == 404
    assert signed_in(app, make.user()).get(f"/products/{draft.id}").status_code == 404


def test_nothing_of_one_reader_is_on_the_page_of_another(app, client, product):
    make.lot(product=product)
    elder, other = make.user(name="彭桂花"), make.user(name="向老三")
    elder.elder = True
    first, second = signed_in(app, elder), signed_in(app, other)
    pages = [page(first, product), page(second, product), page(client, product), page(first, product)]
    assert [' data-mode="elder"' in one for one in pages] == [True, False, False, True]
    tokens = [one.split('name="csrf_token" value="')[1].split('"')[0] for one in pages]
    assert tokens[0] == tokens[3]
    assert len(set(tokens)) == 3
    nonces = [one.split('nonce="')[1].split('"')[0] for one in pages]
    assert len(set(nonces)) == 4
    assert not [name for name in ("彭桂花", "向老三") for one in pages if name in one]
    assert storefront._drawn.cache_info().misses == 3, "in large letters, signed in, and for strangers"


@pytest.mark.parametrize("query", ["", "?from=live", '?"><b>'])
def test_whoever_came_first_the_page_differs_in_the_way_in_alone(app, client, product, query):
    make.lot(product=product)
    keeper = signed_in(app, make.user(roles=[Role.KEEPER, Role.PROVINCE]))
    read = []
    for reader in (client, keeper, keeper, client):
        answer = reader.get(f"/products/{product.id}{query}").get_data(as_text=True)
        nonce, token = (
            answer.split('nonce="')[1].split('"')[0],
            answer.split('name="csrf_token" value="')[1].split('"')[0],
        )
        for word, way in (("登录", "/login"), ("我的", "/me")):
            answer = answer.replace(f'href="{way}">{word}', "the way in")
        read.append(answer.replace(nonce, "").replace(token, ""))
        if len(read) == 2:
            storefront._drawn.cache_clear()
    assert len(set(read)) == 1
    assert f'name="next" value="{escape(f"/products/{product.id}{query}")}"' in unquote(read[0])
    assert "<b>" not in read[0].split('name="next"')[1][:120]


def test_every_reader_gets_his_language(client, product):
    make.lot(product=product)
    texts = [page(client, product, **{"Accept-Language": wanted}) for wanted in ("zh", "en", "zh")]
    assert ["还剩" in text for text in texts] == [True, False, True]
    assert '<html lang="en"' in texts[1]


def test_a_weighed_lot_says_what_the_scale_showed(client, product):
    lot = make.lot(product=product)
    assert "还没过秤，先按" in page(client, product)
    harvest.weigh_in(session.get_one(HarvestLot, lot.id), weighed_g=333_500, by=None, now=MORNING)
    session.commit()
    assert "站点已过秤 667 斤" in page(client, product)


def test_the_van_that_has_left_is_not_promised_any_more(client, product):
    make.lot(product=product)
    promised = []
    for hours in (0, 8, 24):
        with frozen(MORNING + timedelta(hours=hours)):
            promised.append(page(client, product).split('class="road"')[1].split("</ol>")[0])
    assert ["8月13日" in words for words in promised] == [True, False, False]
    assert ["8月14日" in words for words in promised] == [False, True, True]


def test_a_page_asks_the_database_once_whoever_reads_it(app, client, product):
    make.lot(product=product)
    asked = []
    for reader in (client, signed_in(app, make.user())):
        page(reader, product)
        event.listen(engine(), "before_cursor_execute", see := lambda *facts: asked.append(facts[2]))
        page(reader, product)
        event.remove(engine(), "before_cursor_execute", see)
    assert len([one for one in asked if "SAVEPOINT" not in one]) == 2


def test_what_is_kept_is_bounded():
    assert storefront._drawn.cache_info().maxsize == storefront.PRODUCTS_KEPT <= 1_000
