"""Channels: what other platforms sold for us, read from their files into our books."""

from core.errors import Malformed
from core.i18n import _
from orders.channels import tmall_report
from orders.channels.imports import Reader

READERS: dict[str, Reader] = {tmall_report.Report.channel.value: tmall_report.Report}
"""The files that can be read, by the name of their channel."""


class ChannelUnknown(Malformed):
    """No file of such a channel can be read."""

    message = _("没有“{channel}”这个渠道，可用的有：{known}")


def reader_of(channel: str) -> Reader:
    """What reads the files of a channel. Raises ChannelUnknown."""
    if (reader := READERS.get(channel)) is None:
        raise ChannelUnknown(channel=channel, known="、".join(READERS))
    return reader
