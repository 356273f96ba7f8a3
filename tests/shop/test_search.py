"""Search finds Chinese words of two characters, and finds them through the index."""

import pytest
from sqlalchemy import select, text

from core.db import session
from shop import products
from shop.products import Product
from shop.search import query_tokens, tokens
from tests import make
from tests.make.shop import MORNING

MANY = 5_000


def found(words: str) -> set[str]:
    return {product.name for product in session.scalars(products.about(select(Product), words))}


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("written", "pieces"),
    [
        ("黄桃", ["桃", "黄", "黄桃"]),
        ("黄桃VC100", ["vc100", "桃", "黄", "黄桃"]),
        ("ＶＣ　１００", ["100", "vc"]),
        ("十八洞村", ["八", "八洞", "十", "十八", "村", "洞", "洞村"]),
        ("、。！🍑", []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_characters_bigrams_and_words(written: str, pieces: list[str]) -> None:
    assert tokens(written) == pieces


@pytest.mark.no_db
def test_a_query_asks_for_bigrams_and_lone_characters_only() -> None:
    assert query_tokens("黄桃 大 VC") == ["vc", "大", "黄桃"]


@pytest.mark.no_db
def test_a_query_without_end_is_cut() -> None:
    assert len(query_tokens("桃黄" * 10_000)) == 2


@pytest.mark.parametrize("words", ["百香", "百香果", "香果", "果", "百香果 紫", "广西百香果"[2:], "BAI xiang"])
def test_words_of_two_characters_and_more_are_found(words: str) -> None:
    make.product(name="百香果", variety="紫香一号 bai XIANG")
    make.product(name="黄桃")
    assert found(words) == {"百香果"}


def test_a_product_is_found_by_its_village_and_its_farm() -> None:
    product = make.product(farm=make.farm(name="龙金彪家"), name="腊肉")
    origin = product.farm.region_code
    make.product(name="黄桃", farm=make.farm(name="向大山家"))
    assert found("龙金彪") == {"腊肉"}
    assert found("观音阁") == {"腊肉", "黄桃"}
    assert origin


@pytest.mark.parametrize("words", ["香百", "苹果", "！？", "%", "_"])
def test_what_is_not_there_is_not_found(words: str) -> None:
    make.product(name="百香果")
    assert found(words) == set()


def test_a_corrected_name_is_found_and_the_old_one_is_not() -> None:
    product = make.product(name="黄挑")
    products.change(product, {"name": "黄桃"}, by=make.user().id, now=MORNING)
    assert found("黄桃") == {"黄桃"}
    assert found("黄挑") == set()


def test_two_characters_use_the_index_among_many_products() -> None:
    model = make.product(name="百香果")
    session.execute(
        text(
            "INSERT INTO products SELECT gen_random_uuid(), farm_id, name || n, variety, kind, description, "
            "origin_region_code, status, ARRAY['货' || n, '号'], created_at "
            "FROM products, generate_series(1, :many) n WHERE id = :id"
        ),
        {"many": MANY, "id": model.id},
    )
    session.execute(text("SELECT gin_clean_pending_list('ix_products_tokens')"))
    session.execute(text("ANALYZE products"))
    query = products.about(select(Product.id), "百香")
    compiled = query.compile(session.connection(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}")))
    assert "ix_products_tokens" in plan
    assert found("百香") == {"百香果"}
