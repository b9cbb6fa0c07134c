"""`./dev demo`: one contact centre, live, in three calls. Exit status 0 only if all was as it must be."""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from tests.lab.centre import contact_centre, play
from tests.lab.pbx import explain
from tests.lab.site import ROOT
from tests.lab.story import CLOSED, Chapter, Story, after_hours, highways, housing_then_payments

FOLDER = ROOT / ".run" / "demo"


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object, on the last line")
    parser.add_argument("--keep", action="store_true", help="leave it running, for a softphone; Ctrl-C ends it")
    options = parser.parse_args()
    play(demo(as_json=options.json, keep=options.keep))


async def demo(*, as_json: bool, keep: bool) -> int:
    began = time.monotonic()
    _say("Starting a PBX, phones, an MQTT broker and the daemon. All lines are open, but for Refuse.")
    async with contact_centre(FOLDER, closed=[CLOSED]) as centre:
        _say(f"All is up after {time.monotonic() - began:.1f} s.")
        story = Story(centre, _say)
        chapters = [await each(story, centre) for each in (housing_then_payments, highways, after_hours)]
        holds = all(chapter.holds for chapter in chapters)
        _say("")
        _say("All of this was as it must be." if holds else "Something was NOT as it must be; see above.")
        _say(f"Logs, recording and picture are in {FOLDER}.")
        if as_json:
            _say(json.dumps(_report(chapters, holds=holds), ensure_ascii=False))
        if keep:
            explain(centre.site.addresses.pbx, FOLDER, _say)
            await asyncio.Event().wait()
    return 0 if holds else 1


def _report(chapters: list[Chapter], *, holds: bool) -> dict[str, object]:
    return {
        "holds": holds,
        "recording": chapters[0].recording,
        "chapters": [
            {
                "title": chapter.title,
                "holds": chapter.holds,
                "lines": chapter.lines,
                "checks": [{"claim": claim, "holds": holds} for claim, holds in chapter.checks],
            }
            for chapter in chapters
        ],
    }


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
