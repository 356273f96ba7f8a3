"""The books: double entry, append-only, integer fen. What is posted stays; a mistake is mended by a further posting.

Sign: a debit is positive, a credit negative. Money that we have, or are owed, is a positive balance; money that we owe
is a negative one. The entries of one posting add up to zero per currency, and a trigger sees to it at every insert.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Select, func, select, text
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from core.db import Id, Model, among, new_id, one_of, session
from core.errors import Conflict, Refusal
from core.i18n import _
from core.money import CURRENCY


class AccountKind(StrEnum):
    """What a balance means."""

    ASSET = "asset"  # we have it, or somebody owes it to us
    LIABILITY = "liability"  # we owe it
    INCOME = "income"  # it is ours


KINDS: dict[str, AccountKind] = {
    "branch": AccountKind.LIABILITY,
    "buyer": AccountKind.LIABILITY,  # paid for, not yet delivered
    "carrier": AccountKind.LIABILITY,
    "cash": AccountKind.ASSET,
    "channel": AccountKind.ASSET,  # a platform collected it for us
    "farm": AccountKind.LIABILITY,
    "host": AccountKind.LIABILITY,
    "platform": AccountKind.INCOME,
    "refunds": AccountKind.LIABILITY,  # on their way back to buyers
    "sales": AccountKind.INCOME,  # of a platform's report, nobody's share being known
    "station": AccountKind.LIABILITY,
    "stripe": AccountKind.ASSET,
    "supplier": AccountKind.LIABILITY,
}
"""Every kind of account, by the part of its code before the colon. There are no others."""

WORDS = {
    "payment": _("收到货款"),
    "cash": _("柜台收现金"),
    "completion": _("订单完成分账"),
    "refund": _("退款"),
    "wholesale": _("批销收货"),
    "import": _("平台订单入账"),
}
"""The kinds of posting, as a statement calls them."""


class LedgerUnbalanced(Refusal):
    """Debits and credits differ."""

    message = _("这笔账不平，相差 {difference_minor} 分。")


class LedgerKeyReused(Conflict):
    """The key was used for another posting."""

    message = _("凭证 {key} 已经记过另一笔账。")


class AccountImpossible(Refusal):
    """The code names no kind of account."""

    message = _("没有“{account}”这类账户。")


class Account(Model):
    """Somebody's money with us, or ours with somebody: `farm:<id>`, `stripe:clearing`, `platform`."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (CheckConstraint(among("kind", AccountKind), name="kind"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(one_of(AccountKind))
    owner_id: Mapped[UUID | None] = mapped_column(index=True)


class Transaction(Model):
    """One posting. Its key is made by the caller before the first try, so that a retry posts nothing twice."""

    __tablename__ = "ledger_transactions"

    id: Mapped[Id]
    kind: Mapped[str]
    reference: Mapped[str] = mapped_column(index=True)
    key: Mapped[str] = mapped_column(unique=True)
    digest: Mapped[bytes]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))


class Entry(Model):
    """One side of a posting. `at` repeats the posting's, so that a balance at a moment reads one index."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount_not_zero"),
        Index("ix_ledger_entries_account_at", "account", "at", postgresql_include=["amount_minor", "currency"]),
        Index("ix_ledger_entries_account_id", "account", "id"),
    )

    id: Mapped[Id]
    transaction_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_transactions.id"), index=True)
    account: Mapped[str] = mapped_column(ForeignKey("ledger_accounts.code"))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(default=CURRENCY)
    at: Mapped[datetime]

    transaction: Mapped[Transaction] = relationship()


@dataclass(frozen=True)
class Posting:
    """What is to be posted: entries are (account code, fen); several of one account are added up."""

    kind: str
    reference: str
    key: str
    entries: Sequence[tuple[str, int]]
    by: UUID | None = None

    def summed(self) -> dict[str, int]:
        """Fen by account, without the zeros. Raises LedgerUnbalanced and AccountImpossible."""
        sums: dict[str, int] = {}
        for account, minor in self.entries:
            sums[account] = sums.get(account, 0) + minor
        if difference := sum(sums.values()):
            raise LedgerUnbalanced(difference_minor=difference)
        for account in sums:
            kind_of(account)
        return {account: minor for account, minor in sorted(sums.items()) if minor}

    def digest(self) -> bytes:
        """A fingerprint of the content: the same key may only ever stand for the same content."""
        content = json.dumps([self.kind, self.reference, self.summed()], ensure_ascii=False)
        return hashlib.sha256(content.encode()).digest()


def kind_of(code: str) -> AccountKind:
    """What the balance of an account means. Raises AccountImpossible."""
    if (kind := KINDS.get(code.partition(":")[0])) is None:
        raise AccountImpossible(account=code)
    return kind


def post(
    kind: str, reference: str, key: str, entries: Sequence[tuple[str, int]], *, now: datetime, by: UUID | None = None
) -> bool:
    """Post once: True when it was posted now, False when this very posting was there already.

    Raises LedgerUnbalanced, AccountImpossible, and LedgerKeyReused when the key stands for something else.
    """
    return key in post_many([Posting(kind, reference, key, entries, by)], now=now)


_POST = text("""
    WITH accounts AS (
        INSERT INTO ledger_accounts
        SELECT * FROM jsonb_populate_recordset(NULL::ledger_accounts, CAST(:accounts AS jsonb))
        ON CONFLICT (code) DO NOTHING
    ), posted AS (
        INSERT INTO ledger_transactions
        SELECT * FROM jsonb_populate_recordset(NULL::ledger_transactions, CAST(:transactions AS jsonb))
        ON CONFLICT (key) DO NOTHING RETURNING id, key
    ), entries AS (
        INSERT INTO ledger_entries
        SELECT entry.* FROM jsonb_populate_recordset(NULL::ledger_entries, CAST(:entries AS jsonb)) AS entry
        JOIN posted ON posted.id = entry.transaction_id
    )
    SELECT key FROM posted
