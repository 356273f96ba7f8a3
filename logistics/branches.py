"""Branches: a post office with a van, stations around it, and one person who answers for them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.auth import Who
from core.clock import local_day
from core.db import Id, Model, new_id, session
from core.errors import Conflict, Malformed, NotFound
from core.i18n import _
from core.permissions import Role
from logistics import regions, staff
from logistics.staff import BranchStaff

NAME_MAX = 60
NETWORK_ROLES = frozenset({Role.ADMIN, Role.PROVINCE})
"""Who sees and arranges the whole network."""


class BranchUnknown(NotFound):
    """There is no such branch, or it is not the caller's."""

    message = _("没有找到这个支局。")


class CodeWrong(Malformed):
    """A branch code is its city's four digits and two of its own; a station code is 2 to 12 letters and digits."""

    message = _("机构代码“{code}”不对：支局是所在市的四位代码加两位，站点是 2 到 12 位字母、数字或“-”。")


class CodeTaken(Conflict):
    """Another branch or station has this code."""

    message = _("代码“{code}”已经有人用了。")


class NameWrong(Malformed):
    """A place has a name of 1 to 60 characters."""

    message = _("名称要 1 到 60 个字。")


class Branch(Model):
    """A post office with a van, a head and stations. Its code stands in every number that it issues."""

    __tablename__ = "branches"
    __table_args__ = (CheckConstraint("code ~ '^[0-9]{6}$'", name="code_six_digits"),)

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    head_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    opened_on: Mapped[date]


def open_branch(*, code: str, name: str, region_code: str, head_id: UUID, by: UUID | None, now: datetime) -> Branch:
    """A new branch under its one head.

    Raises CodeWrong, CodeTaken, NameWrong, PersonUnknown and what `regions.check_deliverable` raises.
    """
    spot = regions.check_deliverable(region_code)
    if not (code.isascii() and code.isdecimal() and len(code) == 6 and code[:4] == spot.code[:4]):
        raise CodeWrong(code=code[:20])
    if by_code(code):
        raise CodeTaken(code=code)
    staff.grant(head_id, Role.BRANCH_HEAD)
    branch = Branch(
        id=new_id(now),
        code=code,
        name=check_name(name),
        region_code=region_code,
        head_id=head_id,
        opened_on=local_day(now),
    )
    session.add(branch)
    session.flush()
    staff.join_branch(branch.id, head_id, role=Role.BRANCH_HEAD, by=by, now=now)
    audit.record("branch:open", f"branches:{branch.id}", by=by, now=now, after={"code": code, "head": head_id})
    return branch


def appoint_head(branch: Branch, head_id: UUID, *, by: UUID | None, now: datetime) -> None:
    """Hand a branch, with all its stations, to another head. Raises PersonUnknown."""
    before = branch.head_id
    staff.join_branch(branch.id, head_id, role=Role.BRANCH_HEAD, by=by, now=now)
    if before != head_id:
        branch.head_id = head_id
        session.flush()
        staff.leave_branch(branch.id, before, by=by, now=now)
        audit.record(
            "branch:head", f"branches:{branch.id}", by=by, now=now, before={"head": before}, after={"head": head_id}
        )


def visible_to(who: Who) -> Select[Branch]:
    """The branches that a person works for; the province sees all."""
    if who.roles & NETWORK_ROLES:
        return select(Branch)
    return select(Branch).join(BranchStaff).where(BranchStaff.user_id == who.user_id)


def find(branch_id: UUID, *, who: Who) -> Branch:
    """A branch that the caller may see. Raises BranchUnknown."""
    branch = session.scalar(visible_to(who).where(Branch.id == branch_id))
    if branch is None:
        raise BranchUnknown
    return branch


def by_code(code: str) -> Branch | None:
    """The branch whose code stands in a number."""
    return session.scalar(select(Branch).where(Branch.code == code))


def check_name(name: str) -> str:
    """The name of a place without stray spaces. Raises NameWrong."""
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= NAME_MAX:
        raise NameWrong
    return clean
