"""FastAGI: Asterisk connects, says which call it has, and carries out one command after the other until we let go.

A conversation is a coroutine that gets an `AgiSession`. A caller who hangs up unwinds it as `CallerGone`, which is how
a conversation usually ends and no fault. Whatever else goes wrong in one conversation closes its socket, upon which
the dialplan falls back; no other conversation notices.
Source: res/res_agi.c; the Asterisk documentation on AGI commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias, cast

import structlog

from ccdaemon.asterisk.wire import AgiDecoder, Environment, HangUp, Reply, WireFault, agi_command

ENVIRONMENT_DEADLINE = 5.0  # seconds; Asterisk sends it in the same instant in which it connects
REPLY_DEADLINE = 10.0  # seconds for a command that plays nothing and waits for nobody
LONGEST_PROMPT = 300.0  # seconds that a command which plays may take on top of its own time
HANGUP_GRACE = 0.25  # seconds; after a hang-up Asterisk sends `result=-1` and, straight behind it, `HANGUP`
BACKLOG = 512  # connections; the event loop takes in all of them before it reads from the first
MAX_HALF_OPEN = 2 * BACKLOG  # that have not said yet which call they bring; the oldest makes room for a new one

log = structlog.get_logger()


class CallerGone(Exception):
    """The caller has hung up: unwind the conversation."""


class AgiRefused(Exception):
    """Asterisk would not carry out a command; the call goes on. The text is Asterisk's own."""


class AgiLost(Exception):
    """No reply came in time or the connection broke: nobody knows whether the command was carried out."""


@dataclass(frozen=True, slots=True)
class Played:
    """How a prompt ended: the digit that cut it short, or none, and how far it had come, in samples."""

    digit: str | None
    endpos: int


Conversation: TypeAlias = Callable[["AgiSession"], Awaitable[None]]


