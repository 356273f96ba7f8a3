"""Tracking: what a stranger learns by counting through numbers, and what the addressee learns."""

import pytest

from core.errors import TooMany
from logistics import delivery, numbers, parcels, tracking
from logistics.tracking import PhoneTailWrong, public_view
from tests import make
from tests.make.parcels import MORNING


def test_a_number_not_on_its_way_looks_like_one_that_does_not_exist():
    known, unknown = make.labelled_parcel(), numbers.s10("ZZ", 99_999_999)
    seen = public_view(known.number, now=MORNING)
    assert seen == tracking.Trace(known.number)
    assert public_view(unknown, now=MORNING) == tracking.Trace(unknown)


def test_the_public_sees_state_and_counties_and_nobody():
    box = make.arrived_parcel()
    seen = public_view(box.number.lower(), now=MORNING)
    assert (seen.status, seen.events) == ("in_transit", [])
    assert seen.origin == "湖南省怀化市溆浦县"
    assert seen.destination.startswith("湖南省长沙市")
    assert "麓山南路" not in repr(seen)
    assert "王" not in repr(seen)


def test_the_last_four_digits_open_places_and_times():
    box = make.arrived_parcel()
    seen = public_view(box.number, tail="1234", now=MORNING)
    assert [event.code for event in seen.events] == ["EMD", "EMC", "EMA"]
    assert seen.events[0].place == "湘维支局"
    assert seen.events[0].words == "已到达支局"


def test_a_wrong_tail_and_an_unknown_number_get_the_same_refusal():
    box = make.arrived_parcel()
    for number in (box.number, numbers.s10("ZZ", 99_999_998)):
        with pytest.raises(PhoneTailWrong):
            public_view(number, tail="0000", now=MORNING)


def test_a_misread_number_is_named():
    with pytest.raises(numbers.NumberWrong):
        public_view("ZA123456784CN", now=MORNING)


def test_tails_cannot_be_guessed_through():
    number = numbers.s10("ZY", 4_711)
    for guess in range(tracking.TAILS_AN_HOUR):
        with pytest.raises(PhoneTailWrong):
            public_view(number, tail=f"{guess:04d}", now=MORNING)
    with pytest.raises(TooMany):
        public_view(number, tail="9999", now=MORNING)


def test_numbers_cannot_be_counted_through_from_one_address():
    for serial in range(tracking.LOOKS_A_MINUTE):
        public_view(numbers.s10("ZY", serial), address="203.0.113.9", now=MORNING)
    with pytest.raises(TooMany):
        public_view(numbers.s10("ZY", 99), address="203.0.113.9", now=MORNING)


def test_every_public_state_has_its_words():
    assert set(tracking.ON_THE_ROAD.values()) | {tracking.ANNOUNCED, tracking.TO_COLLECT} == set(tracking.PUBLIC_WORDS)
    box = make.arrived_parcel()
    delivery.out_for_delivery(box, by=None, now=MORNING)
    assert public_view(box.number, now=MORNING).words == "派送中"
    assert parcels.by_number(box.number) is box
