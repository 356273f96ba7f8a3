"""Keyset pages: bounded, stable under insertion, no counting."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from marshmallow import Schema as PlainSchema
from marshmallow import fields, validate
from sqlalchemy import Select

from core.db import Model, session
from core.errors import Malformed
from core.i18n import _
from core.schemas import Schema

T = TypeVar("T")

LIMIT_MAX = 100
LIMIT = 20


class PageUnknown(Malformed):
    """`after` is not the `next` of any page."""

    message = _("没有这一页，请从头看起。")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows, newest first, and the key of the last if there are more."""

    items: list[T]
    next: str | None


class PageArgs(Schema):
    """Where to go on and how many rows."""

    after = fields.UUID(load_default=None, metadata={"description": "`next` of the page before"})
    limit = fields.Integer(load_default=LIMIT, validate=validate.Range(1, LIMIT_MAX))


def page(query: Select[Any], *, model: type[Model], after: UUID | str | None = None, limit: int = LIMIT) -> Page[Any]:
    """One page of a query of one model, newest first by its time-ordered id."""
    key: Any = model.__table__.c.id
    if after is not None:
        query = query.where(key < _key(after))
    bounded = min(max(limit, 1), LIMIT_MAX)
    rows = list(session.scalars(query.order_by(key.desc()).limit(bounded + 1)))
    more = len(rows) > bounded
    shown = rows[:bounded]
    return Page(shown, str(shown[-1].id) if more else None)


def _key(after: UUID | str) -> UUID:
    try:
        return after if isinstance(after, UUID) else UUID(after)
    except ValueError:
        raise PageUnknown from None


@cache
def page_schema(item: type[PlainSchema]) -> type[PlainSchema]:
    """The schema of a page of items."""
    name = item.__name__ + "Page"
    members: dict[str, fields.Field[Any]] = {
        "items": fields.List(fields.Nested(item)),
        "next": fields.String(allow_none=True),
    }
    return Schema.from_dict(members, name=name)
