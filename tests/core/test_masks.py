"""Masks show enough to hand something over, and nothing more."""

import pytest

from core.sealed import mask_address, mask_name, mask_phone

pytestmark = pytest.mark.no_db


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王**"),
        ("王明", "王**"),
        ("欧阳娜娜", "欧**"),
        (" 龙先生 ", "龙**"),
        ("Zoe", "Z**"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_a_name_keeps_its_first_character_and_hides_its_length(name, shown):
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("+8613812345678", "138****5678"),
        ("13900000002", "139****0002"),
        ("+867438222333", "****2333"),
        ("0743-8222333", "****2333"),
        ("", "****"),
    ],
)
def test_a_phone_keeps_at_most_seven_digits(phone, shown):
    assert mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("湖南省怀化市溆浦县观音阁镇3组12号", "湖南省怀化市溆浦县****"),
        ("湖南省湘西土家族苗族自治州花垣县双龙镇十八洞村3组", "湖南省湘西土家族苗族自治州花垣县****"),
        ("北京市朝阳区建国路88号1单元", "北京市朝阳区****"),
        ("建国路88号1单元502室", "****"),
        ("", "****"),
    ],
)
def test_an_address_ends_at_the_county(address, shown):
    assert mask_address(address) == shown


@pytest.mark.parametrize("detail", ["观音阁镇3组12号", "幸福小区8栋", "解放路市场旁", "开发区创业路9号"])
def test_a_street_never_passes_the_mask(detail):
    assert not any(char.isdigit() for char in mask_address("湖南省怀化市溆浦县" + detail))
