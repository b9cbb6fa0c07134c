"""Scoring: which recording is drawn, what a card comes to, what is heard and kept, and what is left when it is over."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import pytest_asyncio

from ccdaemon import audio
from ccdaemon.archive import Archive
from ccdaemon.cases import Erasure
from ccdaemon.flows.erasing import erase
from ccdaemon.flows.messages import Taking
from ccdaemon.flows.scoring import Scorers
from ccdaemon.kept import Recording
from ccdaemon.keys import SIZE, Keys
from ccdaemon.lent import Lent
from ccdaemon.model import Site, Supervisor
from ccdaemon.notices import CallIdentified, LegBegan, Objected
from ccdaemon.rules.handset.codes import story
from ccdaemon.rules.handset.identity import Checked, CheckPin
from ccdaemon.rules.handset.line import Line
from ccdaemon.rules.handset.scoring import Comment, Draw, Drawn, Keep
from ccdaemon.rules.handset.talk import HangUp, Hear, Say, Speak
from ccdaemon.rules.handset.talk import Keys as Asked
from ccdaemon.rules.scoring import draw, summed_up, total
from ccdaemon.scoring import Sample, Scoring
from ccdaemon.store import Register
from ccdaemon.store.scores import _UNSCORED
from tests.builders import LONDON, Edit, a_raw_file, a_register, example_site, faults_of, written_site
from tests.test_messages import a_sound, files
from tests.test_supervisors import LEN, PHONE, PIN

ANN = Supervisor("ann", "73", "", frozenset({"housing", "assist"}), frozenset({"score"}), frozenset({"1005"}))
CARD = Scoring(("greeting", "identity", "answer"), frozenset({"identity"}), monthly=3)
NOW = datetime(2026, 11, 20, 12, tzinfo=LONDON).timestamp()
DAY = 86_400.0
SIDES = 3000, 200  # samples of the agent's side, and of the caller's


def a_site(scoring: Scoring = CARD, *who: Supervisor) -> Site:
    return replace(example_site(), scoring=scoring, supervisors={each.id: each for each in who or (ANN,)})


def a_sample(leg: str, endpoint: str) -> Sample:
    return Sample(leg, 1, leg, "housing", endpoint, 60.0)


# --- which one -------------------------------------------------------------------------------------------------------


def test_agents_are_drawn_evenly_however_many_recordings_they_have() -> None:
    samples = [a_sample(f"1.{number}", "1001") for number in range(97)]
    samples += [a_sample(f"2.{number}", "1002") for number in range(3)]
    scored, dice = Counter[str](), random.Random(20261126)
    for drawn in range(1, 7):
        sample = draw(samples, scored, a_site(), ANN, dice)
        assert sample is not None
        samples.remove(sample)
        scored[sample.endpoint] += 1
        assert abs(scored["1001"] - scored["1002"]) == drawn % 2
    assert draw(samples, scored, a_site(), ANN, dice) is None  # each has had three this month


def test_each_recording_of_an_agent_may_be_drawn() -> None:
    samples, dice = [a_sample(f"1.{number}", "1001") for number in range(5)], random.Random(1)
    drawn = Counter(sample.leg for _ in range(1000) if (sample := draw(samples, Counter(), a_site(), ANN, dice)))
    assert len(drawn) == 5
    assert min(drawn.values()) > 150


@pytest.mark.parametrize("endpoint", ["1005", "9999"])
def test_nobody_scores_their_own_handset_nor_a_phone_that_is_gone(endpoint: str) -> None:
    assert draw([a_sample("1.1", endpoint)], Counter(), a_site(), ANN, random.Random(1)) is None


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({"greeting": 5, "identity": 5, "answer": 5}, 100),
        ({"greeting": 1, "identity": 2, "answer": 1}, 27),
        ({"greeting": 4, "identity": 0, "answer": 2}, 60),  # what does not apply does not count
        ({"greeting": 5, "identity": 1, "answer": 5}, 0),  # fatal
        ({"greeting": 1, "identity": 5, "answer": 5}, 73),  # a 1 elsewhere is a 1
        ({"greeting": 0, "identity": 0, "answer": 0}, None),
    ],
)
def test_a_card_comes_to_a_share_of_what_could_be_had(points: dict[str, int], expected: int | None) -> None:
    assert total(points, CARD) == expected


def a_score(agent: str, service: str, at: float, came: int | None, **points: int) -> dict[str, Any]:
    return {"agent": agent, "service": service, "at": at, "total": came, "failed": came == 0, "points": points}


SCORES = [
    a_score("1001", "housing", NOW, 80, greeting=4, answer=4),
    a_score("1001", "assist", NOW, 0, greeting=1, answer=0),
    a_score("1002", "housing", NOW - 30 * DAY, None, greeting=0, answer=0),
]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (["agent"], [("1001", 2, 40.0, 1, 2.5, 4.0), ("1002", 1, None, 0, None, None)]),
        (["service"], [("assist", 1, 0.0, 1, 1.0, None), ("housing", 2, 80.0, 0, 4.0, 4.0)]),
        (["month"], [("2026-10", 1, None, 0, None, None), ("2026-11", 2, 40.0, 1, 2.5, 4.0)]),
    ],
)
def test_scores_are_summed_up_by_whatever_is_asked(by: list[str], expected: list[tuple[Any, ...]]) -> None:
    rows = summed_up(SCORES, by, LONDON)
    told = [(row[by[0]], row["scores"], row["total"], row["failed"], *row["points"].values()) for row in rows]
    assert told == expected


def test_scores_are_summed_up_by_all_of_it_too() -> None:
    rows = summed_up(SCORES, ["agent", "service", "month"], LONDON)
    assert [(row["agent"], row["service"], row["month"]) for row in rows] == [
        ("1001", "assist", "2026-11"),
        ("1001", "housing", "2026-11"),
        ("1002", "housing", "2026-10"),
    ]


# --- the site's files ------------------------------------------------------------------------------------------------

CRITERIA = 'criteria = ["greeting", "language", "identity", "listening", "answer", "closing"]'


@pytest.mark.parametrize(
    ("edit", "key", "text"),
    [
        (Edit("ccdaemon.toml", 'fatal = ["identity"]', 'fatal = ["manners"]'), "fatal", "'manners' is none of"),
        (Edit("ccdaemon.toml", CRITERIA, 'criteria = ["identity", "identity"]'), "criteria", "is written 2 times"),
        (Edit("ccdaemon.toml", CRITERIA, 'criteria = ["identity", "wit"]'), "", "there is no prompt 'score-wit'"),
        (Edit("ccdaemon.toml", "monthly = 4", "monthly = 0"), "monthly", "greater than or equal to 1"),
    ],
)
def test_a_card_that_cannot_be_asked_is_refused(tmp_path: Path, edit: Edit, key: str, text: str) -> None:
    faults = faults_of(written_site(tmp_path, [edit]))
    assert text in faults["ccdaemon.toml", f"scoring.{key}".rstrip(".")]


# --- the story -------------------------------------------------------------------------------------------------------

DRAWN = Drawn(a_sample("9.1", "1001"), "1001", "/run/ccdaemon/messages/7.1-scored")
BEFORE = ["pin", "service-housing", "scoring-agent", *["digits/1", "digits/0", "digits/0", "digits/1"], "scoring-keys"]
ASKED = ["scoring-how", "score-greeting", "score-identity", "scoring-fatal", "score-answer"]
TOLD_80 = ["scoring-total", "digits/8", "digits/0", "scoring-per-cent", "scoring-confirm"]
THANKS = ["scoring-kept", "scoring-comment"]


@dataclass
class Listener:
    """Who presses these keys in turn: one for each question, and while they hear a recording."""

    keys: list[str]
    draws: int = 1
    keeps: bool = True
    ended: str = "DTMF"
    said: list[str] = field(default_factory=list)
    did: list[object] = field(default_factory=list)

    def follow(self, site: Site) -> object:
        told, came = story(site, PHONE, "*95"), None
        assert told is not None
        try:
            for _ in range(1000):
                came = self._answer(told.send(came))
        except StopIteration as over:
            return over.value
        pytest.fail("it does not come to its end")

    def _answer(self, action: object) -> Any:  # noqa: ANN401 - as a story is sent it
        key = ""
        match action:
            case Say(prompts):
                self.said += [each.id for each in prompts]
                return None
            case Hear(sound, seconds, stops):
                assert (sound, seconds) == (DRAWN.sound, DRAWN.sample.seconds)
                self.did.append("hears")
                key = self.keys.pop(0) if self.keys else ""
                return key if key and key in stops else ""
            case Asked(prompts, most):
                self.said += [each.id for each in prompts]
                return self.keys.pop(0)[:most] if self.keys else ""
            case Speak(file, _, keeps):
                assert keeps
                self.did.append(f"says into {file}")
                return self.ended
            case CheckPin(_, pin):
                return Checked.RIGHT if pin == PIN else Checked.WRONG
            case Draw():
                self.draws -= 1
                return DRAWN if self.draws >= 0 else None
            case Keep(_, _, points):
                self.did.append(tuple(points.values()))
                return self.keeps
            case Comment():
                return "comment"
        return None


@pytest.mark.parametrize(
    ("keys", "said", "did"),
    [
        (["1", *"444", "1"], [*BEFORE, *ASKED, *TOLD_80, *THANKS, "scoring-next"], ["hears", (4, 4, 4)]),
        (
            ["1", *"444", "1", "1"],
            [*BEFORE, *ASKED, *TOLD_80, *THANKS, "scoring-comment-kept", "scoring-next"],
            ["hears", (4, 4, 4), "says into comment"],
        ),
        (  # to the end, again, and then to the card
            ["", "2", "", "1", *"444", "1"],
            [*BEFORE, "scoring-heard", "scoring-heard", *ASKED, *TOLD_80, *THANKS, "scoring-next"],
            ["hears", "hears", (4, 4, 4)],
        ),
        (  # a key that means nothing, one step back, a fatal 1
            ["1", "9", "4", "*", "5", "1", "0", "1"],
            [
                *[*BEFORE, "scoring-how", "score-greeting", "invalid-key", "score-greeting"],
                *["score-identity", "scoring-fatal", "score-greeting", "score-identity", "scoring-fatal"],
                *["score-answer", "scoring-failed", "scoring-confirm", *THANKS, "scoring-next"],
            ],
            ["hears", (5, 1, 0)],
        ),
        (  # all of it anew
            ["1", *"000", "2", *"444", "1"],
            [
                *[*BEFORE, *ASKED, "scoring-not-applicable", "scoring-confirm", *ASKED[1:], *TOLD_80, *THANKS],
                "scoring-next",
            ],
            ["hears", (4, 4, 4)],
        ),
        (["*"], [*BEFORE, "scoring-none"], ["hears"]),  # another one, of which there is none
        (
            ["1"],
            [*BEFORE, *ASKED[:2], *["invalid-key", "score-greeting"] * 2, "scoring-not-kept", "goodbye"],
            ["hears"],
        ),
        ([], [*BEFORE, *["scoring-heard"] * 3, "goodbye"], ["hears"]),
    ],
)
def test_a_recording_is_heard_its_card_filled_in_and_talked_about(
    keys: list[str], said: list[str], did: list[object]
) -> None:
    listener = Listener([PIN, *keys])
    assert listener.follow(a_site()) == HangUp()
    assert (listener.said, listener.did) == (said, did)


def test_of_a_comment_that_asterisk_could_not_write_nobody_says_that_it_is_kept() -> None:
    listener = Listener([PIN, "1", *"444", "1", "1"], ended="ERROR")
    listener.follow(a_site())
    assert "take-not-kept" in listener.said
    assert "scoring-comment-kept" not in listener.said


def test_another_one_is_a_key_away_and_what_somebody_else_has_scored_is_not_kept() -> None:
    listener = Listener([PIN, "1", *"444", "1", "1", *"444", "1"], draws=2, keeps=False)
    assert listener.follow(a_site()) == HangUp()
    assert listener.said.count("scoring-not-kept") == 2
    assert listener.did == ["hears", (4, 4, 4)] * 2


@pytest.mark.parametrize(
    ("site", "said"),
    [
        (a_site(Scoring()), ["handset-unavailable"]),
        (a_site(CARD, LEN), ["pin", "handset-not-allowed"]),  # who may not score
    ],
)
def test_nothing_is_heard_without_a_card_or_the_right(site: Site, said: list[str]) -> None:
    listener = Listener([PIN])
    listener.follow(site)
    assert (listener.said, listener.did) == (said, [])


def test_whatever_is_pressed_it_ends_and_without_the_pin_nobody_hears_anything() -> None:
    chance = random.Random(20261126)
    kept = 0
    for number in range(10_000):
        known = number % 2 == 0
        keys = chance.choices(["", *"0123456789*"], weights=[1, 2, 9, *[3] * 9], k=chance.randint(0, 30))
        listener = Listener([PIN, *keys] if known else keys, draws=2)
        assert listener.follow(a_site()) == HangUp()
        assert known or not listener.did
        scores = [did for did in listener.did if isinstance(did, tuple)]
        assert all(len(points) == 3 and all(0 <= each <= 5 for each in points) for points in scores)
        kept += len(scores)
    assert kept > 100


# --- what is kept ----------------------------------------------------------------------------------------------------


@dataclass
class Room:
    """The folders of one register, and handsets at which it is scored."""

    folder: Path
    register: Register
    archive: Archive
    scorers: Scorers
    dice: random.Random
    lends: Lent
    site: Site = field(default_factory=a_site)

    def line(self, leg: str = "7.1") -> Line:
        return Line(PHONE, f"PJSIP/1005-{leg}", leg, leg)

    async def record(
        self, leg: str, endpoint: str, seconds: float = 40.0, at: float = NOW - DAY, fault: str | None = None
    ) -> None:
        """A call of Housing with an agent, in which both sides are to be heard."""
        channel = f"PJSIP/{endpoint}-0000000a"
        await self.register.write(
            [CallIdentified(leg, at, number="+441597827460", service="housing"), LegBegan(leg, at, leg, channel)]
        )
        a_raw_file(self.folder / "spool", leg, leg, struct.pack("<hh", *SIDES) * round(seconds * audio.RATE))
        (raw,) = self.archive.raw()
        done = self.archive.finish(raw, "recording-2027-11")
        row = Recording(
            leg, leg, "housing", at, at + seconds, "the agent hung up", done.file, done.seconds, fault=fault
        )
        await self.register.finish_recording(row, done, at)
        self.archive.discard(raw)

    async def draw(self, line: Line, who: Supervisor = ANN) -> Drawn | None:
        drawn = await self.scorers.draw(Draw(who), line)
        assert drawn is None or isinstance(drawn, Drawn)
        return drawn

    @property
    def lent(self) -> list[Path]:
        return files(self.folder / "run")

    async def audited(self, kind: str) -> list[dict[str, Any]]:
        rows = await self.register.audited_between(0, 1e12)
        return [json.loads(row.detail) for row in rows if row.kind == kind]


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    for name in ("spool", "recordings", "keys", "run"):
        (tmp_path / name).mkdir()
    archive = Archive(tmp_path / "spool", tmp_path / "recordings", Keys(tmp_path / "keys", bytes(SIZE)))
    lent, dice = Lent(tmp_path / "run" / "messages"), random.Random(1)
    async with a_register(tmp_path / "register.sqlite3") as register:
        room: Room
        kept = (register, archive, lent, tmp_path / "spool")
        scorers = Scorers(*kept, lambda: room.site, dice, lambda: NOW)
        room = Room(tmp_path, register, archive, scorers, dice, lent)
        yield room


async def test_a_recording_is_lent_mixed_for_as_long_as_they_talk_and_its_access_is_audited(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await room.draw(line)
    assert drawn is not None
    assert (drawn.agent, drawn.sample.leg) == ("1001", "9.1")
    (file,) = room.lent
    assert str(file) == f"{drawn.sound}.sln"
    assert file.read_bytes() == struct.pack("<h", sum(SIDES)) * round(40 * audio.RATE)
    (access,) = await room.audited("access")
    told = {"purpose": "quality", "reference": "*95 at 1005", "did": "hear", "who": "ann"}
    assert access == {"leg": "9.1", "segment": 1, **told}
    line.after.close()  # whoever hangs up, wherever they are
    assert room.lent == []


async def test_what_asterisk_plays_is_over_when_it_is_taken_back(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    await room.draw(line)
    with room.lent[0].open("rb", buffering=0) as playing:
        playing.read(1000)
        line.after.close()
        assert playing.read() == b""


@pytest.mark.parametrize(
    "why",
    ["too short", "too old", "of another service", "faulty", "the caller objected", "erased", "of payments"],
)
async def test_what_is_not_to_be_scored_is_not_drawn(room: Room, why: str) -> None:
    about: dict[str, dict[str, Any]] = {
        "too short": {"seconds": 20.0},
        "too old": {"at": NOW - 40 * DAY},
        "faulty": {"fault": "one-sided"},
    }
    await room.record("9.1", "1001", **about.get(why, {}))
    match why:
        case "the caller objected":
            await room.register.write([Objected("9.1", NOW, "9.1", "1001")])
        case "erased":
            await erase(room.register, room.archive, Erasure(1.0, ("9.1",), ()), NOW)
        case "of payments":
            room.site = replace(room.site, payments="housing")
    who = replace(ANN, services=frozenset({"assist"})) if why == "of another service" else ANN
    assert await room.draw(room.line(), who) is None
    assert (room.lent, await room.audited("access")) == ([], [])


async def test_two_in_the_same_moment_hear_different_ones(room: Room) -> None:
    await room.record("9.1", "1001")
    await room.record("9.2", "1001")
    for number in range(10):
        lines = [room.line(f"{number}.{each}") for each in (1, 2)]
        drawn = await asyncio.gather(*(room.draw(line) for line in lines))
        assert {each.sample.leg for each in drawn if each is not None} == {"9.1", "9.2"}
        for line in lines:
            line.after.close()


async def test_what_somebody_is_at_counts_for_its_agent(room: Room) -> None:
    room.site = a_site(replace(CARD, monthly=1))
    await room.record("9.1", "1001")
    await room.record("9.2", "1001")
    assert await room.draw(room.line("7.1")) is not None
    assert await room.draw(room.line("7.2")) is None


async def test_among_many_calls_one_is_drawn_at_once(room: Room) -> None:
    """The question looks at objections alone, however much else happened."""
    async with aiosqlite.connect(room.folder / "register.sqlite3") as database:
        plan = await database.execute_fetchall(
            f"EXPLAIN QUERY PLAN {_UNSCORED}", {"services": "[]", "since": 0, "shortest": 0}
        )
    told = " ".join(row[3] for row in plan)
    assert "CORRELATED" not in told
    assert "objections" in told


async def test_a_call_that_somebody_hears_is_not_erased_meanwhile(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    await room.draw(line)
    assert room.lends.calls() == {"9.1"}
    line.after.close()
    assert room.lends.calls() == set()


async def test_a_comment_on_what_was_erased_meanwhile_is_not_kept(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await scored(room, line)
    await erase(room.register, room.archive, Erasure(1.0, ("9.1",), ()), NOW)
    Path(f"{await room.scorers.comment(Comment(drawn), line)}.sln").write_bytes(a_sound(2.0))
    (raw,) = room.archive.raw()
    await Taking(room.archive, room.register, lambda: room.site, lambda: NOW).take(raw)
    assert files(room.folder / "spool") == files(room.folder / "recordings") == []


async def test_two_at_once_hear_different_ones_and_nobody_the_same_twice(room: Room) -> None:
    await room.record("9.1", "1001")
    await room.record("9.2", "1001")
    one, other = room.line("7.1"), room.line("7.2")
    first, second = await room.draw(one), await room.draw(other)
    assert first is not None
    assert second is not None
    assert {first.sample.leg, second.sample.leg} == {"9.1", "9.2"}
    assert await room.draw(one) is None  # they want another one
    assert [file.name for file in room.lent] == ["7.2-scored.sln"]
    one.after.close()
    third = room.line("7.3")
    again = await room.draw(third)  # what nobody has scored may be drawn another time
    assert again is not None
    assert again.sample == first.sample


async def test_a_file_that_cannot_be_opened_is_passed_over(room: Room) -> None:
    await room.record("9.1", "1001")
    for file in files(room.folder / "recordings"):
        file.write_bytes(b"broken")
    await room.record("9.2", "1002")
    drawn = await room.draw(room.line())
    assert drawn is not None
    assert drawn.sample.leg == "9.2"
    assert len(room.lent) == 1


async def scored(room: Room, line: Line, points: tuple[int, ...] = (4, 4, 4)) -> Drawn:
    drawn = await room.draw(line)
    assert drawn is not None
    assert await room.scorers.keep(Keep(ANN, drawn, dict(zip(CARD.criteria, points, strict=True))), line)
    return drawn


async def test_a_score_is_kept_with_its_comment_and_audited(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await scored(room, line, (5, 1, 0))
    assert room.lent == []  # nobody needs to hear it any more
    file = Path(f"{await room.scorers.comment(Comment(drawn), line)}.sln")
    file.write_bytes(a_sound(2.0))
    line.after.close()
    (raw,) = room.archive.raw()
    assert (raw.kind, raw.call, raw.leg, raw.service) == ("comment", "9.1", "7.1", "housing")
    await Taking(room.archive, room.register, lambda: room.site, lambda: NOW).take(raw)
    (row,) = await room.register.scores(0, 1e12, None, None, 10)
    told = {"scorer": "ann", "agent": "1001", "service": "housing", "total": 0, "failed": True, "comment": "7.1-1"}
    assert row == {"leg": "9.1", "segment": 1, "at": NOW, "points": {"greeting": 5, "identity": 1, "answer": 0}, **told}
    (audited,) = await room.audited("score")
    told = {"leg": "9.1", "segment": 1, "scorer": "ann", "comment_leg": "7.1", "comment_segment": 1}
    assert audited == told  # and not what they think: the chain is kept for longer
    assert files(room.folder / "spool") == []
    kept = await room.register.kept("7.1", 1)
    assert kept is not None
    assert kept.period == "comment-2027-11"  # as long as the recording, whenever it was made
    assert await room.register.waiting_messages() == []


async def test_a_comment_in_which_nothing_was_said_is_not_kept(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await scored(room, line)
    Path(f"{await room.scorers.comment(Comment(drawn), line)}.sln").write_bytes(bytes(16_000))
    (raw,) = room.archive.raw()
    taking = Taking(room.archive, room.register, lambda: room.site, lambda: NOW)
    await taking.take(raw)
    assert taking.dropped == 0  # which counts callers' messages
    assert files(room.folder / "spool") == []
    assert (await room.register.scores(0, 1e12, None, None, 10))[0]["comment"] is None


async def test_what_is_scored_is_not_drawn_again_and_counts_for_its_agent_this_month(room: Room) -> None:
    room.site = a_site(replace(CARD, monthly=1))
    await room.record("9.1", "1001")
    await room.record("9.2", "1001")
    await room.record("9.3", "1002")
    line = room.line()
    agents = {(await scored(room, line)).agent for _ in range(2)}
    assert agents == {"1001", "1002"}
    assert await room.draw(line) is None


async def test_who_is_faster_scores_it(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await scored(room, line)
    assert not await room.scorers.keep(Keep(ANN, drawn, dict.fromkeys(CARD.criteria, 1)), room.line("7.2"))
    assert len(await room.register.scores(0, 1e12, None, None, 10)) == 1


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((0, 1e12, "housing", None), 1),
        ((0, 1e12, "assist", None), 0),
        ((0, 1e12, None, "1001"), 1),
        ((0, 1e12, None, "1002"), 0),
        ((0, NOW, None, None), 0),
    ],
)
async def test_scores_are_found_by_service_agent_and_time(
    room: Room, asked: tuple[float, float, str | None, str | None], found: int
) -> None:
    await room.record("9.1", "1001")
    await scored(room, room.line())
    assert len(await room.register.scores(*asked, 10)) == found


async def test_a_score_and_its_comment_go_with_the_call(room: Room) -> None:
    await room.record("9.1", "1001")
    line = room.line()
    drawn = await scored(room, line)
    Path(f"{await room.scorers.comment(Comment(drawn), line)}.sln").write_bytes(a_sound(2.0))
    (raw,) = room.archive.raw()
    await Taking(room.archive, room.register, lambda: room.site, lambda: NOW).take(raw)
    await erase(room.register, room.archive, Erasure(1.0, ("9.1",), ()), NOW)
    assert await room.register.scores(0, 1e12, None, None, 10) == []
    assert await room.register.kept("7.1", 1) is None
    assert files(room.folder / "recordings") == []
