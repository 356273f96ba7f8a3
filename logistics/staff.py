"""Who works where: keepers of stations with their history, and the people of a branch."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, select, text
from sqlalchemy.orm import Mapped, mapped_column

from core import audit, users
from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, NotFound
from core.i18n import _
from core.permissions import Role
from core.users import User


class PersonUnknown(NotFound):
    """Nobody has signed up with this phone or id."""

    message = _("没有这个人，请他先注册。")


class KeepsAnotherStation(Conflict):
    """One person works at one station at a time."""

    message = _("他已经是一个站点的人了，请先在那里交接。")


class NotOfStation(Conflict):
    """The person does not work at this station now."""

    message = _("他现在不在这个站点。")


class Duty(StrEnum):
    """What somebody does at a station."""

    KEEPER = "keeper"
    HOST = "host"
    CLERK = "clerk"


class Keeper(Model):
    """A person's time at a station; `until` is empty while it lasts."""

    __tablename__ = "keepers"
    __table_args__ = (
        CheckConstraint(among("duty", Duty), name="duty_known"),
        CheckConstraint("until IS NULL OR until >= since", name="since_before_until"),
        Index("uq_keepers_user_id_open", "user_id", unique=True, postgresql_where=text("until IS NULL")),
    )

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    duty: Mapped[Duty] = mapped_column(one_of(Duty))
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class BranchStaff(Model):
    """A person who works for a branch: its head, its drivers, its counter. The audit trail keeps who was before."""

    __tablename__ = "branch_staff"

    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    since: Mapped[datetime]


def appoint(station_id: UUID, user_id: UUID, *, duty: Duty = Duty.KEEPER, by: UUID | None, now: datetime) -> Keeper:
    """Let a person work at a station and give him the role for it.

    Appointing him again at the same station, for the same duty, changes nothing. Raises PersonUnknown and
    KeepsAnotherStation.
    """
    grant(user_id, Role(duty))
    held = _open_post(user_id)
    if held is not None:
        if (held.station_id, held.duty) != (station_id, duty):
            raise KeepsAnotherStation
        return held
    keeper = Keeper(id=new_id(now), station_id=station_id, user_id=user_id, duty=duty, since=now)
    session.add(keeper)
    session.flush()
    audit.record("station:appoint", f"stations:{station_id}", by=by, now=now, after={"user": user_id, "duty": duty})
    return keeper


def release(station_id: UUID, user_id: UUID, *, by: UUID | None, now: datetime) -> Keeper:
    """End a person's time at a station; what he may see and do there ends with it. Raises NotOfStation."""
    keeper = _open_post(user_id)
    if keeper is None or keeper.station_id != station_id:
        raise NotOfStation
    keeper.until = now
    session.flush()
    audit.record("station:release", f"stations:{station_id}", by=by, now=now, before={"user": user_id})
    return keeper


def join_branch(branch_id: UUID, user_id: UUID, *, role: Role, by: UUID | None, now: datetime) -> BranchStaff:
    """Let a person work for a branch, as its head or driver; joining twice is once. Raises PersonUnknown."""
    grant(user_id, role)
    staff = session.get(BranchStaff, (branch_id, user_id))
    if staff is None:
        staff = BranchStaff(branch_id=branch_id, user_id=user_id, since=now)
        session.add(staff)
        session.flush()
        audit.record("branch:join", f"branches:{branch_id}", by=by, now=now, after={"user": user_id, "role": role})
    return staff


def leave_branch(branch_id: UUID, user_id: UUID, *, by: UUID | None, now: datetime) -> None:
    """End a person's work for a branch; leaving twice is once."""
    staff = session.get(BranchStaff, (branch_id, user_id))
    if staff is not None:
        session.delete(staff)
        session.flush()
        audit.record("branch:leave", f"branches:{branch_id}", by=by, now=now, before={"user": user_id})


def grant(user_id: UUID, role: Role) -> None:
    """Make sure that a person has a role, and let nobody else appoint him meanwhile. Raises PersonUnknown."""
    user = session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise PersonUnknown
    if role not in user.roles:
        user.roles = sorted({*user.roles, role})


def person(phone: str) -> UUID:
    """The id of somebody who has signed up. Raises PhoneImpossible and PersonUnknown."""
    user = users.by_phone(phone)
    if user is None:
        raise PersonUnknown
    return user.id


def present(station_id: UUID) -> list[Keeper]:
    """Who works at a station now, the longest-serving first."""
    query = select(Keeper).where(Keeper.station_id == station_id, Keeper.until.is_(None))
    return list(session.scalars(query.order_by(Keeper.id)))


def _open_post(user_id: UUID) -> Keeper | None:
    query = select(Keeper).where(Keeper.user_id == user_id, Keeper.until.is_(None)).with_for_update()
    return session.scalar(query)
