"""What other programs brought, in the register."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from ccdaemon.kept import Imported, Item
from ccdaemon.store.rows import Rows


class Items(Rows):
    """What is asked about messages, chats, posts and transcripts."""

    async def add_items(self, items: Sequence[Item]) -> int:
        """Enter them, all or none, and say how many were new. Raises `RegisterFull`, `OSError`."""

        def add(connection: sqlite3.Connection) -> int:
            return sum(connection.execute(_ADD, self._hidden(item)).rowcount for item in items)

        return await self._within(add)

    async def item(self, kind: str, source: str) -> Item | None:
        """One of them, by its name in the program that brought it."""
        found = await self._read(_ITEM, {"kind": kind, "source": source})
        return found[0] if found else None

    async def transcripts_of(self, calls: Collection[str]) -> list[Item]:
        """Of some calls, as far as their keys are there."""
        return await self._read(_TRANSCRIPTS, {"calls": json.dumps([*calls])})

    async def items_of(self, parties: Collection[str], calls: Collection[str]) -> list[Item]:
        """What was said with some parties: theirs, and transcripts of some calls and of their chats."""
        indexes = await asyncio.to_thread(self._indexes, parties)
        return await self._read(_ITEMS_OF, {"indexes": json.dumps(indexes), "calls": json.dumps([*calls])})

    async def erase_items(self, items: Collection[tuple[str, str]]) -> int:
        """Of those with some classes and names all that no hold keeps go, whether they are due or not; how many."""

        def erase(connection: sqlite3.Connection) -> int:
            return connection.execute(_ERASE, {"items": json.dumps([*items])}).rowcount

        return await self._within(erase)

    async def due_items(self, kind: Imported, before: float) -> dict[str, int]:
        """How many of each service would go."""
        values = {"kind": kind, "before": before, "limit": -1}
        return dict(Counter(service for _, service, _ in await self._rows(_DUE, values)))

    async def expire_items(self, kind: Imported, before: float, limit: int) -> dict[str, int]:
        """The next few go, with what was made of them. By service."""

        def expire(connection: sqlite3.Connection) -> dict[str, int]:
            rows = connection.execute(_DUE, {"kind": kind, "before": before, "limit": limit}).fetchall()
            if kind == "webchat":
                connection.execute(_DROP_OF_CHATS, {"chats": json.dumps([source for _, _, source in rows])})
            connection.execute(_DROP, {"rows": json.dumps([row for row, *_ in rows])})
            return Counter(service for _, service, _ in rows)

        return await self._within(expire)

    def _indexes(self, parties: Collection[str]) -> list[str]:
        return [index for party in parties for index in self._parties.indexes(party)]

    async def _read(self, which: str, values: dict[str, Any]) -> list[Item]:
        rows = await self._rows(which, values)
        return await asyncio.to_thread(lambda: [item for row in rows if (item := self._opened(*row)) is not None])

    def _opened(self, kind: Imported, source: str, at: float, *rest: Any) -> Item | None:  # noqa: ANN401 - sqlite3 rows have no type
        service, call, chat, party, body, period = rest
        if (said := self._parties.show(body, period)) is None:
            return None
        who = self._parties.show(party, period) if party else None
        return Item(kind, source, at, service, who, call, chat, said)

    def _hidden(self, item: Item) -> dict[str, object]:
        body = self._parties.hide(item.body, item.at, item.kind)
        party = self._parties.hide(item.party, item.at, item.kind) if item.party else None
        return {
            "class": item.kind,
            "source": item.source,
            "at": item.at,
            "service": item.service,
            "call": item.call,
            "chat": item.chat,
            "body": body.text,
            "period": body.period,
            "party": party and party.text,
            "party_index": party and party.index,
        }


_ADD = """
    INSERT INTO items (class, source, at, service, call, chat, party, party_index, body, period)
    VALUES (:class, :source, :at, :service, :call, :chat, :party, :party_index, :body, :period)
    ON CONFLICT (class, source) DO NOTHING
"""
_ITEM = """
    SELECT class, source, at, service, call, chat, party, body, period FROM told_items
    WHERE class = :kind AND source = :source
"""
_TRANSCRIPTS = """
    SELECT class, source, at, service, call, chat, party, body, period FROM told_items
    WHERE named_call IN (SELECT id FROM calls WHERE coalesce(merged, id) IN (SELECT value FROM json_each(:calls)))
    ORDER BY at, id
"""
_ITEMS_OF = """
    SELECT class, source, at, service, call, chat, party, body, period FROM told_items
    WHERE party_index IN (SELECT value FROM json_each(:indexes))
    OR named_call IN (SELECT id FROM calls WHERE coalesce(merged, id) IN (SELECT value FROM json_each(:calls)))
    OR chat IN (
        SELECT source FROM items AS chats
        WHERE chats.class = 'webchat' AND chats.party_index IN (SELECT value FROM json_each(:indexes))
    )
    ORDER BY at, id
"""
_ERASE = """
    DELETE FROM items WHERE id NOT IN (SELECT item FROM held_items)
    AND (class, source) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:items))
"""
_DUE = """
    SELECT id, coalesce(service, ''), source FROM items
    WHERE class = :kind AND at < :before AND id NOT IN (SELECT item FROM held_items) LIMIT :limit
"""
_DROP = "DELETE FROM items WHERE id IN (SELECT value FROM json_each(:rows))"
_DROP_OF_CHATS = """
    DELETE FROM items WHERE chat IN (SELECT value FROM json_each(:chats)) AND id NOT IN (SELECT item FROM held_items)
"""
