"""The demo world's places stand on real ground."""

from core import users
from logistics import demo, regions, stations
from logistics.stations import OutletType
from tests.make.logistics import OPENED


def test_the_places_of_the_story_are_there_once_however_often_they_are_loaded():
    found = demo.load_places(OPENED)
    assert demo.load_places(OPENED) == found
    assert sum(code.startswith("YL-") for code in found) == 9
    assert found["HY-18"].outlet_type is OutletType.THEME
    assert regions.full_name(found["HY-18"].region_code).endswith("双龙镇十八洞村")
    assert regions.full_name(found["ZH-01"].region_code).startswith("湖南省衡阳市珠晖区")


def test_each_role_of_the_story_has_its_place():
    found = demo.load_places(OPENED)
    for phone, code in [("13900000003", "XW-01"), ("13900000004", "XW-01"), ("13900000010", "ZH-01")]:
        person = users.by_phone(phone)
        assert person is not None
        assert stations.of_keeper(person.id) == found[code]
    head = users.by_phone("13900000005")
    assert head is not None
    assert found["431201"].head_id == head.id
