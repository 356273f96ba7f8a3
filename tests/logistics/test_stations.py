"""Stations: each on one branch, under one head, with its people and their history."""

from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.auth import Who
from core.clock import LOCAL
from core.db import session
from core.permissions import Role, granted
from core.users import User
from logistics import branches, staff, stations
from logistics.branches import Branch, BranchUnknown, CodeTaken, CodeWrong, NameWrong
from logistics.regions import RegionTooCoarse, RegionUnknown
from logistics.staff import Duty, KeepsAnotherStation, NotOfStation, PersonUnknown
from logistics.stations import AlreadyThere, PositionWrong, Station, StationStopped, StationUnknown
from tests import make
from tests.make.logistics import OPENED

LATER = OPENED + timedelta(days=10)


def who(user: User) -> Who:
    return Who(user.id, user.role_set, user.name, "zh", elder=False, permissions=granted(user.role_set))


def seen_by(user: User) -> set[str]:
    return set(session.scalars(stations.visible_to(who(user)).with_only_columns(Station.code)))


# --- the tree ---------------------------------------------------------------------------------------------------------


def test_a_station_may_have_a_name_that_no_table_knows():
    station = make.station(name="伏水湾营业所")
    assert (station.name, station.stopped_on, station.opened_on.isoformat()) == ("伏水湾营业所", None, "2026-08-01")


def test_the_tree_has_two_levels_so_no_cycle_can_be_written():
    parents = {key["referred_table"] for key in inspect(session.connection()).get_foreign_keys("stations")}
    assert parents == {"branches", "regions"}
    above = {key["referred_table"] for key in inspect(session.connection()).get_foreign_keys("branches")}
    assert above == {"users", "regions"}


def test_a_branch_has_exactly_one_head_who_works_there():
    head = make.user()
    branch = make.branch(head=head)
    assert branch.head_id == head.id
    assert Role.BRANCH_HEAD in head.role_set
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text("UPDATE branches SET head_id = NULL"))


def test_a_new_head_takes_over_every_station():
    old, new = make.user(), make.user()
    branch = make.branch(head=old)
    station = make.station(branch)
    branches.appoint_head(branch, new.id, by=None, now=LATER)
    assert (seen_by(old), seen_by(new)) == (set(), {station.code})


@pytest.mark.parametrize("code", ["43120", "4312011", "430101", "43120a", "４３１２０１", ""])
def test_a_branch_code_begins_with_its_city(code: str):
    with pytest.raises(CodeWrong):
        make.branch(code=code)


@pytest.mark.parametrize("code", ["a-01", "X", "XW 01", "ＸＷ-01", "", "X" * 13, "-XW"])
def test_a_station_code_is_short_and_plain(code: str):
    with pytest.raises(CodeWrong):
        make.station(code=code)


def test_a_code_is_given_once():
    branch = make.branch()
    make.station(branch, code="XW-01")
    with pytest.raises(CodeTaken):
        make.station(branch, code="XW-01")
    with pytest.raises(CodeTaken):
        make.branch(code=branch.code)


@pytest.mark.parametrize("name", ["", "  ", "站" * 61])
def test_a_place_has_a_name(name: str):
    with pytest.raises(NameWrong):
        make.station(name=name)


@pytest.mark.parametrize(("region_code", "refusal"), [("431299", RegionUnknown), ("4312", RegionTooCoarse)])
def test_a_station_lies_in_a_county_or_finer(region_code: str, refusal: type[Exception]):
    with pytest.raises(refusal):
        make.station(region_code=region_code)


@pytest.mark.parametrize(("longitude", "latitude"), [("27.2", "109.9"), ("0", "0"), ("110.6", None)])
def test_a_point_whose_figures_changed_places_is_refused(longitude: str, latitude: str | None):
    with pytest.raises(PositionWrong):
        make.station(longitude=Decimal(longitude), latitude=latitude and Decimal(latitude))


def test_a_branch_without_a_known_head_is_refused():
    with pytest.raises(PersonUnknown):
        branches.open_branch(
            code="431277", name="某支局", region_code="431224", head_id=make.missing_id(), by=None, now=OPENED
        )


# --- transfer ---------------------------------------------------------------------------------------------------------


def test_a_station_moves_and_its_history_stays():
    first, second, third = make.branch(), make.branch(), make.branch()
    station = make.station(first)
    boss = make.user()
    stations.transfer(station, second, reason="网点整合", by=boss.id, now=LATER)
    stations.transfer(station, third, reason="网点整合", by=boss.id, now=LATER + timedelta(days=1))
    moves = stations.transfers_of(station)
    assert station.branch_id == third.id
    assert [(move.from_branch_id, move.to_branch_id) for move in moves] == list(
        pairwise([first.id, second.id, third.id])
    )
    assert {move.moved_by for move in moves} == {boss.id}


