"""The manager link: log in, send actions, read events in their order, and know at once when the link is gone.

It is panoramisk's Manager with its decoder, its completion of actions and its reconnecting replaced: a list ends where
Asterisk says so, every action has a deadline and fails when the link drops, nothing is ever sent twice, and no value
can inject a header. A link lives as long as its `async with`; `links.keep_linked` makes a new one when it drops.
Source: main/manager.c; the Asterisk documentation on AMI.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from panoramisk import Manager
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from ccdaemon.asterisk.wire import AmiDecoder, Headers, WireFault, ami_action
from ccdaemon.faults import SwitchLost, SwitchRefused

CONNECT_DEADLINE = 5.0  # seconds for connection and login together
ACTION_DEADLINE = 5.0  # seconds
LIST_DEADLINE = 15.0  # seconds; a thousand channels take Asterisk about 50 ms
MAX_WAITING_EVENTS = 20_000  # about 500 calls' worth; who is that far behind knows no present state any more
MAX_LIST = 50_000  # messages
ENDING = "Asterisk is shutting down"  # how manager.c refuses any action then: whoever waits is let in once it is back

log = structlog.get_logger()


class AmiUnreachable(Exception):
    """Nobody answers at the manager port, or nobody who is an Asterisk: try again later."""


class AmiRefused(SwitchRefused):
    """Asterisk says no, to the login or to an action: tell a person. The text is Asterisk's own."""


class AmiDenied(AmiRefused):
    """Asterisk does not let us in: another user or secret is needed."""


class AmiDisconnected(SwitchLost):
    """The link dropped or no answer came in time: whether the action was carried out is not known, so look."""


@dataclass(frozen=True, slots=True)
class AmiAddress:
    """Where the manager port is and who we are there; `tls` where it is a TLS port."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None


class Ami:
    """A link that is logged in. Made by `connect`."""

    def __init__(self, manager: _Manager) -> None:
        self._manager = manager

    async def action(self, name: str, fields: Mapping[str, str] = {}, within: float = ACTION_DEADLINE) -> Headers:
        """Send one action and return Asterisk's answer. Raises `AmiRefused` or `AmiDisconnected`."""
        return (await self._manager.ask(name, fields, within))[0]

    async def listing(self, name: str, fields: Mapping[str, str] = {}, within: float = LIST_DEADLINE) -> list[Headers]:
        """Send an action that answers with a list and return its entries."""
        return [entry for entry in (await self._manager.ask(name, fields, within))[1:] if "EventList" not in entry]

    async def events(self) -> list[Headers]:
        """The events that came since the last call, at least one, in Asterisk's order."""
        while not self._manager.events:
            self._manager.raise_if_lost()
            self._manager.news.clear()
            await self._manager.news.wait()
        self._manager.events, events = [], self._manager.events
        return events


@asynccontextmanager
async def connect(address: AmiAddress) -> AsyncIterator[Ami]:
    """Connect and log in. Raises `AmiUnreachable`, or `AmiDenied` for a wrong user or secret."""
    manager = _Manager(address)
    connecting = manager.connect()
    try:
        try:
            async with asyncio.timeout(CONNECT_DEADLINE):
                await manager.logged_in
        except TimeoutError:
            message = f"no answer from {address.host}:{address.port} within {CONNECT_DEADLINE:.0f} s"
            raise AmiUnreachable(message) from None
        yield Ami(manager)
    finally:
        connecting.cancel()
        manager.close()


# --- panoramisk, hardened --------------------------------------------------------------------------------------------


