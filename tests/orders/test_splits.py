"""Splits: visible rules, shares frozen at the sale, and not a fen lost or made."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from orders import splits
from orders.goods import Goods
from orders.orders import Channel
from orders.splits import Party, RuleKind, Share, SplitRule
from shop.products import ProductKind
from tests import make


def goods(price_minor=2_990, host=True, kind=ProductKind.FRESH):
    one = make.missing_id()
    return Goods(
        one,
        "5斤装",
        2_500,
        price_minor,
        None,
        one,
        "黄桃",
        kind,
        one,
        one,
        one,
        "431201",
        host_id=one if host else None,
    )


def rule(position, party, value, *, channel=None, product_kind=None):
    kind = RuleKind.EACH_MINOR if party is Party.FREIGHT else RuleKind.RATE_BP
    return SplitRule(position=position, party=party, channel=channel, product_kind=product_kind, kind=kind, value=value)


def quoted(position, value=10_000):
    return SplitRule(position=position, party=Party.FREIGHT, kind=RuleKind.QUOTE_BP, value=value)


def amounts(shares):
    return {share.party: share.amount_minor for share in shares}


def test_the_table_that_is_there_from_the_start_has_an_order():
    table = splits.rules()
    assert [one.party for one in table] == ["freight", "freight", "platform", "branch", "host", "station", "station"]
    assert [one.kind for one in table[:2]] == [RuleKind.QUOTE_BP, RuleKind.EACH_MINOR]
    assert [one.position for one in table] == sorted(one.position for one in table)


def test_freight_comes_off_before_any_rate():
    parts = amounts(
        splits.split(goods(), 1, Channel.WEB, [rule(1, Party.FREIGHT, 600), rule(2, Party.PLATFORM, 1_000)])
    )
    assert parts == {Party.FREIGHT: 600, Party.PLATFORM: 239, Party.FARM: 2_151}


def test_the_first_rule_that_fits_counts():
    table = [rule(1, Party.STATION, 300, channel=Channel.LIVE), rule(2, Party.STATION, 500)]
    assert amounts(splits.split(goods(10_000), 1, Channel.LIVE, table))[Party.STATION] == 300
    assert amounts(splits.split(goods(10_000), 1, Channel.WEB, table))[Party.STATION] == 500


def test_a_host_has_a_share_only_of_what_a_host_sold():
    table = [rule(1, Party.HOST, 800)]
    assert Party.HOST not in amounts(splits.split(goods(host=False), 1, Channel.WEB, table))
    assert amounts(splits.split(goods(10_000), 1, Channel.LIVE, table))[Party.HOST] == 800


def test_a_rule_may_speak_of_one_kind_of_goods():
    table = [rule(1, Party.PLATFORM, 500, product_kind=ProductKind.CRAFT)]
    assert Party.PLATFORM not in amounts(splits.split(goods(), 1, Channel.WEB, table))


def test_without_any_rule_the_farm_has_it_all():
    assert amounts(splits.split(goods(), 2, Channel.WEB, [])) == {Party.FARM: 5_980}


def test_freight_is_what_the_tariff_asks_and_a_fixed_sum_only_where_it_asks_nothing():
    table = splits.rules()
    assert amounts(splits.split(goods(), 2, Channel.WEB, table, fee_minor=1_300))[Party.FREIGHT] == 2_600
    assert amounts(splits.split(goods(), 2, Channel.WEB, table))[Party.FREIGHT] == 1_200


def test_a_rule_may_say_a_fixed_sum_for_one_kind_of_goods_whatever_the_tariff_asks():
    fixed = rule(1, Party.FREIGHT, 300, product_kind=ProductKind.CRAFT)
    table = [fixed, quoted(2)]
    craft = splits.split(goods(kind=ProductKind.CRAFT), 1, Channel.WEB, table, fee_minor=1_300)
    assert amounts(craft)[Party.FREIGHT] == 300
    assert amounts(splits.split(goods(), 1, Channel.WEB, table, fee_minor=1_300))[Party.FREIGHT] == 1_300


def test_a_house_with_a_contract_pays_a_part_of_the_quote():
    assert amounts(splits.split(goods(), 1, Channel.WEB, [quoted(1, 8_000)], fee_minor=1_301))[Party.FREIGHT] == 1_041


def test_freight_above_the_price_takes_all_of_it_and_says_what_it_asks():
    shares = splits.split(goods(500), 2, Channel.WEB, [quoted(1)], fee_minor=1_300)
    assert shares == [Share(Party.FREIGHT, None, 1_000, quote_minor=2_600)]


def test_a_prize_takes_nothing_from_anybody_and_says_what_its_way_costs_the_house():
    assert splits.split(goods(0), 1, Channel.LIVE, [quoted(1)], fee_minor=700) == [
        Share(Party.FREIGHT, None, 0, quote_minor=700)
    ]


def test_a_quote_that_is_all_of_the_price_leaves_nothing_to_bear():
    assert splits.split(goods(700), 1, Channel.WEB, [quoted(1)], fee_minor=700) == [Share(Party.FREIGHT, None, 700)]


RULES = st.lists(
    st.tuples(st.sampled_from([party for party in Party if party is not Party.FARM]), st.integers(0, 10_000)),
    max_size=8,
)


@given(RULES, st.integers(0, 10_000_000), st.integers(1, 999))
def test_shares_add_up_to_the_line_whatever_the_rules(table, price_minor, quantity):
    made = [rule(position, party, value) for position, (party, value) in enumerate(table)]
    shares = splits.split(goods(price_minor), quantity, Channel.LIVE, made)
    assert sum(share.amount_minor for share in shares) == price_minor * quantity
    assert all(share.amount_minor > 0 or (share.quote_minor or 0) > 0 for share in shares)


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=6), st.data())
def test_a_part_that_is_kept_is_shared_without_loss(frozen, data):
    kept = data.draw(st.integers(0, sum(frozen)))
    parts = splits.scaled(frozen, kept)
    assert sum(parts) == kept
    assert all(0 <= part <= whole for part, whole in zip(parts, frozen, strict=True))


def test_shares_have_the_accounts_of_the_ledger():
    one = UUID(int=1)
    assert splits.account(Party.FREIGHT, None) == "carrier:freight"
    assert splits.account(Party.PLATFORM, None) == "platform"
    assert splits.account(Party.FARM, one) == f"farm:{one}"