def test_a_move_to_where_it_is_already_is_refused():
    branch = make.branch()
    with pytest.raises(AlreadyThere):
        stations.transfer(make.station(branch), branch, reason="误操作", by=None, now=LATER)


def test_a_move_once_written_cannot_be_unwritten():
    stations.transfer(make.station(), make.branch(), reason="网点整合", by=None, now=LATER)
    with pytest.raises(DBAPIError, match="only ever added"), session.begin_nested():
        session.execute(text("UPDATE station_transfers SET reason = ''"))


def test_a_stopped_station_moves_no_more_and_keeps_nobody():
    station = make.station()
    keeper = make.keeper(station)
    stations.stop(station, by=None, now=LATER)
    assert stations.of_keeper(keeper.id) is None
    for deed in (
        lambda: stations.transfer(station, make.branch(), reason="晚了", by=None, now=LATER),
        lambda: stations.stop(station, by=None, now=LATER),
        lambda: stations.set_van_stop(station, None, by=None, now=LATER),
    ):
        with pytest.raises(StationStopped):
            deed()


# --- the van ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-08-13 09:00", "2026-08-13 16:30"),
        ("2026-08-13 16:29", "2026-08-13 16:30"),
        ("2026-08-13 16:30", "2026-08-14 16:30"),
        ("2026-08-13 23:59", "2026-08-14 16:30"),
        ("2026-12-31 20:00", "2027-01-01 16:30"),
    ],
)
def test_the_next_van_is_today_or_tomorrow_by_the_village_clock(now: str, due: str):
    moment = datetime.fromisoformat(now).replace(tzinfo=LOCAL)
    assert stations.next_van(make.station(), now=moment) == datetime.fromisoformat(due).replace(tzinfo=LOCAL)


def test_where_no_van_calls_there_is_no_next_one():
    station = make.station()
    stations.set_van_stop(station, None, by=None, now=LATER)
    assert stations.next_van(station, now=LATER) is None
    stations.set_van_stop(station, time(7, 15), by=None, now=LATER)
    assert stations.next_van(station, now=LATER) == datetime(2026, 8, 12, 7, 15, tzinfo=LOCAL)


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_keeper_is_found_with_the_station_and_gets_the_role():
    person = make.user()
    station = make.station()
    staff.appoint(station.id, person.id, by=None, now=OPENED)
    found = stations.of_keeper(person.id)
    assert found is not None
    assert found.id == station.id
    assert Role.KEEPER in person.role_set


def test_appointing_twice_is_once():
    station, person = make.station(), make.user()
    first = staff.appoint(station.id, person.id, by=None, now=OPENED)
    assert staff.appoint(station.id, person.id, by=None, now=LATER) is first


def test_nobody_works_at_two_stations_at_once():
    keeper = make.keeper(make.station())
    with pytest.raises(KeepsAnotherStation):
        staff.appoint(make.station().id, keeper.id, by=None, now=LATER)


def test_a_keeper_who_moved_leaves_a_history():
    first, second = make.station(), make.station()
    keeper = make.keeper(first)
    staff.release(first.id, keeper.id, by=None, now=LATER)
    staff.appoint(second.id, keeper.id, by=None, now=LATER)
    posts = list(session.scalars(select(stations.Keeper).where(stations.Keeper.user_id == keeper.id)))
    assert {(post.station_id, post.until) for post in posts} == {(first.id, LATER), (second.id, None)}
    assert seen_by(keeper) == {second.code}


def test_somebody_who_is_not_there_cannot_be_released():
    with pytest.raises(NotOfStation):
        staff.release(make.station().id, make.user().id, by=None, now=LATER)


def test_a_phone_that_nobody_signed_up_with_is_nobody():
    with pytest.raises(PersonUnknown):
        staff.person("13999999999")


# --- who sees what ----------------------------------------------------------------------------------------------------


def test_each_sees_the_stations_of_his_own_work():
    branch = make.branch()
    here, there, elsewhere = make.station(branch), make.station(branch), make.station()
    keeper, host = make.keeper(here), make.keeper(here, duty=Duty.HOST)
    assert seen_by(keeper) == seen_by(host) == {here.code}
    assert seen_by(make.driver(branch)) == {here.code, there.code}
    assert seen_by(make.user(roles=[Role.BUYER])) == set()
    assert seen_by(make.user(roles=[Role.PROVINCE])) >= {here.code, there.code, elsewhere.code}


def test_a_foreign_station_or_branch_is_not_there():
    station = make.station()
    stranger = who(make.keeper(make.station()))
    with pytest.raises(StationUnknown):
        stations.find(station.id, who=stranger)
    with pytest.raises(BranchUnknown):
        branches.find(station.branch_id, who=stranger)


def test_every_outlet_type_has_a_name():
    assert set(stations.OUTLET_NAMES) == set(stations.OutletType)
    assert session.scalar(select(Branch.id).limit(1)) is None
