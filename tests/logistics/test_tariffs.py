"""Tariffs: first and continued weight, volume, versions that never change."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db import session
from logistics import tariffs
from logistics.regions import RegionUnknown
from logistics.tariffs import SizeImpossible, TariffMissing, Terms, WeightImpossible, charge, chargeable
from tests.make.logistics import OPENED

KILO = Terms(divisor=6_000, bulky_from_mm=0, step_g=1, first_g=1_000, first_minor=1_200, unit_g=1_000, unit_minor=480)

terms_of_any_kind = st.builds(
    Terms,
    divisor=st.integers(1_000, 10_000),
    bulky_from_mm=st.integers(0, 1_000),
    step_g=st.sampled_from([1, 100, 500, 1_000]),
    first_g=st.integers(1, 30_000),
    first_minor=st.integers(0, 10_000),
    unit_g=st.integers(1, 5_000),
    unit_minor=st.integers(0, 5_000),
)
grams = st.integers(1, 50_000)
sides = st.tuples(*[st.integers(1, 3_000)] * 3)


def quote(**given):
    return tariffs.quote(
        **({"from_region": "431224106", "to_region": "440306", "weight_g": 2_800, "now": OPENED} | given)
    )


def test_five_kilograms_at_twelve_and_four_eighty_cost_thirty_one_twenty():
    assert charge(KILO, chargeable(KILO, 5_000)) == 3_120


@pytest.mark.parametrize(
    ("weight_g", "fee"), [(1, 1_200), (1_000, 1_200), (1_001, 1_680), (2_000, 1_680), (2_001, 2_160)]
)
def test_a_unit_begun_is_a_unit_charged(weight_g: int, fee: int):
    assert charge(KILO, chargeable(KILO, weight_g)) == fee


def test_a_light_large_box_is_charged_by_its_volume():
    assert chargeable(KILO, 2_000, (600, 400, 300)) == 12_000
    assert chargeable(replace(KILO, divisor=8_000), 2_000, (600, 400, 300)) == 9_000


def test_volume_counts_only_once_a_side_is_long_enough():
    bulky = replace(KILO, bulky_from_mm=600)
    assert chargeable(bulky, 2_000, (599, 400, 300)) == 2_000
    assert chargeable(bulky, 2_000, (300, 400, 600)) == 12_000


@pytest.mark.no_db
@given(terms_of_any_kind, grams, sides)
def test_the_chargeable_weight_is_the_least_step_that_covers_scale_and_volume(terms, weight_g, size_mm):
    charged = chargeable(terms, weight_g, size_mm)
    volume = Fraction(size_mm[0] * size_mm[1] * size_mm[2], terms.divisor)
    needed = max(Fraction(weight_g), volume if max(size_mm) >= terms.bulky_from_mm else Fraction(0))
    assert charged % terms.step_g == 0
    assert charged - terms.step_g < ceil(needed) <= charged


@pytest.mark.no_db
@given(terms_of_any_kind, grams, grams)
def test_a_heavier_box_is_never_cheaper(terms, one_g, other_g):
    light, heavy = sorted((chargeable(terms, one_g), chargeable(terms, other_g)))
    assert charge(terms, light) <= charge(terms, heavy)


@pytest.mark.no_db
@given(terms_of_any_kind, grams)
def test_the_fee_is_the_first_weight_and_the_fewest_units_that_carry_the_rest(terms, weight_g):
    fee = charge(terms, weight_g)
    rest = max(0, weight_g - terms.first_g)
    units = 0 if terms.unit_minor == 0 else (fee - terms.first_minor) // terms.unit_minor
    assert fee >= terms.first_minor
    if terms.unit_minor:
        assert units * terms.unit_g >= rest
        assert (units - 1) * terms.unit_g < rest


@pytest.mark.no_db
@given(terms_of_any_kind, grams, sides)
def test_the_order_of_the_sides_does_not_matter(terms, weight_g, size_mm):
    assert chargeable(terms, weight_g, size_mm) == chargeable(terms, weight_g, tuple(sorted(size_mm)))


def test_a_box_from_the_village_to_shenzhen_has_a_price():
    given_quote = quote()
    assert (given_quote.fee_minor, given_quote.chargeable_g, given_quote.currency) == (1_100, 3_000, "CNY")
    assert given_quote.inputs["zone"] == "邻省"


def test_the_house_brings_a_price_for_every_province():
    to = [code for zone in tariffs.default()["zones"] for code in zone["to"]]
    assert len(to) == len(set(to)) == 31
    assert all(quote(to_region=code).fee_minor > 0 for code in to)


def test_a_quote_can_be_reckoned_again_from_what_it_kept():
    kept = quote(weight_g=3_300, size_mm=(700, 300, 300)).as_json()
    terms, size = Terms(**kept["inputs"]["terms"]), tuple(kept["inputs"]["size_mm"])
    assert chargeable(terms, kept["inputs"]["weight_g"], size) == kept["chargeable_g"]
    assert charge(terms, kept["chargeable_g"]) == kept["fee_minor"]


def test_a_new_tariff_counts_from_its_first_moment_and_changes_no_old_quote():
    before = quote().as_json()
    dearer = tariffs.default()
    dearer["zones"][1]["first_minor"] += 500
    monday = OPENED + timedelta(days=2)
    published = tariffs.publish(dearer, valid_from=monday, by=None, now=OPENED)
    assert quote(now=monday - timedelta(seconds=1)).as_json() == before
    assert quote(now=monday).fee_minor == before["fee_minor"] + 500
    assert quote(now=monday).tariff_id == published.id


def test_the_finest_region_decides():
    data = tariffs.default()
    near = data["zones"][0] | {"zone": "同县", "to": ["431224"], "first_minor": 300}
    tariffs.publish(data | {"zones": [*data["zones"], near]}, valid_from=OPENED, by=None, now=OPENED)
    assert quote(to_region="431224110", weight_g=900).fee_minor == 300
    assert quote(to_region="431281217", weight_g=900).fee_minor == 500


@pytest.mark.parametrize("table", ["tariffs", "tariff_rates"])
def test_a_published_price_cannot_be_changed(table: str):
    with pytest.raises(DBAPIError, match="only ever added"), session.begin_nested():
        session.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("weight_g", [0, -1, 50_001, 10**12])
def test_a_weight_that_nobody_carries_is_refused(weight_g: int):
    with pytest.raises(WeightImpossible):
        quote(weight_g=weight_g)


@pytest.mark.parametrize("size_mm", [(0, 1, 1), (1, 1), (1, 1, 1, 1), (-1, 1, 1), (3_001, 1, 1)])
def test_a_box_without_three_possible_sides_is_refused(size_mm: tuple[int, ...]):
    with pytest.raises(SizeImpossible):
        quote(size_mm=size_mm)


def test_a_way_without_a_price_is_refused():
    with pytest.raises(TariffMissing):
        quote(from_region="440306")
    with pytest.raises(TariffMissing):
        quote(now=OPENED.replace(year=2019))


def test_an_unknown_end_is_refused():
    with pytest.raises(RegionUnknown):
        quote(to_region="999999")
