"""Disclosures in the register: what was asked for, who decided, what was given, and that it arrived."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ccdaemon.cases import Disclosure, Package, Request
from ccdaemon.chain import Link
from ccdaemon.store.rows import Rows


class Disclosures(Rows):
    """What is asked about disclosures. Each step stands in the audit chain with who took it."""

    async def add_disclosure(self, request: Request, who: str, now: float) -> int:
        names = [f"{leg}-{segment}" for leg, segment in request.recordings]
        values = {
            "recipient": request.to,
            "organisation": request.organisation,
            "ground": request.ground,
            "reference": request.reference,
        }
        row = {**values, "recordings": json.dumps(request.recordings), "requested": now, "requester": who}

        def add(connection: sqlite3.Connection) -> int:
            number = connection.execute(_ADD, row).lastrowid
            assert number is not None
            return number

        said = {**values, "recordings": names, "did": "request", "who": who}
        return await self._within(add, lambda number: [Link(now, "disclosure", {"disclosure": number, **said})])

    async def disclosures(self) -> list[Disclosure]:
        """All of them, the oldest first."""
        packages: dict[int, list[Package]] = {}
        for disclosure, *package in await self._rows(_PACKAGES):
            packages.setdefault(disclosure, []).append(Package(*package))
        return [_disclosure(row, packages.get(row[0], ())) for row in await self._rows(_DISCLOSURES)]

    async def disclosure(self, number: int) -> Disclosure | None:
        return next((each for each in await self.disclosures() if each.id == number), None)

    async def approve(self, disclosure: int, who: str, now: float) -> bool:
        """False where it is decided already, or they asked for it themselves."""
        return await self._step(_APPROVE, disclosure, "approve", who, now)

    async def refuse(self, disclosure: int, who: str, now: float) -> bool:
        """The same."""
        return await self._step(_REFUSE, disclosure, "refuse", who, now)

    async def package(self, disclosure: int, manifest: str, who: str, now: float) -> bool:
        """That it was written into a package. False where nobody has approved it, or its receipt is here."""
        return await self._step(_PACKAGE, disclosure, "package", who, now, manifest=manifest)

    async def receive(self, disclosure: int, who: str, now: float) -> bool:
        """That the recipient has acknowledged it. False where there is no package yet."""
        return await self._step(_RECEIVE, disclosure, "receipt", who, now)

    async def _step(self, sql: str, disclosure: int, did: str, who: str, now: float, **more: str) -> bool:
        def step(connection: sqlite3.Connection) -> bool:
            return connection.execute(sql, {"id": disclosure, "at": now, "who": who, **more}).rowcount == 1

        link = Link(now, "disclosure", {"disclosure": disclosure, "did": did, "who": who, **more})
        return await self._within(step, lambda done: [link] if done else [])


def _disclosure(row: Sequence[Any], packages: Sequence[Package]) -> Disclosure:
    number, to, organisation, ground, reference, recordings, received, *steps = row
    chosen = tuple((leg, segment) for leg, segment in json.loads(recordings))
    disclosure = Disclosure(number, Request(to, organisation, ground, reference, chosen), *steps)
    return replace(disclosure, packages=tuple(packages), received=received)


_ADD = """
    INSERT INTO disclosures (recipient, organisation, ground, reference, recordings, requested, requester)
    VALUES (:recipient, :organisation, :ground, :reference, :recordings, :requested, :requester)
"""
_DISCLOSURES = """
    SELECT id, recipient, organisation, ground, reference, recordings, received, requested, requester, approved,
           approver, refused, refuser
    FROM disclosures ORDER BY id
"""
_APPROVE = """
    UPDATE disclosures SET approved = :at, approver = :who
    WHERE id = :id AND approved IS NULL AND refused IS NULL AND requester != :who
"""
_REFUSE = """
    UPDATE disclosures SET refused = :at, refuser = :who
    WHERE id = :id AND approved IS NULL AND refused IS NULL AND requester != :who
"""
_PACKAGE = """
    INSERT INTO packages (disclosure, at, packager, manifest)
    SELECT id, :at, :who, :manifest FROM disclosures WHERE id = :id AND approved IS NOT NULL AND received IS NULL
"""
_PACKAGES = "SELECT disclosure, at, packager, manifest FROM packages ORDER BY rowid"
_RECEIVE = """
    UPDATE disclosures SET received = :at
    WHERE id = :id AND received IS NULL AND id IN (SELECT disclosure FROM packages)
"""
