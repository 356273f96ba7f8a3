"""Regions: every division once, found by two characters through the index."""

import pytest
from sqlalchemy import func, select, text

from core.db import session
from logistics import divisions, regions
from logistics.regions import Level, Region, RegionMissing, RegionTooCoarse, RegionUnknown


def names(words: str, limit: int = 20) -> list[str]:
    return [region.full_name for region in regions.search(words, limit=limit)]


def test_every_division_of_the_source_is_there():
    counts = dict(session.execute(select(Region.level, func.count()).group_by(Region.level)).all())
    assert counts == {
        Level.PROVINCE: 31, Level.CITY: 342, Level.COUNTY: 2_978, Level.TOWN: 41_352, Level.VILLAGE: 29_534,
    }  # fmt: skip


def test_loading_twice_changes_nothing():
    before = session.scalar(text("SELECT md5(string_agg(regions::text, ',' ORDER BY code)) FROM regions"))
    assert divisions.load(session.connection()) == 74_237
    assert session.scalar(text("SELECT md5(string_agg(regions::text, ',' ORDER BY code)) FROM regions")) == before


@pytest.mark.parametrize(
    ("code", "full_name"),
    [
        ("433124110226", "湖南省湘西土家族苗族自治州花垣县双龙镇十八洞村"),
        ("431224106200", "湖南省怀化市溆浦县观音阁镇观音阁村"),
        ("431281217", "湖南省怀化市洪江市岩垅乡"),
        ("430405", "湖南省衡阳市珠晖区"),
        ("110101001", "北京市东城区东华门街道"),
        ("429004", "湖北省仙桃市"),
    ],
)
def test_a_region_says_where_it_is_as_an_address_does(code: str, full_name: str):
    assert regions.full_name(code) == full_name


def test_a_county_has_its_point_and_postcode():
    county = regions.read("433124")
    assert (str(county.longitude), str(county.latitude), county.postcode) == ("109.482078", "28.572029", "416400")


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("十八洞", "湖南省湘西土家族苗族自治州花垣县双龙镇十八洞村"),
        ("溆浦", "湖南省怀化市溆浦县"),
        ("溆浦 观音阁", "湖南省怀化市溆浦县观音阁镇"),
        ("湖南省溆浦县观音阁镇", "湖南省怀化市溆浦县观音阁镇"),
        ("洪江 岩垅", "湖南省怀化市洪江市岩垅乡"),
        ("衡阳市珠晖区", "湖南省衡阳市珠晖区"),
        ("津市", "湖南省常德市津市市"),
        ("市中区", "山东省济南市市中区"),
        ("珠晖", "湖南省衡阳市珠晖区"),
    ],
)
def test_a_region_is_found_by_a_few_characters(words: str, first: str):
    assert names(words)[0] == first


@pytest.mark.parametrize("words", ["", " ", "湘", "湖南省 x", "没有这个地方", "%%", "__", "' OR 1=1", "🍑🍑"])
def test_what_names_nothing_finds_nothing(words: str):
    assert names(words) == []


def test_a_search_is_bounded():
    assert len(names("新村", limit=10_000)) == regions.SEARCH_LIMIT_MAX


def test_two_characters_go_through_the_index():
    query = regions._matching(["岩垅"]).limit(20).compile(session.connection(), compile_kwargs={"literal_binds": True})
    plan = "\n".join(session.scalars(text("EXPLAIN " + str(query).replace(":", "\\:"))))
    assert "ix_regions_tokens" in plan
    assert "Seq Scan" not in plan


def test_the_divisions_of_a_region_are_listed_in_order_of_their_codes():
    assert len(regions.children(None)) == 31
    assert [town.name for town in regions.children("430405")][-3:] == ["茶山坳镇", "和平乡", "酃湖乡"]
    with pytest.raises(RegionUnknown):
        regions.children("99")


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("", RegionMissing),
        ("439999", RegionUnknown),
        ("43", RegionTooCoarse),
        ("4312", RegionTooCoarse),
        ("'; DROP TABLE regions", RegionUnknown),
    ],
)
def test_an_address_needs_a_county_or_finer(code: str, refusal: type[Exception]):
    with pytest.raises(refusal):
        regions.check_deliverable(code)
    assert regions.check_deliverable("430405").name == "珠晖区"


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("观音阁村村委会", "观音阁村"),
        ("东屯村委会", "东屯村"),
        ("南田坪村村民委员会", "南田坪村"),
        ("识字里社区居委会", "识字里社区"),
        ("八方社区委员会", "八方社区"),
        ("后溶街居委会", "后溶街居委会"),
        ("黎阳社区", "黎阳社区"),
    ],
)
def test_a_village_is_called_by_its_name_not_by_its_office(given: str, plain: str):
    assert divisions.plain_name(given, "village") == plain
