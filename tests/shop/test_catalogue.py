"""The storefront tells what is on sale, what is left of it and where it comes from, in a fixed number of queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event

from core.db import engine, session
from shop import catalogue, detail, harvest, products, stock
from shop.lots import LotStatus
from shop.products import ProductUnknown
from tests import make
from tests.make.shop import MORNING

DAY = timedelta(days=1)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are executed inside."""
    seen: list[str] = []

    def see(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    event.listen(engine(), "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(engine(), "before_cursor_execute", see)


def names(**wanted) -> list[str]:
    return [card.name for card in catalogue.search(now=MORNING, **wanted).items]


def test_a_card_tells_price_stock_farm_and_village() -> None:
    product = make.product(variety="锦绣")
    make.pack(product=product, net_g=2_500, price_minor=2_990)
    make.pack(product=product, net_g=5_000, price_minor=5_590)
    make.lot(product=product, low_g=30_000)
    lot = make.lot(product=product, low_g=10_000)
    stock.hold({lot.id: 2_500}, reference="a", now=MORNING)
    (card,) = catalogue.search(now=MORNING).items
    assert (card.id, card.name, card.variety, card.kind) == (product.id, "溆浦黄桃", "锦绣", "fresh")
    assert (card.price_from_minor, card.currency, card.left_g) == (2_990, "CNY", 37_500)
    assert card.farm_name == "向大山家"
    assert card.origin_name.startswith("湖南省怀化市溆浦县")
    assert card.origin_name.endswith(card.village)


def test_drafts_and_stopped_products_are_not_in_the_shop() -> None:
    make.product(name="草稿", listed=False)
    gone = make.product(name="下架")
    products.stop(gone, by=None, now=MORNING)
    make.product(name="在售")
    assert names() == ["在售"]


def test_pages_go_on_where_the_last_one_ended() -> None:
    for number in range(5):
        make.product(name=f"货{number}", now=MORNING + timedelta(seconds=number))
    first = catalogue.search(limit=2, now=MORNING)
    second = catalogue.search(limit=2, after=first.next, now=MORNING)
    assert [card.name for card in first.items + second.items] == ["货4", "货3", "货2", "货1"]
    assert catalogue.search(limit=2, after=second.next, now=MORNING).next is None


def test_the_number_of_queries_does_not_grow_with_the_page() -> None:
    def queries(limit: int) -> int:
        session.expire_all()
        with counted() as seen:
            catalogue.search("黄桃", limit=limit, now=MORNING)
        return len(seen)

    for _number in range(6):
        make.lot(product=make.pack().product)
    assert queries(1) == queries(6) == 2


def test_the_page_of_a_product_takes_one_query() -> None:
    product = make.product()
    product_id = product.id

    def queries() -> int:
        session.expire_all()
        with counted() as seen:
            detail.find(product_id, now=MORNING)
        return len(seen)

    make.pack(product=product)
    make.lot(product=product)
    few = queries()
    for _number in range(5):
        make.pack(product=product)
        make.lot(product=product)
    assert queries() == few == 1


def test_only_what_has_a_whole_box_left_in_one_lot_is_on_sale() -> None:
    plenty = make.pack(product=make.product(name="有货"), net_g=2_500)
    scraps = make.pack(product=make.product(name="零头"), net_g=2_500)
    make.product(name="没批次")
    make.lot(product=plenty.product, low_g=2_500)
    make.lot(product=scraps.product, low_g=2_499)
    make.lot(product=scraps.product, low_g=2_499)
    assert names(on_sale=True) == ["有货"]
    assert [card.name for card in catalogue.on_sale_today(now=MORNING)] == ["有货"]


@pytest.mark.parametrize("case", ["past", "not ready", "closed"])
def test_a_lot_that_cannot_be_sold_counts_for_nothing(case: str) -> None:
    pack = make.pack()
    ready = MORNING.date() + DAY if case == "not ready" else None
    lot = make.lot(product=pack.product, ready_on=ready, best_before=MORNING.date() + DAY)
    if case == "closed":
        harvest.change(lot, {"status": LotStatus.CLOSED}, by=None, now=MORNING)
    moment = MORNING + 2 * DAY if case == "past" else MORNING
    (card,) = catalogue.search(now=moment).items
    assert card.left_g == 0
    assert catalogue.search(on_sale=True, now=moment).items == []


def test_search_narrows_by_farm_and_by_place() -> None:
    here, there = make.farm(region_code="431224106"), make.farm(region_code="431224118")
    make.product(name="这里", farm=here)
    make.product(name="那里", farm=there)
    assert names(farm_id=here.id) == ["这里"]
    assert names(village="431224118") == ["那里"]
    assert names(village="431224") == ["那里", "这里"]


def test_villages_are_those_with_something_on_sale() -> None:
    for region in ("431224106", "431224106", "431224118"):
        pack = make.pack(product=make.product(farm=make.farm(region_code=region)))
        make.lot(product=pack.product)
    make.product(farm=make.farm(region_code="431224119"))
    found = [(village.code, village.products) for village in catalogue.villages(now=MORNING)]
    assert found == [("431224106", 2), ("431224118", 1)]


def test_the_page_of_a_product_tells_the_boxes_left_and_the_harvest() -> None:
    product = make.product(description="早上摘，下午走。")
    small = make.pack(product=product, net_g=2_500)
    large = make.pack(product=product, net_g=5_000)
    make.lot(product=product, low_g=4_000, best_before=MORNING.date() + DAY)
    lot = make.lot(product=product, low_g=13_000)
    found = detail.find(product.id, now=MORNING)
    assert [(offer.pack.id, offer.left) for offer in found.packs] == [(small.id, 5), (large.id, 2)]
    assert [lot.left_g for lot in found.lots] == [4_000, 13_000]
    assert found.lots[1].code == lot.code
    assert found.station_name == "伏水湾营业所"
    assert found.description == "早上摘，下午走。"


def test_an_unlisted_or_unknown_product_has_no_page() -> None:
    draft = make.product(listed=False)
    for product_id in (draft.id, uuid4()):
        with pytest.raises(ProductUnknown):
            detail.find(product_id, now=MORNING)
