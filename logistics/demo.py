"""The places of the demo world: real ones, opened through the rules.

伏水湾 is in no table of divisions (merged or colloquial), so its station has a name and lies in a town near by.
"""

from datetime import datetime, time
from typing import NamedTuple

from core import users
from core.clock import local_day
from core.db import session
from core.permissions import Role
from core.users import User
from logistics import (
    acceptance,
    branches,
    dispatch,
    forwarding,
    packing,
    parcels,
    reconciliation,
    runs,
    staff,
    staging,
    stations,
)
from logistics.addresses import Address
from logistics.branches import Branch
from logistics.dispatch import Dispatch
from logistics.labels import issue
from logistics.parcels import Parcel
from logistics.staff import Duty
from logistics.stations import OutletType, Station, StationLevel

PASSWORD = "xiaoxiang"  # noqa: S105  # the demo world says so on its front page


class _Outlet(NamedTuple):
    code: str
    name: str
    outlet_type: OutletType
    level: StationLevel
    region_code: str
    detail: str
    van_stop_time: time


def _village(serial: int, village: str, region_code: str, van: time, name: str | None = None) -> _Outlet:
    detail = "" if name is None else f"{village}路口"
    called = name or f"{village}便民站"
    return _Outlet(f"YL-{serial:02d}", called, OutletType.REMOTE, StationLevel.VILLAGE, region_code, detail, van)


XIANGWEI = (
    _Outlet("XW-01", "伏水湾营业所", OutletType.TOWN, StationLevel.TOWN, "431224106", "伏水湾老街", time(16, 30)),
)
YANLONG = (
    _village(1, "竹坪垅村", "431281217200", time(14, 0)),
    _village(2, "青树村", "431281217201", time(14, 15)),
    _village(3, "青松村", "431281217202", time(14, 30), name="梅梅商行"),
    _village(4, "江坵村", "431281217204", time(14, 50)),
    _village(5, "青山村", "431281217205", time(15, 5)),
    _village(6, "芦荻坪村", "431281217206", time(15, 20)),
    _village(7, "空田村", "431281217209", time(15, 40)),
    _village(8, "力丰村", "431281217210", time(15, 55)),
    _village(9, "星火村", "431281217211", time(16, 10)),
)
HUAYUAN = (
    _Outlet("HY-18", "十八洞村主题邮局", OutletType.THEME, StationLevel.VILLAGE, "433124110226", "梨子寨", time(15, 0)),
)
ZHUHUI = (
    _Outlet(
        "ZH-01", "校园邮政综合服务中心", OutletType.CAMPUS, StationLevel.TOWN, "430405014", "校内生活区", time(11, 0)
    ),
)
BRANCHES = (
    ("431201", "湘维支局", "431224118", "13900000005", "舒建国", XIANGWEI),
    ("431202", "岩垅支局", "431281217", "13900000015", "易长青", YANLONG),
    ("433101", "花垣支局", "433124", "13900000016", "石秀珍", HUAYUAN),
    ("430401", "珠晖支局", "430405", "13900000017", "肖卫东", ZHUHUI),
)
"""Code, name, region, phone and name of the head, stations."""
PEOPLE = (
    ("13900000003", "李桂英", Role.KEEPER, "XW-01"),
    ("13900000004", "舒艳", Role.HOST, "XW-01"),
    ("13900000010", "周晓雯", Role.CLERK, "ZH-01"),
    ("13900000018", "高梅", Role.KEEPER, "YL-03"),
    ("13900000019", "龙金妹", Role.KEEPER, "HY-18"),
)
"""Phone, name, duty and station."""
DRIVERS = (("13900000006", "向师傅", "431201"), ("13900000020", "姚师傅", "431202"))

NEIGHBOURS = (
    ("杨桂花", "+8613800004455", "自家做的腊肉 3斤"),
    ("龙三妹", "+8613800006677", "千层布鞋 2双"),
    ("吴老四", "+8613800008899", "干辣椒 2斤"),
)
"""People of 青松村 for whom something comes: the first two wait at its station, the last at the branch."""


def load_places(now: datetime) -> dict[str, Branch | Station]:
    """Open the demo world's branches and stations with their people; what is there already stays. By code."""
    found: dict[str, Branch | Station] = {}
    for code, name, region_code, phone, head_name, outlets in BRANCHES:
        found[code] = branch = branches.by_code(code) or branches.open_branch(
            code=code,
            name=name,
            region_code=region_code,
            head_id=_person(phone, head_name, Role.BRANCH_HEAD, now).id,
            by=None,
            now=now,
        )
        for outlet in outlets:
            found[outlet.code] = stations.by_code(outlet.code) or stations.open_station(
                branch, **outlet._asdict(), by=None, now=now
            )
    for phone, name, role, code in PEOPLE:
        person = _person(phone, name, role, now)
        staff.appoint(found[code].id, person.id, duty=Duty(role), by=None, now=now)
    for phone, name, code in DRIVERS:
        driver = _person(phone, name, Role.DRIVER, now)
        staff.join_branch(found[code].id, driver.id, role=Role.DRIVER, by=None, now=now)
    session.flush()
    return found


def _person(phone: str, name: str, role: Role, now: datetime) -> User:
    return users.by_phone(phone) or users.sign_up(phone, PASSWORD, name, [role], demo=True, now=now)


def load_parcels(branch: Branch, origin: Station, home: Station, *, driver: User, now: datetime) -> None:
    """Parcels from one village of a branch to another: two wait at the station, one may still be sent on."""
    boxes = [_box(origin, *neighbour, now=now) for neighbour in NEIGHBOURS]
    bag = dispatch.open_for(origin, now=now)
    dispatch.add(bag, boxes, by=None, now=now)
    dispatch.close(bag, by=None, now=now)
    _ride(branch, origin, driver, bag, boxes, now)
    _ride(branch, home, driver, forwarding.send_on(home, _numbers(boxes[:2]), by=None, now=now), boxes[:2], now)


def _box(origin: Station, name: str, phone: str, contents: str, *, now: datetime) -> Parcel:
    to = Address(name=name, phone=phone, region_code="431281217202", detail="2 组")
    box = parcels.register(
        station_id=origin.id, reference=None, recipient=to, contents=contents, promised_net_g=None, tare_g=200,
        pack_by=None, now=now,
    )  # fmt: skip
    packing.pack(box, by=None, now=now)
    packing.weigh(box, gross_g=1_700, by=None, now=now)
    acceptance.mark_acceptance(box, real_name=True, inspected=True, screened=True, by=None, now=now)
    issue.label(box, by=None, now=now)
    staging.stage(box, by=None, now=now)
    return box


def _ride(branch: Branch, stop: Station, driver: User, bag: Dispatch, boxes: list[Parcel], now: datetime) -> None:
    """The van takes a closed bag from or to one station, and it is counted in whole."""
    van = runs.plan(branch, driver_id=driver.id, day=local_day(now), station_ids=[stop.id], now=now)
    runs.load(van, _numbers(boxes), by=None, now=now)
    runs.depart(van, by=None, now=now)
    reconciliation.receive(bag, _numbers(boxes), by=None, now=now)
    runs.arrive(van, now=now)


def _numbers(boxes: list[Parcel]) -> list[str]:
    return [box.number for box in boxes]
