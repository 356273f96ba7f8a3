"""Settlements: what each farm, station, host and branch is owed, as the ledger says it. Nothing is reckoned twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select

from core.auth import Who
from core.db import session
from core.errors import NotFound
from core.i18n import _
from core.permissions import Role
from logistics import stations
from logistics.branches import Branch
from logistics.stations import Station
from orders.ledger import Account, Entry
from shop import farms
from shop.farms import Farm
from shop.live import LiveSession

PAID_OUT = ("farm", "station", "host", "branch")
"""The parties that earn shares. Freight and platform are the house's own affair."""


class AccountUnknown(NotFound):
    """No such account, or it is nobody's business of the reader's."""

    message = _("没有找到这个账户。")


@dataclass(frozen=True)
class Owed:
    """What one party is owed at a moment; a negative sum is what it owes."""

    account: str
    party: str
    owner_id: UUID
    name: str
    owed_minor: int
    entries: int


def visible_to(who: Who) -> Select[Account]:
    """The accounts of oneself as a host, of one's farms, and of the stations and branches that one works for."""
    these = select(Account)
    if who.roles & {Role.ADMIN, Role.PROVINCE}:
        return these
    run = stations.managed_by(who)
    return these.where(
        or_(
            Account.code.in_([f"host:{who.user_id}", f"buyer:{who.user_id}"]),
            _is("farm", farms.visible_to(who).with_only_columns(Farm.id)),
            _is("station", run),
            _is("cash", run),
            _is("branch", select(Branch.id).where(Branch.head_id == who.user_id)),
            _is("host", select(LiveSession.host_id).where(LiveSession.station_id.in_(run))),
        )
    )


def _is(prefix: str, owners: Select[UUID]) -> ColumnElement[bool]:
    return and_(Account.code.startswith(f"{prefix}:"), Account.owner_id.in_(owners))


def find(code: str, *, who: Who) -> Account:
    """An account that the reader may see. Raises AccountUnknown."""
    account = session.scalars(visible_to(who).where(Account.code == code)).one_or_none()
    if account is None:
        raise AccountUnknown()
    return account


def owed(who: Who, *, after: str | None = None, limit: int = 100, at: datetime | None = None) -> Sequence[Owed]:
    """What the parties that a reader may see are owed, by account code; `after` goes on behind a code."""
    mine = visible_to(who).where(func.split_part(Account.code, ":", 1).in_(PAID_OUT), exists().where(_entry_of()))
    page = mine.where(Account.code > after) if after else mine
    found = session.scalars(page.order_by(Account.code).limit(limit)).all()
    sums = select(Entry.account, func.sum(Entry.amount_minor), func.count()).group_by(Entry.account)
    within = sums.where(Entry.account.in_([account.code for account in found]))
    totals = {code: (minor, count) for code, minor, count in session.execute(_until(within, at))}
    names = _names(found)
    return [
        Owed(one.code, one.code.partition(":")[0], one.owner_id, names.get(one.owner_id, ""), -int(minor), count)
        for one in found
        if one.owner_id is not None
        for minor, count in [totals.get(one.code, (0, 0))]
    ]


def _entry_of() -> ColumnElement[bool]:
    return Entry.account == Account.code


def _until(query: Select[str, int, int], at: datetime | None) -> Select[str, int, int]:
    return query if at is None else query.where(Entry.at <= at)


def _names(accounts: Sequence[Account]) -> dict[UUID, str]:
    """Names of farms, stations and branches by id; a host is a person and goes by the account."""
    owners = [account.owner_id for account in accounts]
    named = [select(table.id, table.name).where(table.id.in_(owners)) for table in (Farm, Station, Branch)]
    return {owner: name for query in named for owner, name in session.execute(query)}
