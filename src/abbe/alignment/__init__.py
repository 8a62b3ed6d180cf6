"""Channels that lie off one another, as filters, cameras and lenses leave them: found, told, and moved back by whole pixels."""

from abbe.alignment.beads import Beads
from abbe.alignment.moving import align
from abbe.alignment.shifts import ChannelShift, channel_shifts

__all__ = ["Beads", "ChannelShift", "align", "channel_shifts"]
