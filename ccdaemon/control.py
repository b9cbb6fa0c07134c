"""The control socket: one JSON line asks, one JSON line answers. Only this process touches the register while it runs.

Behind an answer there may be content: pieces of bytes, each after its length in four bytes, and a length of nothing.

The socket's file mode says who may ask (owner and group); the folder is the daemon's. Where systemd holds the socket
(ccdaemon.socket), a question that comes while we start again waits for us.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import pwd
import select
import socket
import struct
import sys
import termios
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias

import structlog

from ccdaemon.asked import Answerer, Json, WronglyPut, held_to_its_signature
from ccdaemon.notify import passed

MAX_LINE = 16 * 1024 * 1024  # bytes; an answer may list many calls
# A question is read in the event loop, while no call is answered: so many bytes, a portion of an import among them, and
# so many commas and brackets, which stand between values, take some hundredths of a second at the most.
MAX_QUESTION, MAX_VALUES, MAX_DIGITS = 2 * 1024 * 1024, 10_000, 100
HEARD_OUT = 16  # times that length, of a question that is longer
TOO_LONG = (
    f"the question is too long: {MAX_QUESTION:,} bytes and {MAX_VALUES:,} values are the most. Ask for less at once"
)
DEADLINE = 30.0  # seconds
AGAIN = 0.3  # seconds; a restart puts another socket there within some milliseconds
HELD = "control"  # FileDescriptorName= in ccdaemon.socket
KEEPS = (3, 13)  # since then Python removes a socket's file, also one that is systemd's

PEER = struct.Struct("3i")  # process, user, group: struct ucred of unix(7)
LENGTH = 4  # bytes
ANSWERED = b'{"answer": '

Permit: TypeAlias = Callable[[str, str], Awaitable[None]]  # a question and who asks; raises `Refused`

asker: ContextVar[str] = ContextVar("asker")  # who asks the question that this task answers, as the kernel knows them

log = structlog.get_logger()


class NotRunning(Exception):
    """No daemon answers at this socket."""


class _Unheard(NotRunning):
    """Nor has anybody taken the question: it may be put again."""


class Refused(Exception):
    """The daemon cannot answer; the text says why."""


@dataclass(frozen=True)
class Content:
    """An answer with content behind it. A piece of a plain iterator is made in a thread: it may read and decrypt."""

    answer: Json
    pieces: Iterator[bytes] | AsyncIterator[bytes]


async def _anybody(_question: str, _who: str) -> None:
    """Whoever may open the socket may ask."""


class Control:
    """The daemon's end."""

    def __init__(self, questions: Mapping[str, Answerer], permit: Permit = _anybody) -> None:
        self._questions = {name: held_to_its_signature(name, answerer) for name, answerer in questions.items()}
        self._permit = permit
        self._server: asyncio.Server

    async def listen(self, path: Path) -> None:
        """At the socket that systemd holds for us, or else at one of our own."""
        held = passed(HELD)
        if held is not None and held.getsockname() == str(path):
            stays: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= KEEPS else {}
            self._server = await asyncio.start_unix_server(self._serve, sock=held, limit=MAX_QUESTION, **stays)
            return
        if held is not None:  # the site has its folder elsewhere
            held.close()
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, path, limit=MAX_QUESTION)
        await asyncio.to_thread(path.chmod, 0o660)

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asker.set(_who(writer.get_extra_info("socket")))
        try:
            async with asyncio.timeout(DEADLINE):
                asked = await _question(reader)
            line, content = await self._answer(asked)
            async with asyncio.timeout(DEADLINE):
                writer.write(line)
                await writer.drain()
            while content is not None:
                piece = await _next(content)
                async with asyncio.timeout(DEADLINE):
                    writer.write(len(piece).to_bytes(LENGTH, "big") + piece)
                    await writer.drain()
                content = content if piece else None
        except (TimeoutError, ConnectionError, ValueError) as fault:
            log.warning("a question at the control socket got no answer", reason=str(fault) or "too slow")
        except Exception:  # of what makes the content: whoever asks sees that it is cut off
            log.exception("an answer at the control socket was cut off")
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> tuple[bytes, Iterator[bytes] | AsyncIterator[bytes] | None]:
        if _too_long(line):
            return _line(refused=TOO_LONG), None
        try:
            question = json.loads(line, parse_int=_whole)
            name, values = question["ask"], json.dumps({**question["with"]})
            answerer = self._questions[name]
        except (ValueError, KeyError, TypeError, RecursionError):
            text = "this daemon does not know the question: it is of another version than the command"
            return _line(refused=text), None
        try:
            await self._permit(name, asker.get())
            answer = await answerer(values)
            if isinstance(answer, Content):
                return _line(answer=answer.answer), answer.pieces
            return _line(answer=answer), None
        except (Refused, WronglyPut) as refusal:
            return _line(refused=str(refusal)), None
        except Exception:  # who asks must not take a fault for a daemon that has ended
            log.exception("a question at the control socket failed", question=name)
            return _line(refused="the daemon failed to answer; its log says why"), None


