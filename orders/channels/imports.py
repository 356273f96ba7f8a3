"""Imports: a platform's file into the books, row by row named, in one transaction, and a second time without effect."""

import gc
import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from core import db, sheets
from core.db import Id, Model, new_id, one_of, session
from core.errors import Malformed, Refusal
from core.i18n import _
from orders import rows
from orders.channels import sales
from orders.channels.cells import CellMissing, CellsSurplus, RowHeld, RowRejected
from orders.channels.sales import Change, Sale
from orders.orders import Channel, Order

CHUNK_ROWS = 2_000


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"  # an order that was not known
    UPDATED = "updated"  # a known order went on
    UNCHANGED = "unchanged"  # nothing new
    HELD = "held"  # contradicts itself or the books; not booked until a person has looked
    REJECTED = "rejected"  # cannot be read


class ColumnsMissing(Malformed):
    """Not the file of this channel, or without some of its columns."""

    message = _("文件缺少这些列：{columns}")


class RowRepeats(Refusal):
    """The file said the same before."""

    message = _("与第 {row} 行是同一个订单，没有新内容。")


class RowOlder(Refusal):
    """The books are further than this row."""

    message = _("比已入账的内容旧，没有采用。")


class ImportRun(Model):
    """One import of one file."""

    __tablename__ = "import_runs"
    __table_args__ = (
        CheckConstraint(db.among("channel", Channel), name="channel"),
        CheckConstraint("rows = accepted + updated + unchanged + held + rejected", name="every_row_counted"),
    )

    id: Mapped[Id]
    channel: Mapped[Channel] = mapped_column(one_of(Channel))
    filename: Mapped[str]
    sha256: Mapped[bytes]
    encoding: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    rows: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    held: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)


