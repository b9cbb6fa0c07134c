"""The line on which a handset asks for something."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from ccdaemon.model import Phone


@dataclass(frozen=True, slots=True)
class Line:
    """A channel of a phone: its name, Uniqueid and Linkedid. What is to be done once they have spoken is in `after`."""

    phone: Phone
    channel: str
    leg: str
    call: str
    after: ExitStack = field(default_factory=ExitStack, compare=False)
