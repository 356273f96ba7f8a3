"""JSON bodies, read strictly: what would only fail deeper inside is refused at the door."""

import json
import math
from typing import Any

from core.errors import Malformed
from core.i18n import _

DEPTH_MAX = 32
INTEGER_MAX = 2**63 - 1


class BodyUnreadable(Malformed):
    """The body is no JSON that we take: UTF-8, no doubled keys, no NaN, at most 32 levels."""

    status = 400
    message = _("发来的内容读不懂：{reason}。")


def load(raw: bytes) -> Any:
    """JSON from bytes. Raises BodyUnreadable and names the reason."""
    if _depth(raw) > DEPTH_MAX:
        raise BodyUnreadable(reason=f"depth > {DEPTH_MAX}")
    try:
        text = raw.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_fraction
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, ValueError, RecursionError) as trouble:
        raise BodyUnreadable(reason=str(trouble)[:120]) from None
    if "\x00" in text or "\\u0000" in text:
        raise BodyUnreadable(reason="NUL")
    return value


def _depth(raw: bytes) -> int:
    """The deepest nesting, brackets inside strings left out; a byte scan costs less than a parser gone deep."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return 0
    deepest = depth = 0
    inside = escaped = False
    for byte in raw:
        if inside:
            inside, escaped = escaped or byte != 0x22, byte == 0x5C and not escaped
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


def _fraction(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("a number is beyond what can be held")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > INTEGER_MAX:
        raise ValueError("an integer is beyond 64 bits")
    return int(digits)
