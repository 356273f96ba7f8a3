"""News inside the house. A signal is heard in the same transaction; a listener that fails fails the sender."""

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Signal(Generic[P]):
    """One kind of news. Declare it in a package's `events.py`, with the shape of its listeners and a docstring."""

    def __init__(self, shape: Callable[P, None]) -> None:
        self.__doc__ = shape.__doc__
        self.name = shape.__name__
        self._listeners: list[Callable[P, None]] = []

    def connect(self, listener: Callable[P, None]) -> Callable[P, None]:
        """Hear this news; connecting the same listener twice is once."""
        if listener not in self._listeners:
            self._listeners.append(listener)
        return listener

    def send(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell every listener, in the order in which they were connected."""
        for listener in self._listeners:
            listener(*args, **kwargs)


def signal(shape: Callable[P, None]) -> Signal[P]:
    """Declare a signal from an empty function: its parameters are what listeners get, its docstring says when."""
    return Signal(shape)
