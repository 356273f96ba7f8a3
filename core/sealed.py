"""Personal fields: sealed in the row they belong to, found by a blind index, shown as masks, opened with a reason.

Layout of a sealed value: version (1 byte) ‖ key id (2) ‖ nonce (12) ‖ AES-256-GCM ciphertext and tag. The associated
data names table, column and row, so that a value moved to another place does not open (NIST SP 800-38D).
"""

import hashlib
import hmac
import os
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, ForeignKey, Index, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from core import personal
from core.db import Id, Model, new_id, session
from core.errors import Malformed, TooMany
from core.i18n import _
from core.settings import settings

VERSION = 1
HEADER_BYTES = 3
NONCE_BYTES = 12
INDEX_BYTES = 16
OPENED_A_DAY = 500
RESEAL_BATCH = 1_000


class SealBroken(Exception):
    """The value was changed or moved, or its key is gone: a fault of ours or an attack, never the caller's."""


class ReasonMissing(Malformed):
    """Clear text of a person is opened with a reason only."""

    message = _("查看个人信息要写明原因。")


class OpenedTooOften(TooMany):
    """One viewer opened so many records in a day that somebody must look at it first."""

    message = _("今天查看的个人信息太多了，请联系县分公司。")


class PersonalAccess(Model):
    """Who read whose clear text, when and why. Rows are only added."""

    __tablename__ = "personal_accesses"
    __table_args__ = (
        Index(None, "viewer_id", "at"),
        Index(None, "subject_id"),
    )

    id: Mapped[Id]
    subject_table: Mapped[str]
    subject_id: Mapped[UUID]
    field: Mapped[str]
    purpose: Mapped[str]
    reason: Mapped[str]
    viewer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime]


class Row(Protocol):
    """Any row with an id of ours."""

    __tablename__: str
    id: Any


def seal(text: str, *, table: str, column: str, row_id: UUID) -> bytes:
    """A text that opens again only in this column of this row; `column` is the field's name without `_sealed`."""
    key_id, key = settings().keys["field"][0]
    header = _header(key_id)
    nonce = os.urandom(NONCE_BYTES)
    return header + nonce + _cipher(key).encrypt(nonce, text.encode(), _place(table, column, row_id))


def unseal(blob: bytes, *, table: str, column: str, row_id: UUID) -> str:
    """The clear text. Raises SealBroken."""
    ring = dict(settings().keys["field"])
    key_id = int.from_bytes(blob[1:HEADER_BYTES], "big")
    if blob[:1] != bytes([VERSION]) or key_id not in ring:
        raise SealBroken(f"{table}.{column}: version or key {key_id} unknown")
    nonce, rest = blob[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES], blob[HEADER_BYTES + NONCE_BYTES :]
    try:
        return _cipher(ring[key_id]).decrypt(nonce, rest, _place(table, column, row_id)).decode()
    except (InvalidTag, ValueError):
        raise SealBroken(f"{table}.{column}: changed or moved") from None


def blind(text: str, purpose: str) -> bytes:
    """A keyed fingerprint (HMAC-SHA-256, 16 bytes) to find an exact value by.

    `purpose` ("phone/user", "phone/recipient") keeps people of different registers from being joined. Normalise first.
    """
    key = settings().key("index")
    return hmac.digest(key, purpose.encode() + b"\0" + text.encode(), hashlib.sha256)[:INDEX_BYTES]


def open_field(row: Row, field: str) -> str:
    """Clear text for masks, labels and the person himself, inside rules only; everybody else asks `reveal`."""
    return unseal(getattr(row, f"{field}_sealed"), table=row.__tablename__, column=field, row_id=row.id)


def reveal(row: Row, field: str, *, reason: str, by: UUID, now: datetime) -> str:
    """Clear text for a viewer; who, what and why is written in the same transaction.

    Raises ReasonMissing, and OpenedTooOften after 500 openings in 24 hours.
    """
    if len(reason.strip()) < 2:
        raise ReasonMissing
    recent = select(func.count()).where(PersonalAccess.viewer_id == by, PersonalAccess.at > now - timedelta(days=1))
    if (session.scalar(recent) or 0) >= OPENED_A_DAY:
        raise OpenedTooOften(retry_after=3600)
    session.add(
        PersonalAccess(
            id=new_id(now),
            subject_table=row.__tablename__,
            subject_id=row.id,
            field=field,
            purpose=personal.field_of(row.__tablename__, f"{field}_sealed").purpose,
            reason=reason.strip()[:200],
            viewer_id=by,
            at=now,
        )
    )
    session.flush()
    return open_field(row, field)


def older(model: type[Any], field: str) -> ColumnElement[bool]:
    """Rows whose field is sealed with another key than the newest."""
    column: InstrumentedAttribute[bytes] = getattr(model, f"{field}_sealed")
    return func.substring(column, 1, HEADER_BYTES) != _header(settings().keys["field"][0][0])


def reseal(model: type[Any], field: str, *, after: UUID | None = None, limit: int = RESEAL_BATCH) -> list[UUID]:
    """Seal the next rows of a table, by id, with the newest key; returns their ids, none when all are."""
    old = select(model).where(model.id > (after or UUID(int=0)), older(model, field)).order_by(model.id).limit(limit)
    rows = session.scalars(old.with_for_update(skip_locked=True)).all()
    for row in rows:
        fresh = seal(open_field(row, field), table=model.__tablename__, column=field, row_id=row.id)
        setattr(row, f"{field}_sealed", fresh)
    session.flush()
    return [row.id for row in rows]


def mask_name(name: str) -> str:
    """王小明 → 王**: the first character, and no hint how many follow."""
    return f"{name.strip()[0]}**" if name.strip() else ""


def mask_phone(phone: str) -> str:
    """+8613812345678 → 138****5678; a number of another shape keeps its last four digits only."""
    digits = re.sub(r"\D", "", phone.removeprefix("+86"))
    return f"{digits[:3]}****{digits[-4:]}" if len(digits) == 11 and digits[0] == "1" else f"****{digits[-4:]}"


_COUNTY = re.compile(
    r"^(?:[^省市州盟区县旗]{1,10}(?:省|自治区|特别行政区|市|自治州|州|地区|盟)){0,2}[^省市州盟区县旗]{1,12}(?:自治县|县|区|市|旗)"
)


def mask_address(address: str) -> str:
    """湖南省怀化市溆浦县观音阁镇3组 → 湖南省怀化市溆浦县****: county at most."""
    county = _COUNTY.match(address.strip())
    return f"{county.group() if county else ''}****"


def _header(key_id: int) -> bytes:
    return bytes([VERSION]) + key_id.to_bytes(2, "big")


def _place(table: str, column: str, row_id: UUID) -> bytes:
    return f"{table}.{column}|{row_id}".encode()


@lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
