"""What stands on a label: what a hand or a machine on the way needs, and no more about a person than that.

A label speaks Chinese, whatever language its printer's operator reads.
"""

import re
from dataclasses import dataclass

CARRIER = "潇湘农村邮路"
BY_HAND = "人工分拣"
_STREET = re.compile(r"^.*?(?:大道|[路街巷弄村镇乡])")


@dataclass(frozen=True)
class Content:
    """One label, ready to be drawn. Names, phones and doors are masked already (GB/T 41833)."""

    number: str
    sort_code: str | None
    """Hub, branch and lane; None where no row of the sort table fits: the box is sorted by hand, never by a guess."""
    marker: str
    """The place in words for whoever carries the bag (大头笔)."""
    recipient: str
    address: str
    sender: str
    contents: str
    net_g: int | None
    gross_g: int | None
    marks: tuple[str, ...]
    """Proof of real-name, inspection and screening with the unit that vouches for it."""
    printed_on: str
    prints: int = 1

    @property
    def sort_words(self) -> str:
        """The sort code as it is shown, or the words that ask for a hand."""
        return self.sort_code or BY_HAND

    @property
    def reprint(self) -> str:
        """Empty on the first print; afterwards says the how-manieth repeat this is."""
        return f"补打 {self.prints - 1}" if self.prints > 1 else ""

    @property
    def weights(self) -> str:
        """Net weight in jin and kilograms, and gross, as far as they are known."""
        parts = []
        if self.net_g is not None:
            parts.append(f"净重 {self.net_g / 500:g}斤 ({self.net_g / 1000:g}kg)")
        if self.gross_g is not None:
            parts.append(f"毛重 {self.gross_g / 1000:g}kg")
        return "  ".join(parts)


def street_only(detail: str) -> str:
    """人民南路88号3栋501 → 人民南路****: the street helps the bag along, the door is nobody's business on the way."""
    street = _STREET.match(detail.strip())
    return f"{street.group() if street else ''}****"
