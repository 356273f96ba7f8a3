"""Who did what to what, and why: rows that are only ever added."""

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from core.db import Id, Model, new_id, session


class AuditRow(Model):
    """One deed. `before` and `after` are digests, so that the trail holds no personal value."""

    __tablename__ = "audit_rows"

    id: Mapped[Id]
    at: Mapped[datetime]
    by: Mapped[UUID | None] = mapped_column(index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    before: Mapped[bytes | None]
    after: Mapped[bytes | None]


def record(
    action: str,
    subject: str,
    *,
    by: UUID | None,
    now: datetime,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Keep a deed in the transaction that does it. `action` is `resource:verb`, `subject` is `table:id`."""
    session.add(
        AuditRow(
            id=new_id(now),
            at=now,
            by=by,
            action=action,
            subject=subject,
            reason=reason,
            before=_digest(before),
            after=_digest(after),
        )
    )


def _digest(state: dict[str, Any] | None) -> bytes | None:
    if state is None:
        return None
    return hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode()).digest()
