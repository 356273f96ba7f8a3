"""Drawings for goods without a photo."""

DRAWINGS = {"craft": "embroidery", "culture": "album", "dry": "box"}
WASHES = {"craft": "indigo", "culture": "sand", "dry": "sand"}


def drawing(kind: str, name: str) -> str:
    """Which drawing stands for goods without a photo."""
    if kind in DRAWINGS:
        return DRAWINGS[kind]
    return "kiwi" if "猕猴桃" in name else "peach"


def wash(kind: str, name: str) -> str:
    """The ground behind the drawing."""
    return WASHES.get(kind, "green" if "猕猴桃" in name else "peach")