async def _question(reader: asyncio.StreamReader) -> bytes:
    """A line, or what there is of one; of one that is too long so much that it is seen to be.

    That one is heard to its end all the same, within reason: who is cut off while they ask does not read why.
    """
    heard = b""
    for _ in range(HEARD_OUT):
        try:
            return heard + await reader.readuntil()
        except asyncio.IncompleteReadError as ended:
            return heard + ended.partial
        except asyncio.LimitOverrunError as overrun:
            heard = await reader.readexactly(overrun.consumed)
    return heard + b" "


def _too_long(question: bytes) -> bool:
    return len(question) > MAX_QUESTION or sum(map(question.count, (b",", b"[", b"{"))) > MAX_VALUES


def _whole(digits: str) -> float:
    """The time that a whole number takes grows with the square of its length; nobody's has so many digits."""
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


async def _next(pieces: Iterator[bytes] | AsyncIterator[bytes]) -> bytes:
    if isinstance(pieces, AsyncIterator):
        return await anext(pieces, b"")
    return await asyncio.to_thread(next, pieces, b"")


def _line(**answer: Json) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def _who(connection: socket.socket) -> str:
    """The name of the user at the other end, or their number where they have none."""
    _, user, _ = PEER.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER.size))
    return name_of(user)


def name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


class Sink(Protocol):
    """What takes content: a file, or whoever shows it."""

    def writelines(self, pieces: Iterable[bytes], /) -> None: ...


class _SinkFault(Exception):
    """What content goes into takes no more."""


def ask(
    path: Path,
    name: str,
    into: Sink | None = None,
    patience: float | None = None,
    **values: Json,
) -> Json:
    """A command's end; content goes into a sink. Waits `patience` seconds for an answer, or the next piece of content.

    A question that nobody takes for longer than `DEADLINE` waits no further: systemd may hold the socket for a daemon
    that cannot start. One that nobody can have heard is put once more.

    Raises `NotRunning` or `Refused`, and whatever the sink raises.
    """
    try:
        return _ask(path, name, into, patience, values)
    except _Unheard:
        time.sleep(AGAIN)
    return _ask(path, name, into, patience, values)


def _ask(path: Path, name: str, into: Sink | None, patience: float | None, values: Mapping[str, Json]) -> Json:
    question = json.dumps({"ask": name, "with": values}).encode() + b"\n"
    if _too_long(question):
        raise Refused(TOO_LONG)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(patience or DEADLINE)
        line = b""
        try:
            connection.connect(str(path))
            connection.sendall(question)
            if not select.select([connection], [], [], DEADLINE)[0] and _unread(connection):
                raise TimeoutError  # noqa: TRY301 - as a question of less patience has it
            with connection.makefile("rb") as reader:
                line = reader.readline(MAX_LINE)
                if into is not None and line.startswith(ANSWERED) and line.endswith(b"\n"):
                    for piece in _pieces(reader):
                        _put(into, piece)
        except _SinkFault as fault:
            raise fault.__cause__ or fault from None
        except PermissionError as fault:
            message = f"you may not use {path}: you need to be in the group of the daemon"
            raise Refused(message) from fault
        except TimeoutError as fault:
            message = (
                f"the daemon at {path} does not answer: it hangs, and systemd will restart it, or it cannot start: "
                "`systemctl status ccdaemon` tells"
            )
            raise Refused(message) from fault
        except EOFError as fault:
            message = "the daemon ended in the middle of its answer"
            raise NotRunning(message) from fault
        except OSError as fault:
            message = f"no daemon listens at {path}"
            raise (NotRunning if line else _Unheard)(message) from fault
    if len(line) >= MAX_LINE:
        message = "the answer is too long: ask for less"
        raise Refused(message)
    if not line.endswith(b"\n"):
        message = "the daemon ended before it answered"
        raise NotRunning(message)
    answer = json.loads(line)
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer["answer"]


def _unread(connection: socket.socket) -> bool:
    """Is something of what we said still in the socket (TIOCOUTQ, unix(7))?"""
    return any(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))


def _put(into: Sink, piece: bytes) -> None:
    try:
        into.writelines([piece])
    except OSError as fault:  # which is not the daemon's
        raise _SinkFault from fault


def _pieces(reader: IO[bytes]) -> Iterator[bytes]:
    while length := int.from_bytes(_exactly(reader, LENGTH), "big"):
        yield _exactly(reader, length)


def _exactly(reader: IO[bytes], size: int) -> bytes:
    found = reader.read(size)
    if len(found) < size:
        raise EOFError
    return found
