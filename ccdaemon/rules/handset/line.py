"""The line on which a handset asks for something."""

from __future__ import annotations

from dataclasses import dataclass

from ccdaemon.model import Phone


@dataclass(frozen=True, slots=True)
class Line:
    """A channel of a phone: its name, Uniqueid and Linkedid."""

    phone: Phone
    channel: str
    leg: str
    call: str
