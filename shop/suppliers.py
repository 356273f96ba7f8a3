"""Suppliers: firms that deliver goods for the shelves of stations, and the people who speak for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Select, select
from sqlalchemy.orm import Mapped, mapped_column

from core import audit
from core.auth import Who
from core.db import Id, Model, new_id, session
from core.errors import Forbidden, Malformed
from core.i18n import _
from core.permissions import Role

NAME_MAX = 60


class WithoutSupplier(Forbidden):
    """The role is right, but no supplier has made the caller its member."""

    message = _("您还不是哪家供应商的人，请先请平台登记。")


class SupplierNameWrong(Malformed):
    """A supplier has a name of 1 to 60 characters."""

    message = _("供应商名称要 1 到 60 个字。")


class Supplier(Model):
    """A firm that sells by the case."""

    __tablename__ = "suppliers"
    __table_args__ = (CheckConstraint("name <> ''", name="named"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class SupplierMember(Model):
    """A person who offers, confirms and delivers for one supplier."""

    __tablename__ = "supplier_members"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    supplier_id: Mapped[UUID] = mapped_column(ForeignKey("suppliers.id"), index=True)
    since: Mapped[datetime]


def register(name: str, *, by: UUID | None, now: datetime) -> Supplier:
    """A new supplier. Raises SupplierNameWrong."""
    clean = " ".join(name.split())
    if not 0 < len(clean) <= NAME_MAX:
        raise SupplierNameWrong()
    supplier = Supplier(id=new_id(now), name=clean, created_at=now)
    session.add(supplier)
    session.flush()
    audit.record("supplier:register", f"suppliers:{supplier.id}", by=by, now=now, after={"name": clean})
    return supplier


def add_member(supplier: Supplier, user_id: UUID, *, by: UUID | None, now: datetime) -> None:
    """Let a person speak for the supplier; one person speaks for one."""
    session.add(SupplierMember(user_id=user_id, supplier_id=supplier.id, since=now))
    session.flush()
    audit.record("supplier:member", f"suppliers:{supplier.id}", by=by, now=now, after={"user": str(user_id)})


def of_user(user_id: UUID) -> Supplier:
    """The supplier that a person speaks for. Raises WithoutSupplier."""
    supplier = session.scalar(select(Supplier).join(SupplierMember).where(SupplierMember.user_id == user_id))
    if supplier is None:
        raise WithoutSupplier()
    return supplier


def ids_of(who: Who) -> Select[UUID]:
    """Ids of the suppliers whose papers a person may see: his own, all for the province."""
    if who.roles & {Role.ADMIN, Role.PROVINCE}:
        return select(Supplier.id)
    return select(SupplierMember.supplier_id).where(SupplierMember.user_id == who.user_id)
