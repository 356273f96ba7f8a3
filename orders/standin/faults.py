"""Trouble on demand. A fault is armed for so many times and plays at the next fitting moment.

| kind | what happens | options |
|---|---|---|
| `delay` | an answer comes late | `seconds` |
| `timeout` | the deed is done, its answer comes too late | `seconds` |
| `rate_limit` | 429 before anything is done | |
| `server_error` | 500 before anything is done | |
| `decline` | the buyer's next payment is declined | `code` |
| `refund_pending` | a refund waits until the control endpoint ends it | |
| `refund_fails` | a refund is taken back by the buyer's bank | |
| `webhook_delay` | an event is sent late | `seconds` |
| `webhook_duplicate` | an event is sent again | `copies` |
| `webhook_reorder` | an event is held back until a later one is sent | |
| `webhook_forged` | an event is sent with a signature of another secret | |
"""

import json
import time
from typing import Any

from orders.standin.errors import StripeSays
from orders.standin.store import Store

KINDS = frozenset(
    {
        "delay",
        "timeout",
        "rate_limit",
        "server_error",
        "decline",
        "refund_pending",
        "refund_fails",
        "webhook_delay",
        "webhook_duplicate",
        "webhook_reorder",
        "webhook_forged",
    }
)
SECONDS_MAX = 60.0


def arm(store: Store, kind: str, times: int, options: dict[str, Any]) -> None:
    """Let a fault play the next `times` times. Raises ValueError for an unknown kind."""
    if kind not in KINDS or times < 1:
        raise ValueError(kind)
    with store.transaction():
        store.sql.execute(
            "INSERT INTO faults (kind, times, options) VALUES (?, ?, ?)", (kind, times, json.dumps(options))
        )


def clear(store: Store) -> None:
    """Nothing goes wrong any more."""
    with store.transaction():
        store.sql.execute("DELETE FROM faults")


def strike(store: Store, kind: str) -> dict[str, Any] | None:
    """Use up one play of a fault; its options, or None when it is not armed."""
    with store.transaction():
        row = store.sql.execute("SELECT * FROM faults WHERE kind = ? ORDER BY seq LIMIT 1", (kind,)).fetchone()
        if row is None:
            return None
        if row["times"] > 1:
            store.sql.execute("UPDATE faults SET times = times - 1 WHERE seq = ?", (row["seq"],))
        else:
            store.sql.execute("DELETE FROM faults WHERE seq = ?", (row["seq"],))
    options: dict[str, Any] = json.loads(row["options"])
    return options


def before(store: Store) -> None:
    """Faults that come before the deed."""
    if delay := strike(store, "delay"):
        time.sleep(seconds(delay))
    if strike(store, "rate_limit") is not None:
        raise StripeSays(429, "invalid_request_error", "Request rate limit exceeded.", code="rate_limit")
    if strike(store, "server_error") is not None:
        raise StripeSays(500, "api_error", "An unknown error occurred.")


def after(store: Store) -> None:
    """The fault that comes after it: the deed is done and nobody hears of it in time."""
    if late := strike(store, "timeout"):
        time.sleep(seconds(late))


def seconds(options: dict[str, Any]) -> float:
    """How long, within reason."""
    return min(SECONDS_MAX, max(0.0, float(options.get("seconds", 1))))
