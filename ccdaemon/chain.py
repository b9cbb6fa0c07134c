"""The audit chain: rows of which each holds the hash of the one before, so that no change and no gap stays unseen.

Who can write the whole of it can make it anew from any row on. So its head goes elsewhere (MQTT, a file, a person), and
the rows are held against that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

BEGINNING = "0" * 64  # what stands in the place of a hash before the first row


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain."""

    seq: int = 0
    hash: str = BEGINNING

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def read(cls, written: str) -> Head | None:
        """From `SEQ:HASH`, as it is written."""
        found = re.fullmatch(r"(\d{1,15}):([0-9a-f]{64})", written.strip())
        return cls(int(found[1]), found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Link:
    """What is to become a row. `at` is in seconds since the epoch."""

    at: float
    kind: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened: when (milliseconds since the epoch), of what kind, and its detail as JSON."""

    seq: int
    at: int
    kind: str
    detail: str
    hash: str


def linked(head: Head, link: Link) -> Row:
    """The row that follows a head."""
    detail = json.dumps(link.detail, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    seq, at = head.seq + 1, round(link.at * 1000)
    return Row(seq, at, link.kind, detail, _hash(head.hash, seq, at, link.kind, detail))


def _hash(previous: str, seq: int, at: int, kind: str, detail: str) -> str:
    written = json.dumps([previous, seq, at, kind, detail], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode(errors="surrogatepass")).hexdigest()


class Verification:
    """Takes the rows of a chain in the order of their numbers, and finds what is wrong with them.

    `against` is a head that was held elsewhere.
    """

    def __init__(self, against: Head | None = None) -> None:
        self.faults: list[str] = []
        self.head = Head()
        self._against = against

    def take(self, row: Row) -> None:
        first, last = self.head.seq + 1, row.seq - 1
        if first <= last:
            self.faults.append(f"row {first} is missing" if first == last else f"rows {first} to {last} are missing")
        elif row.hash != _hash(self.head.hash, row.seq, row.at, row.kind, row.detail):
            self.faults.append(f"row {row.seq} is not what was written there")
        self.head = Head(row.seq, row.hash)
        if self._against is not None and row.seq == self._against.seq and row.hash != self._against.hash:
            self.faults.append(f"row {row.seq} is another than that of the head {self._against}")

    def end(self) -> list[str]:
        """All that is wrong, once every row is taken."""
        if self._against is not None and self.head.seq < self._against.seq:
            self.faults.append(f"the chain is cut off behind row {self.head.seq}: its head was {self._against}")
        return self.faults
