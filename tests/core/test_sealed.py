"""Sealed fields: unreadable in the database, bound to their place, opened with a reason only."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core import personal, sealed, users
from core.db import Model, new_id, session
from core.permissions import Role
from core.sealed import OpenedTooOften, PersonalAccess, ReasonMissing, SealBroken

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
PHONE = "+8613812345678"
OLD, NEW = (1, b"o" * 32), (2, b"n" * 32)


def use_keys(monkeypatch, *ring):
    """The key ring, newest first, as the key file would give it."""
    found = SimpleNamespace(keys={"field": ring}, key=lambda purpose: b"i" * 32)
    monkeypatch.setattr(sealed, "settings", lambda: found)


def person(phone="13812345678", name="王小明"):
    return users.sign_up(phone, "a long password", name, [Role.BUYER], now=NOON)


def test_what_is_sealed_opens_in_its_place():
    row = uuid4()
    blob = sealed.seal(PHONE, table="users", column="phone", row_id=row)
    assert sealed.unseal(blob, table="users", column="phone", row_id=row) == PHONE


def test_the_same_text_never_seals_alike():
    row = uuid4()
    blobs = {sealed.seal("王小明", table="users", column="name", row_id=row) for _ in range(100)}
    assert len(blobs) == 100


def test_a_sealed_value_holds_no_clear_byte():
    blob = sealed.seal("溆浦县观音阁镇" + PHONE, table="users", column="name", row_id=uuid4())
    assert PHONE.encode() not in blob
    assert "溆浦".encode() not in blob


def test_a_value_moved_to_another_row_does_not_open():
    blob = sealed.seal(PHONE, table="users", column="phone", row_id=uuid4())
    with pytest.raises(SealBroken):
        sealed.unseal(blob, table="users", column="phone", row_id=uuid4())


@pytest.mark.parametrize("place", [{"column": "name"}, {"table": "orders"}])
def test_a_value_moved_to_another_column_or_table_does_not_open(place):
    row = uuid4()
    blob = sealed.seal(PHONE, table="users", column="phone", row_id=row)
    with pytest.raises(SealBroken):
        sealed.unseal(blob, **({"table": "users", "column": "phone", "row_id": row} | place))


def test_any_flipped_bit_is_found():
    row = uuid4()
    blob = sealed.seal("王", table="users", column="name", row_id=row)
    for position in range(len(blob)):
        bent = blob[:position] + bytes([blob[position] ^ 1]) + blob[position + 1 :]
        with pytest.raises(SealBroken):
            sealed.unseal(bent, table="users", column="name", row_id=row)


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01\x00\x01", b"\x01\x00\x01" + b"0" * 12])
def test_a_torn_value_is_broken_not_a_crash(blob):
    with pytest.raises(SealBroken):
        sealed.unseal(blob, table="users", column="name", row_id=uuid4())


def test_after_a_key_change_old_values_open_and_new_ones_use_the_new_key(monkeypatch):
    row = uuid4()
    place = {"table": "users", "column": "name", "row_id": row}
    use_keys(monkeypatch, OLD)
    old = sealed.seal("王", **place)
    use_keys(monkeypatch, NEW, OLD)
    new = sealed.seal("王", **place)
    assert (old[1:3], new[1:3]) == (b"\0\1", b"\0\2")
    assert sealed.unseal(old, **place) == sealed.unseal(new, **place) == "王"


def test_a_value_whose_key_was_destroyed_stays_shut(monkeypatch):
    place = {"table": "users", "column": "name", "row_id": uuid4()}
    use_keys(monkeypatch, OLD)
    blob = sealed.seal("王", **place)
    use_keys(monkeypatch, NEW)
    with pytest.raises(SealBroken):
        sealed.unseal(blob, **place)


def test_the_blind_index_finds_the_same_phone_and_joins_no_registers():
    assert sealed.blind(PHONE, "phone/user") == sealed.blind(PHONE, "phone/user")
    assert sealed.blind(PHONE, "phone/user") != sealed.blind(PHONE, "phone/recipient")
    assert sealed.blind(PHONE, "phone/user") != sealed.blind("+8613812345679", "phone/user")
    assert len(sealed.blind(PHONE, "phone/user")) == 16


def test_the_blind_index_needs_the_key(monkeypatch):
    before = sealed.blind(PHONE, "phone/user")
    use_keys(monkeypatch, OLD)
    assert sealed.blind(PHONE, "phone/user") != before


def test_opening_leaves_who_whose_why_and_when(db):
    viewer, subject = person("13812345670"), person()
    assert sealed.reveal(subject, "phone", reason="客户要求回电", by=viewer.id, now=NOON) == PHONE
    row = session.scalars(select(PersonalAccess)).one()
    assert (row.subject_table, row.subject_id, row.field) == ("users", subject.id, "phone")
    assert (row.viewer_id, row.reason, row.purpose, row.at) == (viewer.id, "客户要求回电", "log-in and notices", NOON)


@pytest.mark.parametrize("reason", ["", "  ", "x"])
def test_without_a_reason_nothing_is_opened(db, reason):
    viewer = person()
    with pytest.raises(ReasonMissing):
        sealed.reveal(viewer, "phone", reason=reason, by=viewer.id, now=NOON)
    assert session.scalars(select(PersonalAccess)).all() == []


def test_after_five_hundred_openings_in_a_day_it_ends(db):
    viewer = person()
    session.add_all(
        PersonalAccess(
            id=new_id(), subject_table="users", subject_id=viewer.id, field="phone", purpose="p", reason="r",
            viewer_id=viewer.id, at=NOON,
        )
        for _ in range(500)
    )  # fmt: skip
    with pytest.raises(OpenedTooOften):
        sealed.reveal(viewer, "phone", reason="客户要求回电", by=viewer.id, now=NOON + timedelta(hours=23))
    assert sealed.reveal(viewer, "phone", reason="客户要求回电", by=viewer.id, now=NOON + timedelta(hours=25)) == PHONE


@pytest.mark.parametrize("change", ["UPDATE personal_accesses SET reason = 'other'", "DELETE FROM personal_accesses"])
def test_the_rows_of_openings_are_never_changed(db, change):
    viewer = person()
    sealed.reveal(viewer, "phone", reason="客户要求回电", by=viewer.id, now=NOON)
    with pytest.raises(DBAPIError, match="only ever added"):
        session.execute(text(change))


def test_resealing_moves_every_row_to_the_new_key_and_then_has_nothing_to_do(db, monkeypatch):
    use_keys(monkeypatch, OLD)
    for last in range(5):
        person(f"1381234567{last}", f"王{last}")
    use_keys(monkeypatch, NEW, OLD)
    assert [len(sealed.reseal(users.User, "phone", limit=3)) for _ in range(3)] == [3, 2, 0]
    use_keys(monkeypatch, NEW)
    phones = {sealed.open_field(user, "phone") for user in session.scalars(select(users.User))}
    assert phones == {f"+861381234567{last}" for last in range(5)}


def test_every_personal_column_says_what_it_is_for():
    for table, column in personal.columns(Model.metadata):
        assert personal.field_of(table, column).purpose


def test_a_personal_column_without_an_entry_is_refused():
    with pytest.raises(personal.Unregistered):
        personal.field_of("anything", "shoe_size_sealed")


def test_a_package_registers_what_only_it_knows(monkeypatch):
    monkeypatch.setattr(personal, "_OWN", dict(personal._OWN))
    personal.register("anything", "shoe_size", personal.USER_NAME)
    assert personal.field_of("anything", "shoe_size_sealed") is personal.USER_NAME
    assert "| `anything.shoe_size_sealed` | greeting |" in personal.document([("anything", "shoe_size_sealed")])
