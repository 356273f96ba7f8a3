"""One house that gets hurt again and again."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core import clock
from tests.house import Caller, House


@pytest.fixture(scope="package")
def hurt() -> Iterator[House]:
    """Its folder and ports; nothing of it is left afterwards, whatever happened."""
    found = House()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def house(hurt: House) -> House:
    """The house, open."""
    if not hurt.runs:
        hurt.open()
    return hurt


@pytest.fixture
def shut(hurt: House) -> House:
    """The house, not running."""
    hurt.stop()
    return hurt


@pytest.fixture
def pack_id(house: House) -> str:
    """A pack with a lot that no test empties."""
    farmer: Caller = house.caller("01")
    farm = farmer.get("/farms")["items"][0]
    product = farmer.post("/products", {"farm_id": farm["id"], "name": "黄桃", "kind": "fresh", "status": "listed"})
    weights = {"net_g": 2500, "tare_g": 380, "price_minor": 2990}
    pack = farmer.post("/packs", {"product_id": product["id"], "name": "5斤装(净重)", **weights})
    today = clock.local_day(clock.now())
    dates = {"ready_on": today.isoformat(), "best_before": (today + timedelta(days=9)).isoformat()}
    grams = {"low_g": 50_000_000, "likely_g": 60_000_000, "high_g": 70_000_000}
    farmer.post("/lots", {"product_id": product["id"], **grams, **dates})
    return str(pack["id"])
