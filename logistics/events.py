"""News of the post. Heard in the transaction that makes it; a listener that fails fails the scan."""

from datetime import datetime
from typing import TYPE_CHECKING

from core.events import signal

if TYPE_CHECKING:
    from logistics.dispatch import Dispatch
    from logistics.parcels import Parcel


@signal
def parcel_moved(parcel: "Parcel", *, now: datetime) -> None:
    """A parcel has taken a step; its new state is on it."""


@signal
def parcel_dispatched(parcel: "Parcel", *, now: datetime) -> None:
    """A parcel has left its station: the van is on the road with it."""


@signal
def parcel_delivered(parcel: "Parcel", *, now: datetime) -> None:
    """A parcel is in its addressee's hands, with proof."""


@signal
def parcel_returned(parcel: "Parcel", *, because: str, now: datetime) -> None:
    """A parcel could not be delivered and goes back; `because` is a `logistics.delivery.Reason`."""


@signal
def parcel_cancelled(parcel: "Parcel", *, now: datetime) -> None:
    """A parcel was taken back before it left; its label is void."""


@signal
def dispatch_received(dispatch: "Dispatch", *, now: datetime) -> None:
    """A dispatch was counted in at its destination, with whatever was short or over."""
