"""What suppliers offer: true barcodes, whole cases, prices that never rise with the quantity."""

from datetime import UTC, date, datetime

import pytest

from core.permissions import Role
from shop import barcodes, suppliers, supply
from shop.barcodes import BarcodeWrong
from shop.suppliers import SupplierNameWrong, WithoutSupplier
from shop.supply import BarcodeTaken, CaseImpossible, SupplyOfferUnknown, SupplyStatus, TiersDisordered
from tests import make
from tests.make.shop import MORNING
from tests.shop.test_live import who


@pytest.mark.parametrize("text", ["6901234567892", " 6901 2345 67892 ", "4006381333931", "0000000000000"])
def test_true_barcodes_pass(text):
    assert barcodes.parse(text) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "6901234567891",
        "690123456789",
        "69012345678920",
        "6.90123E+12",
        "６９０１２３４５６７８９２",
        "690123456789X",
    ],
)
def test_slips_and_rounded_sheets_do_not(text):
    with pytest.raises(BarcodeWrong):
        barcodes.parse(text)


def test_every_single_wrong_digit_is_noticed():
    for place in range(13):
        for digit in "0123456789":
            changed = "6901234567892"[:place] + digit + "6901234567892"[place + 1 :]
            if changed != "6901234567892":
                with pytest.raises(BarcodeWrong):
                    barcodes.parse(changed)


def test_a_supplier_speaks_through_its_members():
    member = make.supplier_member()
    assert suppliers.of_user(member.id).name.startswith("甲商贸")
    with pytest.raises(WithoutSupplier):
        suppliers.of_user(make.user(roles=[Role.SUPPLIER]).id)


def test_a_supplier_has_a_name():
    with pytest.raises(SupplierNameWrong):
        make.supplier(name="  ")


def test_the_price_of_a_case_falls_with_the_quantity():
    offer = make.supply_offer(tiers=[(5, 2_800), (20, 2_650), (50, 2_600)])
    assert [supply.price_of(offer.tiers, cases) for cases in (5, 19, 20, 49, 50, 1_000)] == [
        2_800, 2_800, 2_650, 2_650, 2_600, 2_600,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tiers",
    [
        [],
        [(1, 2_800)],
        [(6, 2_800)],
        [(5, 2_800), (20, 2_801)],
        [(5, 0)],
        [(5, 2_800), (5, 2_700)],
        [(5, 9), (1_001, 8)],
    ],
)
def test_disordered_tiers_are_refused(tiers):
    with pytest.raises(TiersDisordered):
        supply.add(
            make.supplier(), barcode=make.barcode(), name="水", unit="瓶", case_factor=24, min_cases=5, tiers=tiers,
            delivery_weekday=2, by=None, now=MORNING,
        )  # fmt: skip


@pytest.mark.parametrize("given", [{"case_factor": 0}, {"case_factor": 10_001}, {"min_cases": 0}, {"min_cases": 1_001}])
def test_an_impossible_case_is_refused(given):
    with pytest.raises(CaseImpossible):
        make.supply_offer(**given)


def test_one_barcode_is_one_good_of_a_supplier():
    first = make.supply_offer()
    with pytest.raises(BarcodeTaken):
        make.supply_offer(supplier=first.supplier, barcode=first.barcode)
    assert make.supply_offer(barcode=first.barcode).id != first.id


def test_new_prices_take_the_place_of_the_old():
    offer = make.supply_offer()
    supply.change(offer, tiers=[(5, 2_700)], by=make.user().id, now=MORNING)
    assert [(tier.from_cases, tier.price_minor) for tier in offer.tiers] == [(5, 2_700)]


@pytest.mark.parametrize(
    ("weekday", "day"), [(4, date(2026, 8, 20)), (5, date(2026, 8, 14)), (2, date(2026, 8, 18)), (7, date(2026, 8, 16))]
)
def test_goods_ride_the_next_van_of_their_weekday_tomorrow_at_the_earliest(weekday, day):
    assert supply.next_delivery(weekday, now=MORNING) == day


def test_the_weekday_is_that_of_shanghai():
    assert supply.next_delivery(6, now=datetime(2026, 8, 13, 17, 0, tzinfo=UTC)) == date(2026, 8, 15)


def test_a_keeper_sees_what_is_listed_and_a_supplier_only_its_own():
    member = make.supplier_member()
    own = make.supply_offer(supplier=suppliers.of_user(member.id))
    foreign = make.supply_offer()
    supply.change(own, status=SupplyStatus.STOPPED, by=member.id, now=MORNING)
    keeper = who(make.keeper())
    assert supply.find(foreign.id, among=supply.visible_to(keeper)) is foreign
    assert supply.find(own.id, among=supply.visible_to(who(member))) is own
    for person, offer in ((keeper, own), (who(member), foreign), (who(make.user()), foreign)):
        with pytest.raises(SupplyOfferUnknown):
            supply.find(offer.id, among=supply.visible_to(person))
