"""Addresses: cleaned where the meaning is sure, refused where it is not."""

import pytest

from core.users import PhoneImpossible
from logistics import addresses
from logistics.addresses import AddressMasked, DetailMissing, RecipientMissing
from logistics.regions import RegionMissing, RegionTooCoarse, RegionUnknown

GOOD = {"name": "王小明", "phone": "13800001234", "region_code": "433124110226", "detail": "3组 12号"}


def parse(**given: str) -> addresses.Address:
    return addresses.parse(GOOD | given)


@pytest.mark.parametrize(
    "phone", ["13800001234", "１３８００００１２３４", "138 0000 1234", "+86 138-0000-1234", " 13800001234 "]
)
def test_a_phone_in_any_dress_is_the_same_phone(phone: str):
    assert parse(phone=phone).phone == "+8613800001234"


@pytest.mark.parametrize("phone", ["", "1380000123", "138****1234", "23800001234", "电话", "13800001234" * 3])
def test_an_impossible_phone_is_refused(phone: str):
    with pytest.raises(PhoneImpossible):
        parse(phone=phone)


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("", RegionMissing),
        ("  ", RegionMissing),
        ("000000", RegionUnknown),
        ("43", RegionTooCoarse),
        ("4331", RegionTooCoarse),
    ],
)
def test_a_region_that_no_van_can_go_to_is_refused(code: str, refusal: type[Exception]):
    with pytest.raises(refusal):
        parse(region_code=code)


def test_a_region_code_in_full_width_is_read():
    assert parse(region_code="４３０４０５").region_code == "430405"


@pytest.mark.parametrize("name", ["", " \u3000", "\u200b", "王" * 41])
def test_a_parcel_goes_to_somebody(name: str):
    with pytest.raises(RecipientMissing):
        parse(name=name)


@pytest.mark.parametrize("detail", ["", "\u200b\n", "湖南省花垣县双龙镇十八洞村", "号" * 121])
def test_a_region_alone_is_no_door(detail: str):
    with pytest.raises(DetailMissing):
        parse(detail=detail)


@pytest.mark.parametrize("field", ["name", "detail"])
@pytest.mark.parametrize("masked", ["王**", "王＊＊"])
def test_a_masked_field_is_refused_and_never_guessed(field: str, masked: str):
    with pytest.raises(AddressMasked):
        parse(**{field: masked})


@pytest.mark.parametrize(
    "detail",
    [
        "湖南省湘西土家族苗族自治州花垣县双龙镇十八洞村3组 12号",
        "湖南省 花垣县 双龙镇十八洞村 3组 12号",
        "3组\t\n12号\u202e",
    ],
)
def test_the_region_is_not_said_twice_and_unseen_signs_go(detail: str):
    assert parse(detail=detail).detail == "3组 12号"


def test_a_name_keeps_its_own_characters():
    assert parse(name="  钱七 👍 ").name == "钱七 👍"


def test_a_label_reads_region_then_detail():
    assert addresses.in_one_line(parse()) == "湖南省湘西土家族苗族自治州花垣县双龙镇十八洞村3组 12号"
