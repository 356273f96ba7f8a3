"""Two branches want the same person at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sqlalchemy import func, select

from core.db import session, transaction
from logistics import staff
from logistics.staff import Keeper, KeepsAnotherStation
from tests import make
from tests.make.logistics import OPENED


def appoint(station_id: UUID, user_id: UUID) -> str:
    try:
        with transaction():
            staff.appoint(station_id, user_id, by=None, now=OPENED)
    except KeepsAnotherStation:
        return "elsewhere"
    return "appointed"


def test_one_person_ends_up_at_one_station(race_db):
    with transaction():
        person = make.user().id
        places = [make.station().id for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda place: appoint(place, person), places))
    with transaction():
        open_posts = session.scalar(select(func.count()).select_from(Keeper).where(Keeper.until.is_(None)))
    assert (sorted(answers), open_posts) == (["appointed"] + ["elsewhere"] * 5, 1)
