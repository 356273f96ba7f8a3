"""Aside: heavy work that knows no database, done where it does not hold up everybody else of the process.

The services run on gevent: what computes without a pause (a password's hash, a photo, a thousand labels) would stop
every other request. In a thread of its own it shares the time instead.
"""

import sys
from collections.abc import Callable
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work gives or raises. It may use neither the session nor the request."""
    if not _cooperative():
        return work(*args, **kwargs)
    from gevent import get_hub

    result: T = get_hub().threadpool.apply(copy_context().run, (work, *args), kwargs)
    return result


def _cooperative() -> bool:
    """Whether this process runs on gevent (its worker has patched the standard library)."""
    return "gevent.monkey" in sys.modules and sys.modules["gevent.monkey"].is_module_patched("threading")
