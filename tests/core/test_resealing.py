"""A new key: everything personal is sealed anew, also in rows that never change, and the old key may go."""

from types import SimpleNamespace

from sqlalchemy import select

from core import personal, resealing, sealed
from core.db import Model, session, transaction
from core.users import User
from logistics import delivery
from logistics.delivery import Collector, DeliveryProof, ProofKind
from tests import make

OLD, NEW = (1, b"o" * 32), (2, b"n" * 32)


def use_keys(monkeypatch, *ring):
    """The key ring, newest first, as the key file would give it."""
    found = SimpleNamespace(keys={"field": ring}, key=lambda purpose: b"i" * 32)
    monkeypatch.setattr(sealed, "settings", lambda: found)


def test_the_walk_reaches_every_sealed_column_that_there_is():
    known = {(table, column) for table, column in personal.columns(Model.metadata) if column.endswith("_sealed")}
    assert {(model.__tablename__, f"{field}_sealed") for model, field in resealing.fields()} == known
    assert len(known) >= 9


def test_a_key_is_renewed_without_losing_a_word(race_db, monkeypatch):
    use_keys(monkeypatch, OLD)
    with transaction():
        box = make.arrived_parcel()
        delivery.out_for_delivery(box, by=make.user().id, now=make.shop.MORNING)
        delivery.deliver(
            box,
            proof=ProofKind.SIGNED,
            collector=Collector.NEIGHBOUR,
            collector_name="老王",
            by=make.user().id,
            now=make.shop.MORNING,
        )
        before = {user.id: user.name for user in session.scalars(select(User))}
    use_keys(monkeypatch, NEW, OLD)
    assert all(resealing.walk(model, field, batch=2) == _rows(model, field) for model, field in resealing.fields())
    assert all(resealing.left(model, field) == 0 for model, field in resealing.fields())
    use_keys(monkeypatch, NEW)
    with transaction():
        assert {user.id: user.name for user in session.scalars(select(User))} == before
        assert sealed.open_field(session.scalars(select(DeliveryProof)).one(), "collector") == "老王"


def test_a_row_that_somebody_holds_is_left_for_the_next_call_and_counted(race_db, monkeypatch):
    use_keys(monkeypatch, OLD)
    with transaction():
        people = [make.user().id for _ in range(3)]
    use_keys(monkeypatch, NEW, OLD)
    with session.get_bind().connect() as other, other.begin():
        other.execute(select(User).where(User.id == people[1]).with_for_update())
        assert resealing.walk(User, "name") == 2
    assert resealing.left(User, "name") == 1
    assert resealing.walk(User, "name") == 1
    assert resealing.left(User, "name") == 0


def _rows(model, field):
    with transaction():
        column = getattr(model, f"{field}_sealed")
        return len(session.scalars(select(model.id).where(column.is_not(None))).all())
