"""The house as it is served, with one empty view beside it for a yardstick; for benchmarks only."""

from app import create_app
from core.auth import requires
from core.permissions import Permission

app = create_app(listening=True)


@app.post("/empty")
@requires(Permission.ORDER_PLACE)
def empty() -> tuple[str, int]:
    """An authenticated POST that does nothing: what no order can be faster than."""
    return "", 204
