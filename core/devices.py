"""Known devices: a browser that somebody signed in with before is trusted with more tries than a strange one.

So an attacker who guesses passwords from elsewhere slows himself down, never the owner. The cookie holds a random
number and, for each person who signed in with this browser, a short keyed mark; one tablet serves a whole village.
"""

import hashlib
import hmac
import re
import secrets

from core.settings import settings

COOKIE = "xx-device"
MARKS_MAX = 64
MARK_CHARS = 16
SHAPE = re.compile(r"[0-9a-f]{32}(\.[0-9a-f]{16}){0,64}")


def number(cookie: str, account: bytes) -> str | None:
    """The device's number when this account (blind index of its phone) signed in with it before, else None."""
    if not SHAPE.fullmatch(cookie):
        return None
    device, *marks = cookie.split(".")
    wanted = _mark(device, account)
    return device if any(hmac.compare_digest(mark, wanted) for mark in marks) else None


def remember(cookie: str, account: bytes) -> str:
    """The cookie after this account signed in; the 64 who came last are kept."""
    device, *marks = cookie.split(".") if SHAPE.fullmatch(cookie) else [secrets.token_hex(16)]
    fresh = _mark(device, account)
    kept = [mark for mark in marks if mark != fresh][-(MARKS_MAX - 1) :]
    return ".".join([device, *kept, fresh])


def _mark(device: str, account: bytes) -> str:
    return hmac.digest(settings().key("device"), device.encode() + account, hashlib.sha256).hex()[:MARK_CHARS]
