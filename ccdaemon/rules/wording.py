"""What prompts say, for those who look for faults: the keys that a text tells of, and texts that are missing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ccdaemon.model import Catalogue, Fault, Language, Service

# "press 1", "pwyswch 1": how a prompt tells of a key in each language that we can read.
_TOLD = {
    "cy": re.compile(r"\bpwyswch (?:y )?(\d|seren|stwnsh)\b", re.IGNORECASE),
    "en": re.compile(r"\bpress (?:the )?(\d|star|hash)\b", re.IGNORECASE),
}
_SIGNS = {"seren": "*", "star": "*", "stwnsh": "#", "hash": "#"}

ON_THEIR_WORDS = (  # something rests on what these say: of payments, and to agents of recordings
    "payment-wait",
    "payment-refused",
    "payment-refused-person",
    "payment-refused-agent",
    "payment-sealed",
    "payment-not-sealed",
    "recording-not-resumed",
    "recording-stopped",
    "call-not-recorded",
    "objects-unconfirmed",
    "call-kept",
    "keep-unconfirmed",
    "no-call-here",
)


def told(text: str, language: Language) -> set[str] | None:
    """The keys that a prompt's text tells of; None in a language whose word for pressing we do not know."""
    pattern = _TOLD.get(language)
    if pattern is None:
        return None
    return {_SIGNS.get(word.lower(), word) for word in pattern.findall(text)}


def prompt_faults(
    file: str, key: str, prompt: str, languages: Collection[Language], catalogue: Catalogue
) -> Iterator[Fault]:
    """A prompt that is named at this key, and is missing in a language."""
    texts = catalogue.get(prompt)
    if texts is None:
        lines = ", ".join(f'{language} = "..."' for language in languages)
        remedy = f"correct the name, or write [{prompt}] with {lines} into a .toml in prompts/ beside ccdaemon.toml"
        text = f"there is no prompt {prompt!r} in the catalogue: {remedy}, then `ccdaemon prompts build`"
        yield Fault(file, key, text)
        return
    for language in languages:
        if not texts.get(language, "").strip():
            others = ", ".join(sorted(texts)) or "no language"
            yield Fault(
                file, key, f"prompt {prompt!r} has no text in {language!r}, only in {others}: callers must hear both"
            )


def file_of(service: Service) -> str:
    """As faults name it."""
    return f"services/{service.id}.toml"
