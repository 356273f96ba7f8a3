"""The demo world: real places, made-up people, one log-in per role. It never loads beside real keys."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock, users
from core.db import session, transaction
from core.permissions import Role
from core.settings import settings
from core.users import User
from logistics import runs, sortcodes
from logistics.branches import Branch
from logistics.demo import load_parcels, load_places
from logistics.stations import Station
from shop import farms, live, lots, offers, packs, products, suppliers, supply
from shop.farms import Farm
from shop.packs import Pack
from shop.presale import READY, ShipWindow
from shop.products import ProductKind, ProductStatus

PASSWORD = "xiaoxiang"  # noqa: S105  # the demo world's, printed by `run`; a live world refuses demo people
FIRST = "13900000001"

PEOPLE = (
    ("01", "向大山", Role.FARMER),
    ("02", "王小明", Role.BUYER),
    ("07", "甲商贸", Role.SUPPLIER),
    ("08", "周敏", Role.PROVINCE),
    ("09", "赵六", Role.BUYER),
)
"""Those whose place is not in the post; keepers, host, head, driver and clerk come with the places."""


@dataclass(frozen=True)
class Goods:
    """A product of the demo world with one lot and its packs (name, net g, tare g, fen)."""

    name: str
    kind: ProductKind
    variety: str
    words: str
    low_jin: int
    high_jin: int
    packs: tuple[tuple[str, int, int, int], ...]
    ahead: timedelta = timedelta()
    """How long before its harvest it is sold; it leaves within ten days from then."""


PEACH = Goods(
    "溆浦黄桃", ProductKind.FRESH, "锦绣 果径 65–75 毫米", "现摘，偏硬，放两天更甜。坡上四十棵老树。", 800, 1200,
    (("3斤装(净重)", 1500, 300, 1990), ("5斤装(净重)", 2500, 380, 2990), ("10斤装(净重)", 5000, 520, 5680)),
)  # fmt: skip
KIWI = Goods(
    "红心猕猴桃", ProductKind.FRESH, "单果 90–110 克", "到家放软了吃。", 400, 600,
    (("4斤装(净重)", 2000, 350, 3680),),
)  # fmt: skip
ORANGE = Goods(
    "麻阳冰糖橙", ProductKind.FRESH, "果径 60–70 毫米", "还挂在树上，熟了再采，先订先留。", 600, 900,
    (("5斤装(净重)", 2500, 380, 3290),), ahead=timedelta(days=14),
)  # fmt: skip
EMBROIDERY = Goods(
    "十八洞村苗绣杯垫", ProductKind.CRAFT, "手绣 2 片", "龙大姐一针一针绣的。", 24, 30,
    (("2 片装", 200, 50, 4800),),
)  # fmt: skip


def load() -> None:
    """Make the demo world once, all of it or nothing; a second call changes nothing."""
    with transaction():
        _load(clock.now())


def _load(now: datetime) -> None:
    if settings().world != "demo" or users.by_phone(FIRST) is not None:
        return
    for tail, name, role in PEOPLE:
        users.sign_up(f"139000000{tail}", PASSWORD, name, [role], demo=True, now=now)
    places = load_places(now)
    sortcodes.build(now=now)
    people = {tail: users.by_phone(f"139000000{tail}") for tail in ("01", "04", "06", "07", "20")}
    load_parcels(places["431202"], places["YL-01"], places["YL-03"], driver=people["20"], now=now)
    _plan_run(places["431201"], places["XW-01"], people["06"], now)
    _sell(places["XW-01"], places["HY-18"], people, now)
    _supply(people["07"], now)


def _plan_run(branch: Branch, bay: Station, driver: User, now: datetime) -> None:
    runs.plan(branch, driver_id=driver.id, day=clock.local_day(now), station_ids=[bay.id], now=now)


def _sell(bay: Station, cave: Station, people: dict[str, User], now: datetime) -> None:
    """Farms, products, lots, and a live session on air."""
    farmer = people["01"]
    orchard = farms.register(
        name="向大山家", station_id=bay.id, region_code="431224106", member_id=farmer.id, by=None, now=now
    )
    workshop = farms.register(name="龙大姐绣坊", station_id=cave.id, region_code="433124110226", by=None, now=now)
    five_jin = _list(orchard, PEACH, now)[1]
    _list(orchard, KIWI, now)
    _list(orchard, ORANGE, now)
    _list(workshop, EMBROIDERY, now)
    host = people["04"]
    room = live.plan("艳姐：黄桃现摘现装，看得见秤", by=host.id, now=now)
    live.start(room, by=host.id, now=now)
    offer = offers.add(
        room, pack_id=five_jin.id, price_minor=2690, pool=120, per_buyer_limit=3, number=3, by=host.id, now=now
    )
    offers.pin(room, offer.id, by=host.id, now=now)


def _list(farm: Farm, goods: Goods, now: datetime) -> list[Pack]:
    product = products.add(
        farm, name=goods.name, kind=goods.kind, variety=goods.variety, description=goods.words,
        status=ProductStatus.LISTED, by=None, now=now,
    )  # fmt: skip
    picked = clock.local_day(now) + goods.ahead
    ships = ShipWindow(picked, picked + timedelta(days=10)) if goods.ahead else READY
    made = [
        packs.add(product, name=name, net_g=net_g, tare_g=tare_g, price_minor=fen, ships=ships, by=None, now=now)
        for name, net_g, tare_g, fen in goods.packs
    ]
    low_g, high_g = goods.low_jin * 500, goods.high_jin * 500
    lots.add(
        product, low_g=low_g, likely_g=(low_g + high_g) // 2, high_g=high_g, ready_on=picked,
        best_before=picked + timedelta(days=30), by=None, now=now,
    )  # fmt: skip
    session.flush()
    return made


def _supply(member: User, now: datetime) -> None:
    """What the village shop can order."""
    supplier = suppliers.register("甲商贸", by=None, now=now)
    suppliers.add_member(supplier, member.id, by=None, now=now)
    for barcode, name, unit, factor, least, tiers in (
        ("6901234567892", "矿泉水 550ml", "瓶", 24, 5, ((5, 2800), (20, 2650))),
        ("6901028075831", "酱油 1.9L", "桶", 6, 1, ((1, 9300),)),
    ):
        supply.add(
            supplier, barcode=barcode, name=name, unit=unit, case_factor=factor, min_cases=least, tiers=tiers,
            delivery_weekday=2, by=None, now=now,
        )  # fmt: skip
