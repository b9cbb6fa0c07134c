"""Bytes to AMI and AGI messages and back: incremental, bounded, and without any I/O.

Both decoders take bytes as they come, in pieces of any size, and hand out whole messages in their order. What Asterisk
could not have sent raises `WireFault`, after which the connection can only be closed.
Source: the Asterisk documentation on AMI and AGI; main/manager.c and res/res_agi.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

MAX_AMI_MESSAGE = 256 * 1024  # bytes; the longest is one Status event with all variables of a channel
MAX_AGI_LINE = 8192  # bytes; AGI_BUF_LEN in res_agi.c
MAX_AGI_COMMAND = MAX_AGI_LINE - 2  # that buffer takes the line's end and a NUL, too
MAX_AGI_ENVIRONMENT = 160  # lines; res_agi.c sends 22, and at most 128 arguments (MAX_ARGS)

_GREETING = b"Asterisk Call Manager/"
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and halves that are no character
_RESULT = re.compile(r"result=(?P<result>\S*)(?: \((?P<data>.*)\))?(?: endpos=(?P<endpos>\d{1,18}))?")

Headers: TypeAlias = dict[str, str]


class WireFault(Exception):
    """The other side sent what Asterisk never sends; the text says what."""


class Unsendable(ValueError):
    """A value cannot travel on a line protocol: it would end its line and begin another command."""


def text(raw: bytes) -> str:
    """What came off the wire, as text: UTF-8, or Latin-1 where a carrier sends that. Nothing is lost for it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def one_line(value: str) -> str:
    """The same value, if it is one line without control characters; else `Unsendable`."""
    if fault := _UNSENDABLE.search(value):
        message = f"character {ord(fault[0]):#04x} at position {fault.start()} cannot be sent to Asterisk"
        raise Unsendable(message)
    return value


# --- AMI -------------------------------------------------------------------------------------------------------------


class AmiDecoder:
    """A stream of AMI messages. The `banner` is the greeting line of Asterisk, None until it came."""

    def __init__(self) -> None:
        self.banner: str | None = None
        self._rest = b""

    def feed(self, data: bytes) -> list[Headers]:
        """Take what the socket gave; return the messages that it completed."""
        rest = self._rest + data
        if self.banner is None:
            line, end, after = rest.partition(b"\r\n")
            expected = _GREETING if end else _GREETING[: len(line)]
            if not line.startswith(expected) or len(line) > MAX_AGI_LINE:
                message = f"this is no manager port of an Asterisk: it greets with {text(line[:60])!r}"
                raise WireFault(message)
            if not end:
                self._rest = rest
                return []
            self.banner, rest = text(line), after
        whole, end, self._rest = rest.rpartition(b"\r\n\r\n")
        try:
            blocks = whole.decode().split("\r\n\r\n")  # all that came at once: half as dear as message by message
        except UnicodeDecodeError:  # each line by itself: one may be Latin-1, another UTF-8
            blocks = "\r\n".join(map(text, whole.split(b"\r\n"))).split("\r\n\r\n")
        if max(*map(len, blocks), len(self._rest)) > MAX_AMI_MESSAGE:
            message = f"a manager message is longer than {MAX_AMI_MESSAGE} bytes"
            raise WireFault(message)
        return [headers(block) for block in blocks if block]


def headers(block: str) -> Headers:
    """The headers of one message. One that stands there twice has its values on lines of their own."""
    lines = block.split("\r\n")
    try:
        found = dict([line.split(": ", 1) for line in lines])
    except ValueError:
        found = {}
    if len(found) == len(lines):
        return found
    found = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            value = value.removeprefix(" ")
            found[key] = f"{found[key]}\n{value}" if key in found else value
    return found


def ami_action(name: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """One action, ready to send. Raises `Unsendable` for a value that would inject a header or another action."""
    lines = [f"Action: {name}", *(f"{key}: {value}" for key, value in fields)]
    return ("\r\n".join(map(one_line, lines)) + "\r\n\r\n").encode()


# --- AGI -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Environment:
    """What Asterisk says of the call before the first command; names without their `agi_`, arguments in order."""

    fields: Mapping[str, str]

    @property
    def arguments(self) -> list[str]:
        return [value for name, value in self.fields.items() if name.startswith("arg_")]


@dataclass(frozen=True, slots=True)
class Reply:
    """Asterisk's answer to one command: `200 result=1 (data) endpos=8000`, or a refusal with its text."""

    code: int
    result: str = ""
    data: str | None = None
    endpos: int = 0  # samples
    text: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """The bare line `HANGUP`: the caller has gone. It may come between a command and its reply, and is no reply."""


AgiMessage: TypeAlias = Environment | Reply | HangUp


class AgiDecoder:
    """One AGI conversation as Asterisk sends it: first the environment, then replies and at most one hang-up."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] | None = {}
        self._usage: list[str] | None = None

    def feed(self, data: bytes) -> list[AgiMessage]:
        """Take what the socket gave; return the messages that it completed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, lines), default=0) > MAX_AGI_LINE or len(self._rest) > MAX_AGI_LINE:
            message = f"an AGI line is longer than {MAX_AGI_LINE} bytes"
            raise WireFault(message)
        messages = (self._line(text(line).rstrip("\r")) for line in lines)
        return [message for message in messages if message is not None]

    def _line(self, line: str) -> AgiMessage | None:
        if self._fields is not None:
            return self._environment_line(self._fields, line)
        if line == "HANGUP":
            return HangUp()
        if self._usage is not None:
            return self._usage_line(self._usage, line)
        code, rest = line[:3], line[4:]
        if not code.isdecimal() or line[3:4] not in {" ", "-"}:
            message = "an AGI reply does not begin with a code of three digits"
            raise WireFault(message)
        if (
            line[3] == "-"
        ):  # "520-Invalid command syntax.  Proper usage follows:", until a line "520 End of proper usage."
            self._usage = [rest]
            return None
        found = _RESULT.match(rest)
        if found is None:
            return Reply(int(code), text=rest)
        return Reply(int(code), found["result"], found["data"], int(found["endpos"] or 0), rest)

    def _environment_line(self, fields: dict[str, str], line: str) -> Environment | None:
        if not line:
            self._fields = None
            return Environment(fields)
        name, colon, value = line.partition(": ")
        if not (colon or line.endswith(":")) or not name.startswith("agi_"):
            message = "a line of the AGI environment is not 'agi_name: value'"
            raise WireFault(message)
        if len(fields) >= MAX_AGI_ENVIRONMENT:
            message = f"the AGI environment has more than {MAX_AGI_ENVIRONMENT} lines"
            raise WireFault(message)
        fields[name.removeprefix("agi_").rstrip(":")] = value
        return None

    def _usage_line(self, usage: list[str], line: str) -> Reply | None:
        if line.startswith("520 "):
            self._usage = None
            return Reply(520, text=" ".join(usage))
        if len(usage) < MAX_AGI_ENVIRONMENT:
            usage.append(line.strip())
        return None


def agi_command(words: Iterable[str]) -> bytes:
    """One AGI command, each word quoted as res_agi.c unquotes it. Raises `Unsendable` for what would inject another."""
    line = " ".join(map(_quoted, words)).encode()
    if len(line) > MAX_AGI_COMMAND:
        message = f"an AGI command of {len(line)} bytes is longer than Asterisk's {MAX_AGI_COMMAND}"
        raise Unsendable(message)
    return line + b"\n"


def _quoted(word: str) -> str:
    if word.isalnum():
        return word
    return '"' + one_line(word).replace("\\", "\\\\").replace('"', '\\"') + '"'