class _Action(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action that is complete when Asterisk says so, not when its answer resembles one that is."""

    def add_message(self, message: Headers) -> bool:
        self.responses.append(message)
        if len(self.responses) == 1:
            listing = message.get("EventList", "").lower() == "start"
            complete = not listing
        else:
            complete = message.get("EventList", "") in {"Complete", "cancelled"}
        if complete and not self.future.done():
            self.future.set_result(self.responses)
        return complete


class _Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    factory: _Manager

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        factory = self.factory
        super().connection_made(transport)  # forgets it
        self.factory = factory
        self.decoder = AmiDecoder()

    def send(self, data: dict[str, str], as_list: object = None) -> asyncio.Future[list[Headers]]:  # noqa: ARG002 - its signature
        action = _Action(data)
        fields = [(key, value) for key, value in action.items() if key != "Action"]
        self.transport.write(ami_action(action["Action"], fields))
        self.responses[action.id] = action
        return action.future  # type: ignore[no-any-return]  # panoramisk has no types

    def data_received(self, data: bytes) -> None:
        try:
            messages = self.decoder.feed(data)
        except WireFault as fault:
            self.factory.connection_lost(fault)
            return
        for message in messages:
            action = self.responses.get(message.get("ActionID"))
            if action is None:
                self.factory.dispatch(message)
            elif action.add_message(message):
                del self.responses[action.id]
            elif len(action.responses) > MAX_LIST:
                self.factory.connection_lost(
                    WireFault(f"the list of {action['Action']} has more than {MAX_LIST} entries")
                )

    def connection_lost(self, exc: Exception | None) -> None:
        self.factory.connection_lost(exc)


class _Manager(Manager):  # type: ignore[misc]  # panoramisk has no types
    """One connection. It never reconnects and keeps nothing for later."""

    def __init__(self, address: AmiAddress) -> None:
        super().__init__(
            host=address.host,
            port=address.port,
            username=address.user,
            secret=address.secret,
            ssl=address.tls,
            loop=asyncio.get_running_loop(),
            protocol_factory=self._protocol,
        )
        self.address = address
        self.logged_in: asyncio.Future[None] = self.loop.create_future()
        self.events: list[Headers] = []
        self.news = asyncio.Event()
        self._lost: str | None = None

    def _protocol(self) -> _Protocol:
        protocol = _Protocol()
        protocol.factory = self
        return protocol

    async def ask(self, name: str, fields: Mapping[str, str], within: float) -> list[Headers]:
        self.raise_if_lost()
        future = self.protocol.send({"Action": name, **fields})
        try:
            async with asyncio.timeout(within):
                answers: list[Headers] = await future
        except TimeoutError:
            message = f"no answer to {name} within {within:.0f} s"
            raise AmiDisconnected(message) from None
        if answers[0].get("Response") == "Error":
            message = f"{name}: {answers[0].get('Message', 'no reason given')}"
            raise AmiRefused(message)
        return answers

    def raise_if_lost(self) -> None:
        if self._lost is not None:
            raise AmiDisconnected(self._lost)

    # --- told by panoramisk and by the protocol ----------------------------------------------------------------------

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        if f.cancelled():
            return
        if (fault := f.exception()) is not None:
            where = f"{self.address.host}:{self.address.port}"
            self._fail(AmiUnreachable(f"cannot connect to {where}: {fault}"))
            return
        if self._lost is not None:  # whoever is there said at once that it is no Asterisk, or nobody waits any more
            f.result()[0].abort()
            self._fail(AmiUnreachable(self._lost))
            return
        super().connection_made(f)
        self.pinger.cancel()  # the heartbeat, an action every 2 s, tells more and sooner

    def login(self, future: asyncio.Future[list[Headers]]) -> None:
        if (fault := future.exception()) is not None:
            self._fail(AmiUnreachable(str(fault)))
        elif (answer := future.result()[0]).get("Response") != "Success":
            reason = answer.get("Message", "no reason given")
            self._fail((AmiUnreachable if reason == ENDING else AmiDenied)(f"login: {reason}"))
        elif not self.logged_in.done():
            self.logged_in.set_result(None)

    def dispatch(self, event: Headers) -> None:
        if len(self.events) >= MAX_WAITING_EVENTS:
            self.connection_lost(WireFault(f"more than {MAX_WAITING_EVENTS} events are waiting"))
        if self._lost is None:  # behind a gap no event means what it says
            self.events.append(event)
            self.news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._lost is None:
            self._lost = str(exc or "Asterisk closed the connection")
            self.events.clear()
            self.news.set()
            if self.protocol is None:  # `connection_made` is still to come, and lets go of it
                return
            for action in self.protocol.responses.values():
                if not action.future.done():
                    action.future.set_exception(AmiDisconnected(self._lost))
            self.protocol.responses.clear()
            self.protocol.transport.abort()

    def close(self) -> None:
        self.connection_lost(None)

    def _fail(self, fault: Exception) -> None:
        if not self.logged_in.done():
            self.logged_in.set_exception(fault)
