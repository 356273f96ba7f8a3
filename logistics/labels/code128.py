"""Code 128 (ISO/IEC 15417): text to bars, with the shortest mix of code sets B and C."""

from functools import lru_cache

START = {"B": 104, "C": 105}
SWITCH = {"B": 100, "C": 99}
STOP = "2331112"
MODULUS = 103
# Widths of bars and gaps in turn, in modules, one string per symbol value 0 to 105.
_TABLE = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
)
PATTERNS = tuple(_TABLE.split())


@lru_cache(maxsize=4096)
def bars(text: str) -> tuple[tuple[int, int], ...]:
    """The black bars of a text as (offset, width) in modules; quiet zones are the caller's."""
    found: list[tuple[int, int]] = []
    offset = 0
    for i, width in enumerate(int(module) for module in "".join(_widths(text))):
        if i % 2 == 0:
            found.append((offset, width))
        offset += width
    return tuple(found)


def modules(text: str) -> int:
    """How many modules wide the code of a text is, without quiet zones."""
    offset, width = bars(text)[-1]
    return offset + width


def _widths(text: str) -> list[str]:
    values = symbols(text)
    check = (values[0] + sum(i * value for i, value in enumerate(values))) % MODULUS
    return [PATTERNS[value] for value in [*values, check]] + [STOP]


def symbols(text: str) -> list[int]:
    """Symbol values from the start character on, without check and stop, as few as possible.

    Raises ValueError for characters outside printable ASCII.
    """
    if not text or not all(" " <= letter <= "~" for letter in text):
        raise ValueError("Code 128 takes printable ASCII")
    best: dict[str, list[int]] = {name: [start] for name, start in START.items()}
    ways = [best]
    for i in range(1, len(text) + 1):
        ways.append(_reach(text, i, ways))
    return min(ways[-1].values(), key=len)


def _reach(text: str, end: int, ways: list[dict[str, list[int]]]) -> dict[str, list[int]]:
    """The shortest way to have written `text[:end]`, for each code set that can be in force then."""
    reached = {}
    if "B" in ways[end - 1]:
        reached["B"] = [*ways[end - 1]["B"], ord(text[end - 1]) - 32]
    if end >= 2 and text[end - 2 : end].isdigit() and "C" in ways[end - 2]:
        reached["C"] = [*ways[end - 2]["C"], int(text[end - 2 : end])]
    for here, there in (("B", "C"), ("C", "B")):
        if here in reached and (there not in reached or len(reached[here]) + 1 < len(reached[there])):
            reached[there] = [*reached[here], SWITCH[there]]
    return reached
