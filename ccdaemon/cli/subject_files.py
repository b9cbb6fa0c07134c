"""The files of a package for somebody who asks what is kept of them: a page, tables, and all of it for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from ccdaemon.model import Site
from ccdaemon.pages import page, table

Row: TypeAlias = Mapping[str, Any]

CLASSES = {
    "sms": ("neges destun", "SMS"),
    "webchat": ("sgwrs ar y we", "webchat"),
    "social": ("cyfryngau cymdeithasol", "social media"),
    "transcript": ("trawsgrifiad", "transcript"),
}
RECORDED = {
    "recording": ("recordiad", "recording"),
    "message": ("neges", "message"),
    "comment": ("sylw goruchwyliwr", "a supervisor's comment"),
}
# What of a call concerns the person; how channels and bridges came and went is in data.json.
TOLD = {
    "menu": ("dewislen {menu}: {did}", "menu {menu}: {did}"),
    "announcement": ("y neges bod galwadau'n cael eu recordio", "the message that calls are recorded"),
    "joined queue": ("yn aros yn y ciw {queue}", "waiting in the queue {queue}"),
    "left queue": ("wedi gadael y ciw {queue}", "left the queue {queue}"),
    "blind transfer": ("trosglwyddo i {to}", "transferred to {to}"),
    "attended transfer": ("trosglwyddo i {to}", "transferred to {to}"),
    "recorder started": ("dechrau recordio", "recording begins"),
    "recorder stopped": ("gorffen recordio", "recording ends"),
    "message": ("wedi gadael neges", "left a message"),
    "door": ("i'r llinell daliadau, heb recordio", "to the payments line, not recorded"),
}
CALLS = (
    "galwad / call",
    "dechrau / began",
    "diwedd / ended",
    "rhif / number",
    "deialwyd / dialled",
    "gwasanaeth / service",
)
RECORDINGS = ("dosbarth / class", "rhif / id", "galwad / call", "dechrau / began", "eiliadau / seconds", "ffeil / file")
MESSAGES = ("dosbarth / class", "rhif / id", "pryd / when", "gan / by", "testun / text")


def sound_of(recording: Row) -> str:
    """The file of a recording within the package."""
    return f"recordings/{recording['leg']}-{recording['segment']}.mp3"


def written(
    site: Site, scope: Row, calls: Sequence[Row], recordings: Sequence[Row], items: Sequence[Row]
) -> Iterator[tuple[str, bytes]]:
    """Each file with its content."""

    def when(at: float | None) -> str:
        return "" if at is None else f"{datetime.fromtimestamp(at, site.timezone):%Y-%m-%d %H:%M:%S}"

    shown = [_call(site, call, recordings, when) for call in calls]
    said = []
    for item in items:
        cy, en = CLASSES[item["kind"]]
        said.append({**item, "at": when(item["at"]), "cy": cy, "en": en})
    yield "index.html", page("subject", scope=scope, calls=shown, items=said)
    names = ("id", "began", "ended", "number", "dialled", "service")
    yield "calls.csv", table(CALLS, ([call[name] for name in names] for call in shown))
    yield "recordings.csv", table(RECORDINGS, (_recording(each, when(each["started"])) for each in recordings))
    yield (
        "messages.csv",
        table(
            MESSAGES,
            (
                (item["en"], item["source"], message.get("at") or item["at"], message["by"], message["text"])
                for item in said
                for message in item["messages"]
            ),
        ),
    )
    everything = {"scope": scope, "calls": calls, "recordings": recordings, "items": items}
    yield "data.json", json.dumps(everything, indent=2, ensure_ascii=False).encode()


def _call(site: Site, call: Row, recordings: Sequence[Row], when: Callable[[float | None], str]) -> dict[str, Any]:
    ours = [each for each in recordings if each["call"] == call["id"]]
    return {
        **call,
        "began": when(call["began"]),
        "ended": when(call["ended"]),
        "service": _service(site, call["service"]),
        "recordings": [
            {"file": sound_of(each), "silent": _spans(each["silent"]), "what": RECORDED[each["kind"]]} for each in ours
        ],
        "told": [
            {"at": when(moment["at"]), "cy": cy, "en": en} for moment in call["timeline"] for cy, en in _told(moment)
        ],
    }


def _spans(silent: Sequence[Sequence[float]]) -> str:
    return ", ".join(f"{begins:g}-{ends:g} s" for begins, ends in silent)


def _recording(recording: Row, began: str) -> tuple[object, ...]:
    name = f"{recording['leg']}-{recording['segment']}"
    return RECORDED[recording["kind"]][1], name, recording["call"], began, recording["seconds"], sound_of(recording)


def _service(site: Site, service: str | None) -> str | None:
    known = site.services.get(service or "")
    return " / ".join(known.name[language] for language in site.languages) if known else service


def _told(moment: Row) -> Iterator[tuple[str, str]]:
    if (words := TOLD.get(moment["kind"])) is not None:
        detail = {name: value or "-" for name, value in moment["detail"].items()}
        cy, en = (each.format_map(detail) for each in words)
        yield cy, en