""")


def post_many(postings: Sequence[Posting], *, now: datetime) -> set[str]:
    """Post a set in one statement; returns the keys that were not posted before. Refusals as `post`."""
    if not postings:
        return set()
    digests = {posting.key: posting.digest() for posting in postings}
    posted = set(session.scalars(_POST, _rows(postings, digests, now)))
    _same_content({key: digest for key, digest in digests.items() if key not in posted})
    return posted


def _rows(postings: Sequence[Posting], digests: dict[str, bytes], now: datetime) -> dict[str, str]:
    """The three sets of rows, as JSON."""
    at = now.isoformat()
    transactions: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    codes: set[str] = set()
    for posting in {posting.key: posting for posting in postings}.values():
        one = str(new_id(now))
        transactions.append(
            {"id": one, "kind": posting.kind, "reference": posting.reference, "key": posting.key, "at": at,
             "digest": "\\x" + digests[posting.key].hex(), "by": posting.by and str(posting.by)}
        )  # fmt: skip
        for account, minor in posting.summed().items():
            codes.add(account)
            entries.append(
                {"id": str(new_id(now)), "transaction_id": one, "account": account, "amount_minor": minor,
                 "currency": CURRENCY, "at": at}
            )  # fmt: skip
    accounts = [{"code": code, "kind": kind_of(code), "owner_id": _owner(code)} for code in sorted(codes)]
    return {"accounts": json.dumps(accounts), "transactions": json.dumps(transactions), "entries": json.dumps(entries)}


def _owner(code: str) -> str | None:
    """The id of the person, farm or place behind an account, if it is somebody's."""
    rest = code.partition(":")[2]
    try:
        return str(UUID(rest))
    except ValueError:
        return None


def _same_content(earlier: dict[str, bytes]) -> None:
    """A key that was posted before must stand for the same content."""
    if earlier:
        query = select(Transaction.key, Transaction.digest).where(Transaction.key.in_(earlier))
        for key, digest in session.execute(query):
            if digest != earlier[key]:
                raise LedgerKeyReused(key=key)


def balance(code: str, at: datetime | None = None) -> int:
    """Fen on an account, now or at a moment of the past (that moment included)."""
    query = select(func.coalesce(func.sum(Entry.amount_minor), 0)).where(Entry.account == code)
    return int(session.scalar(query if at is None else query.where(Entry.at <= at)) or 0)


def balances(codes: Iterable[str], at: datetime | None = None) -> dict[str, int]:
    """Fen on several accounts at once; one that was never used has none."""
    wanted = list(codes)
    query = select(Entry.account, func.sum(Entry.amount_minor)).where(Entry.account.in_(wanted)).group_by(Entry.account)
    found = {row[0]: row[1] for row in session.execute(query if at is None else query.where(Entry.at <= at))}
    return {code: int(found.get(code, 0)) for code in wanted}


def trial_balance(at: datetime | None = None) -> dict[str, int]:
    """Fen by kind of account (the part before the colon). They add up to zero, or the books are broken."""
    prefix = func.split_part(Entry.account, ":", 1)
    query = select(prefix, func.sum(Entry.amount_minor)).group_by(prefix).order_by(prefix)
    rows = session.execute(query if at is None else query.where(Entry.at <= at))
    return {kind: int(minor) for kind, minor in rows}


def statement(code: str) -> Select[Entry]:
    """What happened on an account: its entries with their postings."""
    return select(Entry).where(Entry.account == code).options(joinedload(Entry.transaction))


def words(kind: str) -> str:
    """A kind of posting, as a statement calls it."""
    return WORDS.get(kind, kind)
