"""What goes on with all that is kept, put together.

Recordings are finished, other programs' lines taken in, what is due expires, and the head of the audit chain is given
away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

from ccdaemon import foreign
from ccdaemon.answers.access import accesses
from ccdaemon.answers.disclosure import Disclosures
from ccdaemon.answers.keeping import keeping
from ccdaemon.answers.messages import tasks
from ccdaemon.answers.register import questions
from ccdaemon.answers.scores import results
from ccdaemon.answers.subject import Subjects
from ccdaemon.archive import Archive
from ccdaemon.asked import Answerer
from ccdaemon.config import Configuration
from ccdaemon.dialplan import RECORDINGS
from ccdaemon.disk import append
from ccdaemon.drop import Drop
from ccdaemon.erasures import Erasures
from ccdaemon.faults import RegisterFull
from ccdaemon.flows.configured import note_configuration
from ccdaemon.flows.delivering import Delivering, Switch
from ccdaemon.flows.erasing import erase_again
from ccdaemon.flows.expiry import Expiry
from ccdaemon.flows.handset import Doing
from ccdaemon.flows.heads import keep_heads
from ccdaemon.flows.importing import Importing
from ccdaemon.flows.inbound import Journal
from ccdaemon.flows.journal import Alarms
from ccdaemon.flows.keyed import look_for_keys
from ccdaemon.flows.recordings import Finishing
from ccdaemon.flows.reminders import remind
from ccdaemon.flows.scoring import Scorers
from ccdaemon.keys import Keys
from ccdaemon.lent import Lent
from ccdaemon.model import Site
from ccdaemon.places import DROP, LENT, signer
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.handset.talk import Do
from ccdaemon.store import Register


class Upkeep:
    """Of one register and one archive. `live_legs` are those that Asterisk has, if that is known."""

    def __init__(
        self,
        register: Register,
        archive: Archive,
        keys: Keys,
        alarms: Alarms,
        configuration: Callable[[], Configuration],
        live_legs: Callable[[], Container[str] | None],
    ) -> None:
        self._register = register
        self._archive = archive
        self._keys = keys
        self._alarms = alarms
        self._configuration = configuration
        main = configuration().main
        self._drop = main.paths.spool / DROP
        self._signer = signer(configuration())
        self._erasures = Erasures(main.keys.folder)
        self._lent = Lent(main.paths.run / LENT)
        self._finishing = Finishing(archive, register, alarms, live_legs, self._site, time.time)
        self._expiry = Expiry(
            register, archive, keys, foreign, self._signer, str(self._drop), self._site, alarms, time.time
        )

    async def begin(self) -> None:
        """What comes before anything expires."""
        await look_for_keys(self._register, self._keys, self._alarms)
        now, keeps = datetime.now(self._site().timezone), [*self._site().retention.values()]
        try:
            await erase_again(self._register, self._archive, self._erasures, keeps, now)
        except (OSError, RegisterFull) as fault:
            self._alarms.raise_(
                "expiry", f"what was erased on request may be here again: {fault}. It is tried at the start"
            )
        await self._finishing.compare()

    def doing(self) -> Mapping[type[Do], Doing]:
        """What handsets can have done with what is kept."""
        spool = self._configuration().main.paths.spool / RECORDINGS
        kept = (self._register, self._archive, self._lent, spool)
        return Scorers(*kept, self._site, SystemRandom(), time.time).doing()

    def answers(self) -> dict[str, Answerer]:
        """All that may be asked about what is kept."""
        return {
            **questions(self._register, self._signer),
            **accesses(self._register, self._archive, self._site),
            **self._subjects().answers(),
            **Disclosures(self._register, self._archive, self._signer).answers(),
            **keeping(self._register, self._expiry, self._site),
            **tasks(self._register),
            **results(self._register),
        }

    def _subjects(self) -> Subjects:
        kept = (self._register, self._archive, self._erasures, self._lent)
        return Subjects(*kept, self._expiry.running, self._site)

    def tasks(self, reloaded: asyncio.Event) -> dict[str, Any]:
        """What runs as long as the daemon does, by its name."""
        register, alarms = self._register, self._alarms
        return {
            "recordings": self._finishing.run(),
            "expiry": self._expiry.nightly(),
            "reminders": remind(register, self._site, alarms, time.time),
            "import": Importing(register, Drop(self._drop), self._site, alarms).run(),
            "heads": keep_heads(register, lambda: self._configuration().main.audit.heads, append, alarms, _now),
            "configuration": note_configuration(
                register, lambda: self._configuration().fingerprint, reloaded, time.time
            ),
        }

    def delivering(
        self,
        ami: Switch,
        calls: Calls,
        site: Callable[[], Site],
        journal: Journal,
        wrap_ups: Callable[[], Mapping[str, float]],
    ) -> Delivering:
        """Messages are brought to agents, as long as this link lasts. `site` knows of lines opened by command."""
        kept = (self._register, self._archive, self._lent)
        return Delivering(ami, calls, *kept, site, journal, wrap_ups, time.time)

    @property
    def dropped(self) -> int:
        """Messages in which nothing was said, since our start."""
        return self._finishing.dropped

    async def settle(self, within: float) -> None:
        """Before the end: no recording of a call that is over stays plain."""
        await self._finishing.settle(within)

    def _site(self) -> Site:
        return self._configuration().site


def _now() -> datetime:
    return datetime.now(UTC)
