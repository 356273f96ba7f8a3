"""Money: integer fen, shared out without loss."""

from collections.abc import Sequence

CURRENCY = "CNY"
FULL_RATE_BP = 10_000
"""One whole in basis points (hundredths of a percent)."""


def split(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Share fen by weights so that the parts add up exactly (largest remainder, also called Hamilton's method).

    Remaining fen go to the largest remainders, earlier parts first. Raises ValueError for a negative total, a negative
    weight, or weights that are all zero while there is something to share.
    """
    whole = sum(weights)
    if total_minor < 0 or any(weight < 0 for weight in weights) or (whole == 0 and total_minor):
        raise ValueError("cannot share fen by these weights")
    if whole == 0:
        return [0 for _ in weights]
    parts = [total_minor * weight // whole for weight in weights]
    remainders = [total_minor * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in order[: total_minor - sum(parts)]:
        parts[i] += 1
    return parts


def rate_of(minor: int, basis_points: int) -> int:
    """A share of fen in basis points, rounded half up."""
    return (minor * basis_points * 2 + FULL_RATE_BP) // (FULL_RATE_BP * 2)


def format_yuan(minor: int) -> str:
    """Fen as people read them: 2990 → ¥29.90, with commas for thousands."""
    sign = "-" if minor < 0 else ""
    yuan, fen = divmod(abs(minor), 100)
    return f"{sign}¥{yuan:,}.{fen:02d}"
