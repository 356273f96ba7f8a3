"""When to end: Ctrl-C, TERM and a closed terminal, heard at any moment and obeyed once. Standard library only."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToEnd(KeyboardInterrupt):
    """Somebody wants the whole house to stop; whatever is being done unwinds."""


class Ending:
    """Whether this process was told to end.

    A plain flag: an Event has a lock, and the very thread that holds it may be the one that the signal interrupts.
    """

    def __init__(self) -> None:
        self._told = False

    def obey_signals(self) -> None:
        """Unwind at the first signal and let no further one disturb that.

        A shell starts what runs in the background with Ctrl-C ignored: that is about its keyboard, not a signal to us.
        Who ignores the end of the terminal (nohup) is taken at his word.
        """
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._hear)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def set(self) -> None:
        """End at the next look."""
        self._told = True

    def is_set(self) -> bool:
        return self._told

    def check(self) -> None:
        """Raises ToldToEnd when it is so."""
        if self._told:
            raise ToldToEnd

    def wait(self, seconds: float) -> bool:
        """Sleep, and say whether to end."""
        if not self._told:
            time.sleep(seconds)
        return self._told

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        before, self._told = self._told, True
        if not before:
            raise ToldToEnd


@contextmanager
def signals_held() -> Iterator[None]:
    """Let them wait until a child is known, or until the program that takes our place obeys them.

    Python forgets what a signal raises in the middle of a fork.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


ending = Ending()
"""This process's own."""
