"""The register of personal fields: what for, on what ground, who sees it, how long (PIPL 13, 28, 47, 55).

A column that ends in `_sealed`, `_index` or `_tail` must be found here; `document` writes `docs/privacy.md` from it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import MetaData

ENDINGS = ("_sealed", "_index", "_tail")


@dataclass(frozen=True)
class Field:
    """One kind of personal value, in the words of the privacy page."""

    purpose: str
    basis: str
    """contract, legal duty or separate consent, with the article."""
    clear_to: str
    shown_else: str
    kept: str
    erased: str


class Unregistered(Exception):
    """A personal column stands in no register: say what it is for first."""


RECIPIENT_NAME = Field(
    purpose="delivery",
    basis="contract (PIPL 13.1.2); trade records three years (E-Commerce Law 31)",
    clear_to="label print; driver and keeper who deliver it",
    shown_else="first character: 王**",
    kept="3 years after completion",
    erased="use stops at once, sealed for the rest of the term (PIPL 47)",
)
RECIPIENT_PHONE = Field(
    purpose="delivery",
    basis=RECIPIENT_NAME.basis,
    clear_to=RECIPIENT_NAME.clear_to,
    shown_else="138****5678; the last four digits serve hand-over",
    kept=RECIPIENT_NAME.kept,
    erased=RECIPIENT_NAME.erased,
)
RECIPIENT_ADDRESS = Field(
    purpose="delivery",
    basis=RECIPIENT_NAME.basis,
    clear_to=RECIPIENT_NAME.clear_to,
    shown_else="county",
    kept=RECIPIENT_NAME.kept,
    erased=RECIPIENT_NAME.erased,
)
USER_PHONE = Field(
    purpose="log-in and notices",
    basis="contract (PIPL 13.1.2)",
    clear_to="the person",
    shown_else="138****5678",
    kept="as long as the account lives",
    erased="at once; the index is nulled",
)
USER_NAME = Field(
    purpose="greeting",
    basis="contract (PIPL 13.1.2)",
    clear_to="the person",
    shown_else="first character: 王**",
    kept="as long as the account lives",
    erased="at once",
)
KEPT_ANSWER = Field(
    purpose="same answer for a repeated request",
    basis="contract (PIPL 13.1.2)",
    clear_to="the one who sent the request",
    shown_else="nothing",
    kept="24 hours",
    erased="by the hourly job",
)

_COMMON: dict[str, Field] = {
    "name": RECIPIENT_NAME,
    "phone": RECIPIENT_PHONE,
    "detail": RECIPIENT_ADDRESS,
}
"""What these names mean in every table of trade; a table where they mean something else registers its own."""

_OWN: dict[tuple[str, str], Field] = {
    ("idempotency_keys", "answer"): KEPT_ANSWER,
    ("users", "name"): USER_NAME,
    ("users", "phone"): USER_PHONE,
}


def register(table: str, field: str, meaning: Field) -> None:
    """Say what a personal field of one table is; `field` comes without its ending."""
    _OWN[(table, field)] = meaning


def field_of(table: str, column: str) -> Field:
    """The meaning of a column. Raises Unregistered."""
    name = next((column.removesuffix(ending) for ending in ENDINGS if column.endswith(ending)), column)
    for start in ("", "recipient_", "receiver_", "sender_"):
        plain = name.removeprefix(start)
        found = _OWN.get((table, plain)) or _COMMON.get(plain)
        if found:
            return found
    raise Unregistered(f"{table}.{column} has no entry in the register of personal fields")


def columns(metadata: MetaData) -> Iterator[tuple[str, str]]:
    """Every personal column of every table, by its ending."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith(ENDINGS):
                yield table.name, column.name


def document(found: Iterable[tuple[str, str]]) -> str:
    """The privacy page, in Markdown."""
    lines = [
        "# Personal data: what we keep, why, who sees it, how long",
        "",
        "Written from the register in `core/personal.py` (`tests/core/test_privacy_page.py` says how), not by hand.",
        "Every opening of a clear value leaves a row in `personal_accesses`: who, whose, why, when.",
        "",
        "| column | purpose | ground | clear to | else | kept | erasure |",
        "|---|---|---|---|---|---|---|",
    ]
    for table, column in sorted(found):
        one = field_of(table, column)
        cells = (one.purpose, one.basis, one.clear_to, one.shown_else.replace("*", "\\*"), one.kept, one.erased)
        lines.append(f"| `{table}.{column}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
