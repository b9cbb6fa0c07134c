"""The table of messages that callers leave, in `ccdaemon.toml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ccdaemon.grammar import Seconds
from ccdaemon.kept import Messages
from ccdaemon.tables import Table

OURS = Messages()


class MessagesTable(Table):
    longest: Annotated[Seconds, Field(ge=10, le=600)] = OURS.longest
    again: Seconds = OURS.again
    tries: Annotated[int, Field(ge=1, le=100, strict=True)] = OURS.tries
    overdue: Annotated[int, Field(ge=1, le=100, strict=True)] = OURS.overdue

    def rule(self) -> Messages:
        return Messages(self.longest, self.again, self.tries, self.overdue)
