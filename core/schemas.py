"""What JSON looks like at the edge. Schemas check shape only; they never ask the database."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import marshmallow
from marshmallow import RAISE, ValidationError, fields

from core import i18n
from core.clock import LOCAL

SHAPE_WORDS = (
    (re.compile(r"Missing data for required field\."), "这一项必填。"),
    (re.compile(r"Unknown field\."), "没有这一项。"),
    (re.compile(r"Field may not be null\."), "这一项不能为空。"),
    (re.compile(r"Not a valid integer\.|Invalid integer\."), "要填整数。"),
    (
        re.compile(r"Not a valid (?:string|number|boolean|list|mapping type)\.|Invalid (?:string|input type)\."),
        "这一项的类型不对。",
    ),
    (re.compile(r"Not a valid UUID\."), "编号不对。"),
    (re.compile(r"Not a valid (?:aware )?(?:datetime|date|time)\."), "日期或时间不对，要带时区。"),
    (re.compile(r"Must be one of: (.*)\."), r"只能是：\1。"),
    (re.compile(r"Must be greater than or equal to (\S+) and less than or equal to (\S+)\."), r"要在 \1 和 \2 之间。"),
    (re.compile(r"Must be greater than or equal to (\S+)\."), r"不能小于 \1。"),
    (re.compile(r"Must be less than or equal to (\S+)\."), r"不能大于 \1。"),
    (re.compile(r"Length must be between (\d+) and (\d+)\."), r"长度要在 \1 和 \2 之间。"),
    (re.compile(r"Longer than maximum length (\d+)\."), r"最长 \1。"),
    (re.compile(r"Shorter than minimum length (\d+)\."), r"最短 \1。"),
)
"""What the schema library says in English, as it is said here."""


def shape_words(messages: Any) -> Any:
    """The schema library's messages, nested as they come, in the reader's language."""
    if isinstance(messages, Mapping):
        return {str(key): shape_words(value) for key, value in messages.items()}
    if isinstance(messages, list):
        return [shape_words(value) for value in messages]
    if i18n.language() != "zh":
        return str(messages)
    for pattern, words in SHAPE_WORDS:
        if pattern.fullmatch(str(messages)):
            return pattern.sub(words, str(messages))
    return str(messages)


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
