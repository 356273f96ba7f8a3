"""Fields for texts that people write."""

from typing import Any

from marshmallow import ValidationError, fields, validate


class Line(fields.String):
    """One line of text without its outer blanks; at least one character, at most `longest`, no control characters."""

    def __init__(self, longest: int, *, shortest: int = 1, **kwargs: Any) -> None:
        super().__init__(validate=validate.Length(shortest, longest), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        line = super()._deserialize(value, attr, data, **kwargs).strip()
        if not line.isprintable():
            raise ValidationError("Control characters are not allowed.")
        return line
