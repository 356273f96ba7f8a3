"""What JSON looks like at the edge. Schemas check shape only; they never ask the database."""

from datetime import datetime
from typing import Any, Mapping

import marshmallow
from marshmallow import RAISE, ValidationError, fields

from core.clock import LOCAL


class Schema(marshmallow.Schema):
    """Undeclared fields are refused on the way in and never appear on the way out."""

    class Meta:
        unknown = RAISE
        render_module = None


class Whole(fields.Integer):
    """A true integer: no booleans, no texts, no fractions."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strict=True, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("Not a valid integer.")
        return value


class Moment(fields.AwareDateTime):
    """RFC 3339 with zone; shown in the trade's own time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.astimezone(LOCAL).isoformat()
