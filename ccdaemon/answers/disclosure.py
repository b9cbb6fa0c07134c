"""What is given to others: somebody asks for it, somebody else decides, and what is given is listed with its hashes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ccdaemon.answers.access import opened
from ccdaemon.answers.keeping import changing
from ccdaemon.archive import Archive
from ccdaemon.cases import Disclosure, Request
from ccdaemon.control import Answerer, Content, Refused, asker
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
        steps: dict[str, Answerer] = {
            "request": self.request,
            "decide": self.decide,
            "manifest": self.manifest,
            "receipt": self.receipt,
        }
        return {
            **changing({f"disclosure {name}": answerer for name, answerer in steps.items()}),
            "disclosures": self.disclosures,
            "disclosure audio": self.audio,
        }

    async def request(self, values: dict[str, Any]) -> dict[str, Any]:
        chosen = tuple(dict.fromkeys((str(leg), int(segment)) for leg, segment in values["recordings"]))
        request = Request(**{**values, "recordings": chosen})
        known = {each for each in chosen if await self.register.kept(*each) is not None}
        if wrong := [*faults(request, known)]:
            message = f"refused: {'; '.join(wrong)}"
            raise Refused(message)
        number = await self.register.add_disclosure(request, asker.get(), time.time())
        return asdict(await self._disclosure(number))

    async def disclosures(self, _: dict[str, Any]) -> list[dict[str, Any]]:
        return [asdict(each) for each in await self.register.disclosures()]

    async def decide(self, values: dict[str, Any]) -> dict[str, Any]:
        disclosure = await self._disclosure(values["disclosure"])
        if (why := undecided(disclosure, asker.get())) is not None:
            raise Refused(why)
        decide = self.register.approve if values["approve"] else self.register.refuse
        if not await decide(disclosure.id, asker.get(), time.time()):
            message = f"disclosure {disclosure.id} was decided in this moment"
            raise Refused(message)
        return asdict(await self._disclosure(disclosure.id))

    async def audio(self, values: dict[str, Any]) -> Content:
        """One of the recordings of a disclosure that is approved."""
        disclosure = await self._approved(values["disclosure"])
        leg, segment = values["leg"], values["segment"]
        if (leg, segment) not in disclosure.request.recordings:
            message = f"{leg}-{segment} is not among the recordings of disclosure {disclosure.id}"
            raise Refused(message)
        why = {"purpose": PURPOSE, "disclosure": disclosure.id, "reference": disclosure.request.reference}
        return await opened(self.register, self.archive, leg, segment, why)

    async def manifest(self, values: dict[str, Any]) -> dict[str, Any]:
        """The list of all files of a package, by name with their hashes, signed; its own hash is kept."""
        disclosure = await self._approved(values["disclosure"])
        request = disclosure.request
        files: Mapping[str, str] = values["files"]
        named = {f"{leg}-{segment}" for leg, segment in request.recordings}
        if {name.rpartition(".")[0] for name in files} != {*named, "receipt"}:
            message = f"these are not the recordings of disclosure {disclosure.id}, and a receipt"
            raise Refused(message)
        said = {
            "disclosure": disclosure.id,
            "to": request.to,
            "organisation": request.organisation,
            "ground": request.ground,
            "reference": request.reference,
            "requested": {"at": disclosure.requested, "by": disclosure.requester},
            "approved": {"at": disclosure.approved, "by": disclosure.approver},
            "packaged": {"at": time.time(), "by": asker.get()},
            "files": dict(files),
        }
        try:
            signed = await asyncio.to_thread(self.signer.signed, said)
        except KeyUnusable as fault:
            message = f"no package is made without a signature: {fault}"
            raise Refused(message) from None
        written = json.dumps(signed, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        digest = hashlib.sha256(written.encode()).hexdigest()
        if not await self.register.package(disclosure.id, digest, asker.get(), time.time()):
            message = f"the receipt of disclosure {disclosure.id} is here: what was given is not changed any more"
            raise Refused(message)
        return {"manifest": written, "sha256": digest}

    async def receipt(self, values: dict[str, Any]) -> dict[str, Any]:
        disclosure = await self._disclosure(values["disclosure"])
        if not await self.register.receive(disclosure.id, asker.get(), time.time()):
            message = f"disclosure {disclosure.id} has no package yet, or its receipt is here"
            raise Refused(message)
        return asdict(await self._disclosure(disclosure.id))

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
