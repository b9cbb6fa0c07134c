"""What Asterisk asks: a caller's conversation or a handset's, told apart and put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from ccdaemon.asterisk.agi import AgiSession
from ccdaemon.current import INSTALL
from ccdaemon.flows.handset import ABOUT, Doing, Handsets
from ccdaemon.flows.inbound import Conversation, Gatekeeper, Question
from ccdaemon.flows.journal import Journal
from ccdaemon.model import Site
from ccdaemon.rules.handset.talk import Do
from ccdaemon.sounds import Sounds

log = structlog.get_logger()


def answering(
    site: Callable[[], Site], secret: str, sounds: Sounds, journal: Journal, doing: Mapping[type[Do], Doing]
) -> Callable[[AgiSession], Awaitable[None]]:
    """Answers one question of our dialplan. `doing` is what handsets can have done."""
    gatekeeper = Gatekeeper(secret)
    conversation = Conversation(site, gatekeeper, sounds, journal, _now)
    handsets = Handsets(site, gatekeeper, sounds, doing, lambda: _now().timestamp())

    async def converse(session: AgiSession) -> None:
        fields = session.environment.fields
        question = Question.of(session.environment.arguments, fields.get("callerid", ""))
        if question is None:
            log.warning("somebody connected who is not our dialplan, or not that of this version", next=INSTALL)
        elif question.about == ABOUT:
            await handsets.answer(question, fields.get("channel", ""), fields.get("uniqueid", ""), session)
        else:
            await conversation.answer(question, session)

    return converse


def _now() -> datetime:
    return datetime.now(UTC)
