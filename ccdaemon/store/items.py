"""What other programs brought, in the register."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence

from ccdaemon.kept import Imported, Item
from ccdaemon.store.rows import Rows


class Items(Rows):
    """What is asked about messages, chats, posts and transcripts."""

    async def add_items(self, items: Sequence[Item]) -> int:
        """Enter them, all or none, and say how many were new. Raises `RegisterFull`, `OSError`."""

        def add(connection: sqlite3.Connection) -> int:
            return sum(connection.execute(_ADD, self._hidden(item)).rowcount for item in items)

        return await self._within(add)

    async def item(self, kind: Imported, source: str) -> str | None:
        """What was said, as JSON; nothing, once its key is gone."""
        rows = await self._rows(
            "SELECT body, period FROM items WHERE class = :kind AND source = :source", {"kind": kind, "source": source}
        )
        return self._parties.show(*rows[0]) if rows else None

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
_DUE = """
    SELECT id, coalesce(service, ''), source FROM items
    WHERE class = :kind AND at < :before AND id NOT IN (SELECT item FROM held_items) LIMIT :limit
"""
_DROP = "DELETE FROM items WHERE id IN (SELECT value FROM json_each(:rows))"
_DROP_OF_CHATS = """
    DELETE FROM items WHERE chat IN (SELECT value FROM json_each(:chats)) AND id NOT IN (SELECT item FROM held_items)
"""
