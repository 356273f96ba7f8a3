"""The line between a process and the one that started it: when that one is gone, the kernel ends this one as well.

Standard library only: it is used before the environment stands.
"""

import ctypes
import os
import signal
from collections.abc import Callable

from core.ending import SIGNALS

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(with_signal: int = signal.SIGKILL) -> Callable[[], None]:
    """What a child does before it becomes its program, so that it gets a signal when the parent is gone.

    It is SIGKILL, unless the program has something better to do: a stopped or busy process heeds no other.
    """
    parent = os.getpid()
    return lambda: die_with(parent, with_signal)


def die_with(parent: int, with_signal: int = signal.SIGKILL) -> None:
    """Tie this process to the one that started it. The kernel means the thread that did: let it be the main one.

    Signals that the parent held while it forked reach this process again.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _libc.prctl(PR_SET_PDEATHSIG, with_signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
