"""What is kept from who asks: parts of texts are masked, parts of recordings silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ccdaemon.cases import Redaction

MASK = "\N{FULL BLOCK}"


def masked(messages: Sequence[Mapping[str, Any]], redactions: Iterable[Redaction]) -> list[dict[str, Any]]:
    """The messages of an item, a mask in the place of each sign that is redacted."""
    texts = [str(each["text"]) for each in messages]
    for part in redactions:
        if part.message < len(texts):
            text = texts[part.message]
            first, last = (min(int(place), len(text)) for place in (part.begins, part.ends))
            texts[part.message] = text[:first] + MASK * (last - first) + text[last:]
    return [{**each, "text": text} for each, text in zip(messages, texts, strict=True)]
