"""Numbers that people and scanners read: items, dispatches, bags and cartons, each with its own arithmetic.

Items are numbered in the domestic range ZA to ZZ only, never in the ranges of the real post. A serial lies in a block
that belongs to one branch, so any door can tell from the number alone which branch to ask.
"""

import re
from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, session
from core.errors import Conflict, Malformed
from core.i18n import _

S10_SHAPE = re.compile(r"([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")
S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
SERIALS = 100_000_000
"""Serials of one service indicator."""
INDICATORS = tuple(f"Z{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
COUNTRY = "CN"
BLOCK = 10_000
"""Serials of one block; blocks lie side by side, so they cannot overlap."""
PARCELS = "parcel"
LAST_PARCEL_BLOCK = SERIALS * len(INDICATORS) // BLOCK - 1
SURFACE_PARCELS = "CCA"
"""Category C surface, class C parcels, sub-class A (UPU code lists 115 and 117)."""
BAG_WEIGHT_MAX = 9_999


class NumberWrong(Malformed):
    """The number has another shape, or its check digit says that it was misread."""

    message = _("单号“{number}”不对，请核对后再输。")


class NumbersExhausted(Conflict):
    """Every number of this series has been issued."""

    message = _("号段已用完，请联系管理员。")


class NumberBlock(Model):
    """Ten thousand serials of one series that only one branch issues; `used` of them are gone.

    The series "parcel" counts through all indicators; a series of dispatches or runs belongs to one place and period.
    """

    __tablename__ = "number_blocks"
    __table_args__ = (
        UniqueConstraint("series", "position"),
        CheckConstraint(f"used BETWEEN 0 AND {BLOCK}", name="used_within"),
    )

    id: Mapped[Id]
    series: Mapped[str]
    position: Mapped[int]
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branches.id"), index=True)
    used: Mapped[int] = mapped_column(default=0)


def s10_check(serial: int) -> int:
    """The check digit of an S10 serial (UPU S10-12: weights 8 6 4 2 3 5 9 7; 11 − S mod 11; 10 → 0, 11 → 5)."""
    weighed = sum(int(digit) * weight for digit, weight in zip(f"{serial:08d}", S10_WEIGHTS, strict=True))
    check = 11 - weighed % 11
    return {10: 0, 11: 5}.get(check, check)


def s10(indicator: str, serial: int) -> str:
    """An item number of 13 characters, such as ZA123456785CN."""
    if not 0 <= serial < SERIALS:
        raise ValueError("an S10 serial has eight digits")
    return f"{indicator}{serial:08d}{s10_check(serial)}{COUNTRY}"


def is_s10(text: str) -> bool:
    """Whether a text is an item number whose check digit fits."""
    match = S10_SHAPE.fullmatch(text)
    return match is not None and s10_check(int(match[2])) == int(match[3])


def clean(text: str) -> str:
    """A number as typed or scanned, without spaces and in capitals."""
    return re.sub(r"\s+", "", text).upper()


def dispatch_number(origin: str, destination: str, day: date, serial: int) -> str:
    """Twenty characters in the S8 layout, with six-digit codes of ours in place of IMPC codes."""
    return f"{_place(origin)}{_place(destination)}{SURFACE_PARCELS}{day.year % 10}{serial:04d}"


def bag_number(dispatch: str, serial: int, *, highest: bool | None, gross_g: int) -> str:
    """Twenty-nine characters in the S9 layout: dispatch, bag, last-bag flag (9: not given), insured flag, weight.

    Weight counts in 100 g, rounded up; 9999 stands for everything above 999.8 kg.
    """
    flag = 9 if highest is None else int(highest)
    weight = min(-(-gross_g // 100), BAG_WEIGHT_MAX)
    return f"{dispatch}{serial:03d}{flag}0{weight:04d}"


def sscc(extension: int, company: str, serial: int) -> str:
    """A carton number of 18 digits (GS1, application identifier 00) with its check digit."""
    body = f"{extension}{company}{serial:0{16 - len(company)}d}"
    if len(body) != 17 or not body.isdigit():
        raise ValueError("an SSCC has 17 digits before its check digit")
    return body + str(gs1_check(body))


def gs1_check(body: str) -> int:
    """The check digit of any GS1 number: weights 3, 1, 3 … from the right, up to the next ten."""
    weighed = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(reversed(body)))
    return -weighed % 10


def next_parcel_number(branch_id: UUID) -> str:
    """The next item number of a branch."""
    return next_parcel_numbers(branch_id, 1)[0]


def next_parcel_numbers(branch_id: UUID, count: int) -> list[str]:
    """Item numbers of a branch, in order. The branch's block stays locked until the transaction ends."""
    serials = take(PARCELS, branch_id, count, last_block=LAST_PARCEL_BLOCK)
    return [s10(INDICATORS[serial // SERIALS], serial % SERIALS) for serial in serials]


def next_dispatch_number(origin: str, destination: str, branch_id: UUID, *, day: date) -> str:
    """The next dispatch number of this year between two places."""
    series = f"dispatch:{_place(origin)}{_place(destination)}{day.year}"
    return dispatch_number(origin, destination, day, take(series, branch_id, 1)[0])


def next_run_number(branch_code: str, branch_id: UUID, *, day: date) -> str:
    """Branch, day and a count within the day, such as R43122426081301."""
    stamp = f"{branch_code}{day:%y%m%d}"
    return f"R{stamp}{take(f'run:{stamp}', branch_id, 1)[0] + 1:02d}"


def branch_of(number: str) -> UUID | None:
    """The branch that issues an item number, read from the number alone; None when nobody was given it."""
    match = S10_SHAPE.fullmatch(number)
    if match is None or match[1] not in INDICATORS:
        return None
    serial = INDICATORS.index(match[1]) * SERIALS + int(match[2])
    block = NumberBlock.series == PARCELS, NumberBlock.position == serial // BLOCK
    return session.scalar(select(NumberBlock.branch_id).where(*block))


def take(series: str, branch_id: UUID, count: int, *, last_block: int = 0) -> list[int]:
    """Serials of a series for a branch, opening a new block when the old one is used up. Raises NumbersExhausted."""
    taken: list[int] = []
    while len(taken) < count:
        block = _open_block(series, branch_id) or _new_block(series, branch_id, last_block)
        wanted = min(count - len(taken), BLOCK - block.used)
        start = block.position * BLOCK + block.used
        taken += range(start, start + wanted)
        block.used += wanted
        session.flush()
    return taken


def _open_block(series: str, branch_id: UUID) -> NumberBlock | None:
    query = select(NumberBlock).where(
        NumberBlock.series == series, NumberBlock.branch_id == branch_id, NumberBlock.used < BLOCK
    )
    fresh = query.order_by(NumberBlock.position).limit(1).with_for_update().execution_options(populate_existing=True)
    return session.scalar(fresh)


def _new_block(series: str, branch_id: UUID, last_block: int) -> NumberBlock:
    """One more block. Whoever waited for the lock looks again first: another may have opened one for this branch."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(series))))
    opened = _open_block(series, branch_id)
    if opened:
        return opened
    highest = session.scalar(select(func.max(NumberBlock.position)).where(NumberBlock.series == series))
    position = 0 if highest is None else highest + 1
    if position > last_block:
        raise NumbersExhausted
    block = NumberBlock(series=series, position=position, branch_id=branch_id, used=0)
    session.add(block)
    session.flush()
    return block


def _place(code: str) -> str:
    if not re.fullmatch(r"[0-9A-Z]{6}", code):
        raise ValueError("a place in a dispatch number has six characters")
    return code