class ImportRow(Model):
    """A row as the file had it, and what became of it. Rows that told nothing new are only counted."""

    __tablename__ = "import_rows"
    __table_args__ = (CheckConstraint(db.among("outcome", Outcome), name="outcome"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[Outcome] = mapped_column(one_of(Outcome))
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders.id"), index=True)
    reason: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    cells: Mapped[dict[str, Any]]


class Report(Protocol):
    """Reads the rows of one channel's files."""

    channel: ClassVar[Channel]
    columns: ClassVar[Sequence[str]]
    required: ClassVar[frozenset[str]]

    def read(self, row: Mapping[str, str]) -> Sale: ...


Reader = Callable[[], Report]


@dataclass(frozen=True)
class Result:
    """What became of one row: its number in the file, the platform's order number as written, and the reason."""

    row: int
    external_number: str
    outcome: Outcome
    reason: Refusal | None = None


@dataclass(frozen=True)
class Totals:
    """What the books say now of the orders of a file. Gross is what was paid, net what was kept of it, in fen."""

    orders: int
    paid: int
    gross_minor: int
    refunded_minor: int

    @property
    def net_minor(self) -> int:
        return self.gross_minor - self.refunded_minor


@dataclass
class _Import:
    """An import under way: the books of a chunk in memory, and all results so far."""

    report: Report
    run_id: UUID
    now: datetime
    by: UUID | None
    results: list[Result] = field(default_factory=list)
    first_rows: dict[str, int] = field(default_factory=dict)
    """The row that named an order first, by the platform's number."""

    def chunk(self, table_rows: Sequence[sheets.Row]) -> None:
        """Decide the rows of a chunk against the books, then write them as sets."""
        told = [(row, self._read(row)) for row in table_rows]
        numbers = [sale.external_number for _row, sale in told if isinstance(sale, Sale)]
        before = sales.known(self.report.channel, numbers)
        books = dict(before)
        kept = [self._decide(row, sale, books) for row, sale in told]
        changes = [
            Change(order_id, before[number][1] if number in before else None, sale)
            for number, (order_id, sale) in books.items()
            if before.get(number) != (order_id, sale)
        ]
        sales.book(self.report.channel, changes, now=self.now, by=self.by)
        rows.write({ImportRow: [row for row in kept if row]})

    def _read(self, row: sheets.Row) -> Sale | Refusal:
        try:
            if row.surplus:
                raise CellsSurplus(count=len(row.surplus))
            for column in self.report.columns:
                if column in self.report.required and not row.cells[column]:
                    raise CellMissing(column=column)
            return self.report.read(row.cells)
        except (RowRejected, RowHeld) as refusal:
            return refusal

    def _decide(self, row: sheets.Row, told: Sale | Refusal, books: dict[str, tuple[UUID, Sale]]) -> rows.Row | None:
        """The outcome of one row; the books of the chunk follow. Returns the row to keep, if it told something."""
        outcome, reason = self._apply(row, told, books)
        number = told.external_number if isinstance(told, Sale) else row.cells[self.report.columns[0]]
        self.results.append(Result(row.number, number, outcome, reason))
        if outcome is Outcome.UNCHANGED:
            return None
        return {
            "run_id": self.run_id,
            "number": row.number,
            "outcome": outcome,
            "order_id": books[number][0] if number in books else None,
            "reason": reason and reason.code,
            "facts": reason.facts if reason else {},
            "cells": {column: row.cells[column] for column in self.report.columns},
        }

    def _apply(
        self, row: sheets.Row, told: Sale | Refusal, books: dict[str, tuple[UUID, Sale]]
    ) -> tuple[Outcome, Refusal | None]:
        if isinstance(told, Refusal):
            return (Outcome.HELD if isinstance(told, RowHeld) else Outcome.REJECTED), told
        number = told.external_number
        first = self.first_rows.setdefault(number, row.number)
        if number not in books:
            books[number] = (new_id(self.now), told)
            return Outcome.ACCEPTED, None
        order_id, known = books[number]
        try:
            if sales.newer(known, told):
                books[number] = (order_id, told)
                return Outcome.UPDATED, None
        except RowHeld as refusal:
            return Outcome.HELD, refusal
        if told != known:
            return Outcome.UNCHANGED, RowOlder()
        return Outcome.UNCHANGED, RowRepeats(row=first) if first != row.number else None


def run(
    data: bytes, filename: str, reader: Reader, *, now: datetime, by: UUID | None = None,
    progress: Callable[[int, int], None] = lambda _done, _rows: None,
) -> tuple[list[Result], Totals]:  # fmt: skip
    """Book a file; the results by row, and what the books say then of its orders.

    All of it is one transaction, the caller's: nothing is half written. Raises ColumnsMissing, SheetUnreadable,
    SheetTooLarge.
    """
    report = reader()
    table = _named(sheets.read_rows(data, filename, known=report.columns), report)
    sales.lock_channel(report.channel)
    made = ImportRun(
        id=new_id(now), channel=report.channel, filename=filename, sha256=hashlib.sha256(data).digest(),
        encoding=table.encoding, at=now, by=by,
    )  # fmt: skip
    session.add(made)
    session.flush()
    work = _Import(report, made.id, now, by)
    with _uncollected():
        for chunk in _chunks(table.rows):
            work.chunk(chunk)
            progress(len(work.results), len(table.rows))
    session.execute(update(ImportRun).where(ImportRun.id == made.id).values(counts(work.results)))
    return work.results, totals(report.channel, list(work.first_rows))


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many rows there were, and how many of each outcome."""
    found = {"rows": len(results)} | {outcome.value: 0 for outcome in Outcome}
    for result in results:
        found[result.outcome] += 1
    return found


def totals(channel: Channel, numbers: Sequence[str]) -> Totals:
    """What the books say of these orders of a platform."""
    paid = Order.paid_at.is_not(None)
    query = select(
        func.count(),
        func.count().filter(paid),
        func.coalesce(func.sum(Order.total_minor).filter(paid), 0),
        func.coalesce(func.sum(Order.refunded_minor), 0),
    ).where(Order.channel == channel, Order.external_number == func.any(list(numbers)))
    return Totals(*(int(value) for value in session.execute(query).one()))


def _named(table: sheets.Table, report: Report) -> sheets.Table:
    """The table under the names that the report uses, whatever width or spaces the file writes them in."""
    names = {_plain(name): name for name in table.header}
    missing = [column for column in report.columns if column not in names]
    if missing:
        raise ColumnsMissing(columns="、".join(missing))
    same = all(names[column] == column for column in report.columns)
    if same:
        return table
    named = [
        sheets.Row(row.number, {column: row.cells[names[column]] for column in report.columns}, row.surplus)
        for row in table.rows
    ]
    return sheets.Table(table.encoding, list(report.columns), named)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).replace("\ufeff", "").split())


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows hold no cycles; looking for some among them, again and again, took a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _chunks(table_rows: Sequence[sheets.Row]) -> Iterator[Sequence[sheets.Row]]:
    for start in range(0, len(table_rows), CHUNK_ROWS):
        yield table_rows[start : start + CHUNK_ROWS]
