"""The audit chain: rows of which each holds the hash of the one before, so that no change and no gap stays unseen.

Who can write the whole of it can make it anew from any row on. So its head goes elsewhere (MQTT, a file, a person), and
the rows are held against that.

Rows go when their own time is over. What stays begins behind a checkpoint: a row that names the last one that went, and
that the site has signed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BEGINNING = "0" * 64  # what stands in the place of a hash before the first row
CHECKPOINT = "checkpoint"


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

    `against` are heads that were held elsewhere; `behind` is the last row that went, as a checkpoint has it.
    """

    def __init__(self, against: Iterable[Head] = (), behind: Head | None = None) -> None:
        self.faults: list[str] = []
        self.head = self.behind = behind or Head()
        self._against = sorted(against, key=lambda head: head.seq)
        self._hashes: dict[int, set[str]] = {}
        for head in self._against:
            self._hashes.setdefault(head.seq, set()).add(head.hash)
        self._compare()

    def take(self, row: Row) -> None:
        first, last = self.head.seq + 1, row.seq - 1
        if first <= last:
            self.faults.append(f"row {first} is missing" if first == last else f"rows {first} to {last} are missing")
        elif row.hash != _hash(self.head.hash, row.seq, row.at, row.kind, row.detail):
            self.faults.append(f"row {row.seq} is not what was written there")
        self.head = Head(row.seq, row.hash)
        self._compare()

    def end(self) -> list[str]:
        """All that is wrong, once every row is taken."""
        last = self._against[-1] if self._against else self.head
        if last.seq > self.head.seq:
            self.faults.append(f"the chain is cut off behind row {self.head.seq}: its head was {last}")
        elif last.seq < self.behind.seq:
            went = f"rows up to {self.behind.seq} went when their time was over"
            self.faults.append(f"{went}: hold the chain against a head that is younger than {last}")
        return self.faults

    def _compare(self) -> None:
        for other in self._hashes.get(self.head.seq, set()) - {self.head.hash}:
            self.faults.append(f"row {self.head.seq} is another than that of the head {self.head.seq}:{other}")