class AgiSession(asyncio.Protocol):
    """One FastAGI connection. Commands are sent one at a time, as AGI demands."""

    def __init__(self, server: AgiServer) -> None:
        self.environment = Environment({})
        self._server = server
        self._decoder = AgiDecoder()
        self._pending: asyncio.Future[Reply] | None = None
        self._end: Exception | None = None
        self.hung_up = asyncio.Event()
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle

    # --- what a conversation may do ----------------------------------------------------------------------------------

    async def play(self, file: str, escape: str = "") -> Played:
        """Play a sound file (a path without its ending) until its end or until a digit out of `escape`."""
        reply = await self.command("STREAM", "FILE", file, escape, within=LONGEST_PROMPT)
        if reply.result == "-1":
            await self._gone_or_refused(file)
        return Played(_digit(reply.result), reply.endpos)

    async def wait_for_digit(self, seconds: float) -> str | None:
        """Wait for one key."""
        reply = await self.command("WAIT", "FOR", "DIGIT", str(int(seconds * 1000)), within=REPLY_DEADLINE + seconds)
        if reply.result == "-1":
            await self._gone_or_refused("WAIT FOR DIGIT")
        return _digit(reply.result)

    async def ask(self, file: str, seconds: float) -> str | None:
        """Play a sound file and wait for one key, pressed at any time from its beginning on; None after `seconds`."""
        limit = str(int(seconds * 1000))
        reply = await self.command("GET", "DATA", file, limit, "1", within=LONGEST_PROMPT + seconds)
        if reply.result == "-1":
            await self._gone_or_refused(file)
        if reply.result:
            return reply.result
        return None if reply.data == "timeout" else "#"  # `#` ends an empty input, and is not named in the reply

    async def keys(self, file: str, most: int, seconds: float) -> str:
        """Play a sound file, if one is given, and take up to so many keys; `#`, or `seconds` without one, ends them."""
        limit = str(int(seconds * 1000))
        within = LONGEST_PROMPT + seconds * most
        reply = await self.command("GET", "DATA", file, limit, str(most), within=within)
        if reply.result == "-1":
            await self._gone_or_refused(file or "keys")
        return reply.result

    async def wind(self, file: str, stops: str, winding: tuple[str, str, str], skip: float, within: float) -> str:
        """Play a sound file that keys wind `skip` seconds back, pause and wind on, in this order.

        Until its end, or one of the keys `stops`, which is returned. Who pauses may do so for `within` seconds in all.
        Less than `skip` before the end Asterisk does not wind on, but to `skip` before it (main/file.c).
        """
        back, pause, on = winding
        words = ("CONTROL", "STREAM", "FILE", file, stops, str(int(skip * 1000)), on, back, pause)
        reply = await self.command(*words, within=within)
        if reply.result == "-1":
            await self._gone_or_refused(file)
        return _digit(reply.result) or ""

    async def set(self, name: str, value: str) -> None:
        """Set a channel variable, or a function such as `TIMEOUT(absolute)`."""
        await self.command("SET", "VARIABLE", name, value)

    async def get(self, name: str) -> str | None:
        """The value of a channel variable or function; None if it is not set. Must not hold line breaks."""
        reply = await self.command("GET", "VARIABLE", name)
        return reply.data if reply.result == "1" else None

    async def execute(self, application: str, *arguments: str, within: float = REPLY_DEADLINE) -> str:
        """Run a dialplan application and return its result."""
        reply = await self.command("EXEC", application, ",".join(arguments), within=within)
        if reply.result == "-2":
            message = f"Asterisk knows no application {application}"
            raise AgiRefused(message)
        return reply.result

    async def command(self, *words: str, within: float = REPLY_DEADLINE) -> Reply:
        """Send one command and return its reply; `within` is how long Asterisk may take for it, in seconds."""
        line = agi_command(words)
        if self._end is not None:
            raise self._end
        self._pending = pending = asyncio.get_running_loop().create_future()
        self._transport.write(line)
        expiry = asyncio.get_running_loop().call_later(within, self._finish, AgiLost(f"no reply within {within:.0f} s"))
        try:
            reply: Reply = await pending
        except asyncio.CancelledError:
            self._finish(AgiLost("a command was given up"))  # its reply would be taken for that of the next
            raise
        finally:
            expiry.cancel()
            self._pending = None
        if reply.code != HTTPStatus.OK:  # AGI has its codes from there
            raise AgiRefused(reply.text)
        return reply

    # --- the socket --------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        self._deadline = asyncio.get_running_loop().call_later(ENVIRONMENT_DEADLINE, self._transport.abort)
        self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._decoder.feed(data)
        except WireFault as fault:
            self._finish(AgiLost(str(fault)))
            return
        for message in messages:
            match message:
                case Reply():
                    self._replied(message)
                case HangUp():
                    self.hung_up.set()
                    self._end = self._end or CallerGone()
                    if self._pending is not None and not self._pending.done():
                        self._pending.set_exception(self._end)
                case Environment():
                    self.environment = message
                    self._deadline.cancel()
                    self._server.introduced(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        self._finish(AgiLost(f"Asterisk closed the connection ({exc})" if exc else "Asterisk closed the connection"))
        self.hung_up.set()
        self._server.closed(self)

    def close(self) -> None:
        """Let go of the call: the dialplan goes on behind its AGI()."""
        self._transport.close()

    def abort(self) -> None:
        """Close without waiting for what is still unsent."""
        self._transport.abort()

    def _replied(self, reply: Reply) -> None:
        if self._pending is None or self._pending.done():
            self._finish(AgiLost("Asterisk answered a command that nobody sent"))
        else:
            self._pending.set_result(reply)

    def _finish(self, end: Exception) -> None:
        self._end = self._end or end
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(self._end)
        self._transport.abort()

    async def _gone_or_refused(self, what: str) -> None:
        """`result=-1` says both "hung up" and "could not"; in the first case `HANGUP` follows at once."""
        try:
            async with asyncio.timeout(HANGUP_GRACE):
                await self.hung_up.wait()
        except TimeoutError:
            message = f"Asterisk could not play or read {what}"
            raise AgiRefused(message) from None
        raise CallerGone


def _digit(result: str) -> str | None:
    """`result=49` is the key 1, `result=0` no key."""
    return chr(int(result)) if result.isdecimal() and result != "0" else None


class AgiServer:
    """Listens for Asterisk and runs one conversation for each call that it brings."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._half_open: dict[AgiSession, None] = {}  # a dict, because it keeps their order
        self._running: dict[asyncio.Task[None], AgiSession] = {}
        self._server: asyncio.Server

    async def listen(self, host: str, port: int) -> None:
        """Begin to take calls. Raises `OSError` if the address cannot be had."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: AgiSession(self), host, port, backlog=BACKLOG)

    @property
    def conversations(self) -> int:
        return len(self._running)

    async def stop(self, within: float) -> None:
        """Take no more calls, give those in a conversation `within` seconds to end it, then let go of them."""
        self._server.close()
        for session in [*self._half_open]:
            session.abort()
        if self._running:
            await asyncio.wait([*self._running], timeout=within)
        for task in [*self._running]:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    # --- told by the sessions ----------------------------------------------------------------------------------------

    def opened(self, session: AgiSession) -> None:
        self._half_open[session] = None
        if len(self._half_open) > MAX_HALF_OPEN:
            oldest = next(iter(self._half_open))
            del self._half_open[oldest]
            oldest.abort()

    def introduced(self, session: AgiSession) -> None:
        self._half_open.pop(session, None)
        name = f"call {session.environment.fields.get('uniqueid', '?')}"
        task = asyncio.get_running_loop().create_task(self._converse(session), name=name)
        self._running[task] = session
        task.add_done_callback(self._running.pop)

    def closed(self, session: AgiSession) -> None:
        self._half_open.pop(session, None)

    async def _converse(self, session: AgiSession) -> None:
        """The one boundary that catches everything: a fault in one conversation must not reach the others."""
        uniqueid = session.environment.fields.get("uniqueid")
        try:
            await self._conversation(session)
        except CallerGone:
            log.debug("the caller hung up during the conversation", uniqueid=uniqueid)
        except AgiLost as lost:
            log.warning("conversation lost: the dialplan goes on without us", uniqueid=uniqueid, reason=str(lost))
        except Exception:
            log.exception("conversation failed: the caller falls back to the second tier", uniqueid=uniqueid)
        finally:
            session.close()
