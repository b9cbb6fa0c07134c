"""A line of an import, as JSON: what it is, or what is wrong with it.

One line is one message, chat, post or transcript. What other programs write differs; so each class has one plain
schema, and what is not in it is refused rather than lost unseen.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import ErrorDetails

from ccdaemon.kept import Imported, Item
from ccdaemon.rules.numbers import e164

LONGEST = 1024 * 1024  # bytes of a line: a chat of a whole day is a tenth of that
MOST = 50_000  # commas and brackets, which stand between its values: reading these is what takes time, of calls too
EARLIEST, LATEST = 946_684_800.0, 4_102_444_800.0  # 2000 and 2100

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, Field(max_length=LONGEST)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name  # of the program that wrote it: the same one twice is one item
    at: AwareDatetime
    service: Name | None = None
    party: Name | None = None  # the other side's number or address
    language: Name | None = None
    call: Name | None = None
    chat: Name | None = None


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime | None = None
    by: Name
    text: Text


class Sms(_Line):
    direction: Literal["in", "out"]
    text: Text


class Webchat(_Line):
    messages: Annotated[tuple[_Said, ...], Field(min_length=1)]


class Social(_Line):
    network: Name
    messages: Annotated[tuple[_Said, ...], Field(min_length=1)]


class Transcript(_Line):
    messages: Annotated[tuple[_Said, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _belongs_somewhere(self) -> Transcript:
        if (self.call is None) == (self.chat is None):
            message = "a transcript names the call, or the chat, that it is of"
            raise ValueError(message)
        return self


SCHEMAS: dict[Imported, type[_Line]] = {"sms": Sms, "webchat": Webchat, "social": Social, "transcript": Transcript}


class Rejected(ValueError):
    """The line is not taken. The text says why, and holds nothing of what stands in it."""


def read(kind: Imported, line: bytes, country: str) -> Item:
    """Raises `Rejected`."""
    if len(line) > LONGEST:
        message = f"it is longer than {LONGEST:,} bytes"
        raise Rejected(message)
    if sum(map(line.count, (b",", b"[", b"{"))) > MOST:
        message = f"it has more than {MOST:,} commas and brackets"
        raise Rejected(message)
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        message = "it is not JSON"
        raise Rejected(message) from None
    try:
        found = SCHEMAS[kind].model_validate(said)
    except ValidationError as wrong:
        raise Rejected("; ".join(_explained(each) for each in wrong.errors(include_input=False))) from None
    at = found.at.timestamp()
    if not EARLIEST <= at < LATEST:
        message = "at: is not between 2000 and 2100"
        raise Rejected(message)
    body = json.dumps(found.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
    return Item(kind, found.id, at, found.service, party(found.party, country), found.call, found.chat, body)


def messages(item: Item) -> list[dict[str, Any]]:
    """What was said in it, in its order: `by` whom, and `text`; `at` in some."""
    said: dict[str, Any] = json.loads(item.body)
    if "messages" in said:
        return list(said["messages"])
    return [{"by": "us" if said["direction"] == "out" else "them", "text": said["text"]}]


def says(item: Item, words: str) -> bool:
    """Do these words stand in it, in large or small letters?"""
    return any(words.casefold() in said["text"].casefold() for said in messages(item))


def party(written: str | None, country: str) -> str | None:
    """A number in its one form; an address or a name in small letters."""
    if written is None:
        return None
    return e164(written, country) or written.strip().casefold()


def _explained(fault: ErrorDetails) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    text = fault["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else text
