"""What is given to others: somebody asks for it, somebody else decides, and what is given is listed with its hashes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from ccdaemon.answers.access import opened
from ccdaemon.answers.keeping import changing
from ccdaemon.archive import Archive
from ccdaemon.asked import Answerer, Many, Number
from ccdaemon.cases import Disclosure, Ground, Recipient, Request
from ccdaemon.control import Content, Refused, asker
from ccdaemon.faults import KeyUnusable
from ccdaemon.rules.disclosure import faults, undecided
from ccdaemon.signing import Signer
from ccdaemon.store import Register

PURPOSE = "disclosure"


@dataclass(frozen=True)
class Disclosures:
    register: Register
    archive: Archive
    signer: Signer

    def answers(self) -> dict[str, Answerer]:
        return {
            "disclosure request": self.request,
            "disclosure decide": self.decide,
            "disclosure manifest": self.manifest,
            "disclosure receipt": self.receipt,
            "disclosures": self.disclosures,
            "disclosure audio": self.audio,
        }

    @changing
    async def request(
        self, *, to: Recipient, organisation: str, ground: Ground, reference: str, recordings: Many[tuple[str, Number]]
    ) -> dict[str, Any]:
        chosen = tuple(dict.fromkeys(recordings))
        request = Request(to, organisation, ground, reference, chosen)
        known = {each for each in chosen if await self.register.kept(*each) is not None}
        if wrong := [*faults(request, known)]:
            message = f"refused: {'; '.join(wrong)}"
            raise Refused(message)
        number = await self.register.add_disclosure(request, asker.get(), time.time())
        return asdict(await self._disclosure(number))

    async def disclosures(self) -> list[dict[str, Any]]:
        return [asdict(each) for each in await self.register.disclosures()]

    @changing
    async def decide(self, *, disclosure: Number, approve: bool) -> dict[str, Any]:
        if (why := undecided(await self._disclosure(disclosure), asker.get())) is not None:
            raise Refused(why)
        decide = self.register.approve if approve else self.register.refuse
        if not await decide(disclosure, asker.get(), time.time()):
            message = f"disclosure {disclosure} was decided in this moment"
            raise Refused(message)
        return asdict(await self._disclosure(disclosure))

    async def audio(self, *, disclosure: Number, leg: str, segment: Number) -> Content:
        """One of the recordings of a disclosure that is approved."""
        request = (await self._approved(disclosure)).request
        if (leg, segment) not in request.recordings:
            message = f"{leg}-{segment} is not among the recordings of disclosure {disclosure}"
            raise Refused(message)
        why = {"purpose": PURPOSE, "disclosure": disclosure, "reference": request.reference}
        return await opened(self.register, self.archive, leg, segment, why)

    @changing
    async def manifest(self, *, disclosure: Number, files: dict[str, str]) -> dict[str, Any]:
        """The list of all files of a package, by name with their hashes, signed; its own hash is kept."""
        approved = await self._approved(disclosure)
        request = approved.request
        named = {f"{leg}-{segment}" for leg, segment in request.recordings}
        if {name.rpartition(".")[0] for name in files} != {*named, "receipt"}:
            message = f"these are not the recordings of disclosure {disclosure}, and a receipt"
            raise Refused(message)
        said = {
            "disclosure": disclosure,
            "to": request.to,
            "organisation": request.organisation,
            "ground": request.ground,
            "reference": request.reference,
            "requested": {"at": approved.requested, "by": approved.requester},
            "approved": {"at": approved.approved, "by": approved.approver},
            "packaged": {"at": time.time(), "by": asker.get()},
            "files": files,
        }
        try:
            signed = await asyncio.to_thread(self.signer.signed, said)
        except KeyUnusable as fault:
            message = f"no package is made without a signature: {fault}"
            raise Refused(message) from None
        written = json.dumps(signed, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        digest = hashlib.sha256(written.encode()).hexdigest()
        if not await self.register.package(disclosure, digest, asker.get(), time.time()):
            message = f"the receipt of disclosure {disclosure} is here: what was given is not changed any more"
            raise Refused(message)
        return {"manifest": written, "sha256": digest}

    @changing
    async def receipt(self, *, disclosure: Number) -> dict[str, Any]:
        await self._disclosure(disclosure)
        if not await self.register.receive(disclosure, asker.get(), time.time()):
            message = f"disclosure {disclosure} has no package yet, or its receipt is here"
            raise Refused(message)
        return asdict(await self._disclosure(disclosure))

    async def _approved(self, number: int) -> Disclosure:
        disclosure = await self._disclosure(number)
        if disclosure.approved is None:
            message = f"nobody has approved disclosure {number}"
            raise Refused(message)
        return disclosure

    async def _disclosure(self, number: int) -> Disclosure:
        disclosure = await self.register.disclosure(number)
        if disclosure is None:
            message = f"there is no disclosure {number}"
            raise Refused(message)
        return disclosure
