"""Places of the post, with sensible defaults."""

from datetime import datetime, time
from itertools import count
from typing import Any
from uuid import UUID

from core.clock import LOCAL
from core.permissions import Role
from core.users import User
from logistics import branches, staff, stations
from logistics.addresses import Address
from logistics.branches import Branch
from logistics.staff import Duty
from logistics.stations import OutletType, Station, StationLevel
from tests import make

OPENED = datetime(2026, 8, 1, 9, tzinfo=LOCAL)
_serial = count(1)


def branch(*, head: User | None = None, region_code: str = "431224118", now: datetime = OPENED, **given: Any) -> Branch:
    """A branch in 大江口镇 under a head of its own."""
    head = head or make.user(roles=[Role.BRANCH_HEAD])
    code = f"{region_code[:4]}{next(_serial) % 100:02d}"
    plain = {"code": code, "name": "湘维支局", "region_code": region_code, "head_id": head.id, "by": None, "now": now}
    return branches.open_branch(**(plain | given))


def station(branch: Branch | None = None, *, now: datetime = OPENED, **given: Any) -> Station:
    """A town station in 观音阁镇 where the van calls at half past four."""
    plain: dict[str, Any] = {
        "code": f"ST-{next(_serial):05d}",
        "name": "伏水湾营业所",
        "outlet_type": OutletType.TOWN,
        "level": StationLevel.TOWN,
        "region_code": "431224106",
        "van_stop_time": time(16, 30),
        "by": None,
        "now": now,
    }
    return stations.open_station(branch or make.branch(now=now), **(plain | given))


def keeper(
    station: Station | None = None, *, user: User | None = None, duty: Duty = Duty.KEEPER, now: datetime = OPENED
) -> User:
    """The person who keeps a station."""
    user = user or make.user(roles=[Role(duty)])
    staff.appoint((station or make.station(now=now)).id, user.id, duty=duty, by=None, now=now)
    return user


def driver(branch: Branch | None = None, *, now: datetime = OPENED) -> User:
    """A person who drives the van of a branch."""
    user = make.user(roles=[Role.DRIVER])
    staff.join_branch((branch or make.branch(now=now)).id, user.id, role=Role.DRIVER, by=None, now=now)
    return user


def address(**given: str) -> Address:
    """王小明 in 长沙, as `addresses.parse` would give him."""
    plain = {"name": "王小明", "phone": "+8613800001234", "region_code": "430104001", "detail": "麓山南路2号3栋401"}
    return Address(**(plain | given))


def missing_id() -> UUID:
    """An id that nothing has."""
    return UUID("01900000-0000-7000-8000-000000000000")
