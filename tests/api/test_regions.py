"""Regions and postage over HTTP: open to everybody, strict in what they take."""

import pytest


def test_a_place_is_found_by_two_characters_without_a_log_in(client):
    found = client.get("/api/v1/regions", query_string={"q": "溆浦 观音阁"})
    assert found.status_code == 200
    first = found.json["items"][0]
    assert (first["code"], first["full_name"], first["level"]) == ("431224106", "湖南省怀化市溆浦县观音阁镇", "town")


def test_regions_are_walked_down_from_the_provinces(client):
    assert len(client.get("/api/v1/regions").json["items"]) == 31
    towns = client.get("/api/v1/regions", query_string={"parent": "433124"}).json["items"]
    assert {"code": "433124110", "name": "双龙镇"}.items() <= next(t for t in towns if t["name"] == "双龙镇").items()


def test_one_region_tells_its_point_and_postcode(client):
    county = client.get("/api/v1/regions/431224").json
    assert (county["name"], county["postcode"], county["longitude"]) == ("溆浦县", "419300", "110.594879")


def test_a_region_that_is_not_there_is_not_found(client):
    missing = client.get("/api/v1/regions/999999")
    assert (missing.status_code, missing.json["code"]) == (404, "region_absent")


@pytest.mark.parametrize(
    "query", [{"parent": "4"}, {"parent": "43x"}, {"limit": "0"}, {"limit": "51"}, {"q": "村" * 61}]
)
def test_what_has_the_wrong_shape_is_refused(client, query: dict[str, str]):
    assert client.get("/api/v1/regions", query_string=query).status_code == 422


def test_an_unknown_parent_is_refused(client):
    refused = client.get("/api/v1/regions", query_string={"parent": "99"})
    assert (refused.status_code, refused.json["code"]) == (422, "region_unknown")


def quote(client, **given: str):
    way = {"from_region": "431224106", "to_region": "440306", "weight_g": "2800"}
    return client.get("/api/v1/tariffs/quote", query_string=way | given)


def test_postage_is_quoted_to_the_fen_with_all_that_went_into_it(client):
    answer = quote(client).json
    assert (answer["fee_minor"], answer["currency"], answer["chargeable_g"]) == (1_100, "CNY", 3_000)
    assert answer["inputs"]["weight_g"] == 2_800
    assert quote(client, size_mm="700,400,300").json["chargeable_g"] == 14_000


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to_region": "999999"}, "region_unknown"),
        ({"weight_g": "0"}, "weight_impossible"),
        ({"weight_g": "-5"}, "weight_impossible"),
        ({"size_mm": "1,2"}, "size_impossible"),
    ],
)
def test_a_box_that_cannot_travel_is_refused_by_name(client, given: dict[str, str], code: str):
    refused = quote(client, **given)
    assert (refused.status_code, refused.json["code"]) == (422, code)


def test_a_way_that_has_no_price_is_a_conflict(client):
    refused = quote(client, from_region="440306")
    assert (refused.status_code, refused.json["code"]) == (409, "tariff_missing")


@pytest.mark.parametrize(
    "given", [{"weight_g": "2.5"}, {"weight_g": "1e9"}, {"weight_g": "many"}, {"size_mm": "a,b,c"}]
)
def test_figures_are_whole_numbers(client, given: dict[str, str]):
    assert quote(client, **given).status_code == 422


def test_a_refusal_speaks_the_readers_language(client):
    query = {"parent": "99"}
    english = client.get("/api/v1/regions", query_string=query, headers={"Accept-Language": "en"})
    chinese = client.get("/api/v1/regions", query_string=query)
    assert "No region" in english.json["detail"]
    assert "地区" in chinese.json["detail"]
