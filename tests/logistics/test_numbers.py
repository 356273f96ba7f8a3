"""Numbers: check digits against published vectors, blocks that any door can route."""

from datetime import date

import pytest

from core.db import session
from logistics import numbers
from logistics.numbers import NumberBlock, NumbersExhausted
from tests import make

DAY = date(2026, 8, 13)


@pytest.mark.no_db
@pytest.mark.parametrize(
    ("serial", "check"), [(47312482, 9), (12345678, 5), (11223344, 7), (1, 4), (0, 5)]
)  # fmt: skip
def test_the_check_digit_agrees_with_the_published_vectors(serial, check):
    assert numbers.s10_check(serial) == check


@pytest.mark.no_db
def test_a_number_of_thirteen_characters_is_made_and_known_again():
    assert numbers.s10("ZA", 12345678) == "ZA123456785CN"
    assert numbers.is_s10("ZA123456785CN")


@pytest.mark.no_db
@pytest.mark.parametrize("text", ["ZA123456784CN", "ZA12345678CN", "za123456785cn", "ZA1234567８5CN", "", "12345678"])
def test_a_misread_number_is_not_one(text):
    assert not numbers.is_s10(text)


@pytest.mark.no_db
def test_every_single_wrong_digit_is_noticed():
    good = "ZA473124829CN"
    for place in range(2, 11):
        for digit in "0123456789".replace(good[place], ""):
            assert not numbers.is_s10(good[:place] + digit + good[place + 1 :])


@pytest.mark.no_db
def test_a_serial_beyond_eight_digits_is_refused():
    with pytest.raises(ValueError, match="eight digits"):
        numbers.s10("ZA", 100_000_000)


@pytest.mark.no_db
def test_a_dispatch_has_twenty_characters_and_a_bag_twenty_nine():
    number = numbers.dispatch_number("431203", "431201", DAY, 7)
    assert number == "431203431201CCA60007"
    assert numbers.bag_number(number, 3, highest=True, gross_g=12_340) == number + "003" + "1" + "0" + "0124"
    assert numbers.bag_number(number, 3, highest=None, gross_g=10**9).endswith("909999")


@pytest.mark.no_db
def test_a_carton_number_ends_in_its_gs1_check_digit():
    assert numbers.gs1_check("00614141123456789") == 0
    assert numbers.sscc(0, "0614141", 123456789) == "006141411234567890"


def test_numbers_of_a_branch_follow_each_other():
    branch = make.branch()
    first, second = numbers.next_parcel_numbers(branch.id, 2)
    assert int(second[2:10]) == int(first[2:10]) + 1
    assert numbers.is_s10(first)
    assert first[:1] == "Z"


def test_any_door_tells_from_a_number_which_branch_issues_it():
    one, other = make.branch(), make.branch()
    assert numbers.branch_of(numbers.next_parcel_number(one.id)) == one.id
    assert numbers.branch_of(numbers.next_parcel_number(other.id)) == other.id
    assert numbers.branch_of("EA473124829CN") is None
    assert numbers.branch_of("ZZ999999998CN") is None


def test_a_full_block_is_followed_by_the_next_free_one():
    one, other = make.branch(), make.branch()
    numbers.next_parcel_number(one.id)
    numbers.next_parcel_number(other.id)
    taken = numbers.take(numbers.PARCELS, one.id, numbers.BLOCK, last_block=numbers.LAST_PARCEL_BLOCK)
    assert len(set(taken)) == numbers.BLOCK
    assert taken[-1] == 2 * numbers.BLOCK, "block 1 belongs to the other branch"


def test_a_series_that_is_used_up_says_so():
    branch = make.branch()
    session.add(NumberBlock(series="short", position=0, branch_id=branch.id, used=numbers.BLOCK))
    with pytest.raises(NumbersExhausted):
        numbers.take("short", branch.id, 1)


def test_runs_are_counted_by_branch_and_day():
    branch = make.branch()
    first = numbers.next_run_number(branch.code, branch.id, day=DAY)
    assert first == f"R{branch.code}26081301"
    assert numbers.next_run_number(branch.code, branch.id, day=DAY).endswith("02")
