"""The doctor finds nothing in a healthy centre, everything in a broken one, and says what it could not look at."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import aiomqtt
import pytest
import pytest_asyncio

from ccdaemon.control import ask
from ccdaemon.machine import clock
from ccdaemon.signing import new_key
from tests.lab.asterisk import CCDAEMON, STRANGER, User
from tests.lab.centre import Centre, contact_centre
from tests.lab.programs import until_broker_up
from tests.lab.site import ROOT, queues
from tests.live.conftest import RUN

OWN_SOUNDS = RUN / "doctor" / "sounds"
PROMPT = "en/cc/hold.alaw"
SETTLED = 150.0  # seconds; the daemon looks at its register each minute
# Of the machine of the tests, which we cannot set.
NOT_OURS = {"name", *(("clock", "alarms: alarms/clock") if clock()["synchronised"] is False else ())}
Found: TypeAlias = list[dict[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centre() -> AsyncIterator[Centre]:
    """A site with sounds of its own, to break, and with everything that a site has that is in service."""
    async with contact_centre(RUN / "doctor", asterisk={"queues.conf": queues()}, own_sounds=True) as centre:
        key = centre.site.config / "audit.key"
        key.write_bytes(new_key())
        CCDAEMON.own(key, 0o400)
        yield centre


async def _doctor(centre: Centre, user: User | None = None) -> tuple[int, Found]:
    command = [sys.executable, "-m", "ccdaemon", "doctor", "--config", str(centre.site.config), "--json"]
    process = await asyncio.create_subprocess_exec(
        *(user.command(*command) if user else command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    out, err = await process.communicate()
    assert not err, err.decode()
    told: dict[str, Any] = json.loads(out)
    assert told["faults"] == sum(each["state"] == "fault" for each in told["found"])
    assert process.returncode == (1 if told["faults"] else 0)
    return process.returncode, told["found"]


def _of(found: Found, state: str) -> list[str]:
    said = [f"{each['thing']}: {each['where']}: {each['text']}" for each in found if each["state"] == state]
    return [each for each in said if not any(each.startswith(f"{known}:") for known in NOT_OURS)]


async def test_a_healthy_centre_has_no_fault_and_is_left_as_it_was(centre: Centre) -> None:
    await centre.until('it["topics"].get("register", {}).get("expired")', SETTLED, "status")
    before = await _retained(centre)
    _, found = await _doctor(centre)
    assert _of(found, "fault") == []
    assert [each["thing"] for each in found].count("name") == 1
    assert [each.split(":")[0] for each in _of(found, "warning")] == ["backup"]
    assert [each.split(":")[0] for each in _of(found, "not looked at")] == ["trunk"]  # whom nobody qualifies here
    (tone,) = [each["text"] for each in found if each["thing"] == "recorder"]
    assert re.fullmatch(r"[23]\.\d s of a 1000 Hz tone were recorded, -13\.\d dBFS", tone)
    assert [*centre.site.recordings.iterdir()] == []
    assert [*(centre.site.folder / "pbx" / "spool" / "outgoing").iterdir()] == []
    assert await _retained(centre) == before
    await centre.until('not it["live"] and not it["recorders"]', 10)
    assert set((await centre.ask("state"))["alarms"]) <= {"clock"}


async def _retained(centre: Centre) -> set[str]:
    """Topics that the broker keeps, below any prefix."""
    topics = set()
    async with aiomqtt.Client(centre.site.addresses.pbx) as client:
        await client.subscribe("#")
        try:
            async with asyncio.timeout(2):
                async for message in client.messages:
                    topics |= {message.topic.value} if message.retain else set()
        except TimeoutError:
            pass
    return {topic for topic in topics if "/alarms/" not in topic}


async def test_a_backup_is_seen(centre: Centre) -> None:
    with (centre.site.folder / "register.copy").open("wb") as copy:
        await asyncio.to_thread(_copied, centre, copy)
    _, found = await _doctor(centre)
    assert _of(found, "warning") == []


def _copied(centre: Centre, copy: Any) -> None:  # noqa: ANN401 - a file
    ask(centre.site.folder / "run" / "control", "snapshot", copy)


async def test_nobody_is_recorded_by_the_trial_but_its_own_tone(centre: Centre) -> None:
    for channel in ("Local/record@cc-trial", "Local/s@cc-nowhere"):
        await centre.pbx.cli(f"channel originate {channel} application Wait 1")
    await centre.pbx.cli("channel originate Local/tone@cc-trial extension record@cc-trial")
    await asyncio.sleep(1)
    assert len([*centre.site.recordings.glob("doctor-*")]) == 1  # of the tone itself, by the last of these
    await centre.until('not it["live"]', 10)
    for file in centre.site.recordings.glob("doctor-*"):
        file.unlink()
    for menu in ("cc-inbound", "cc-internal", "cc-transfer"):
        assert "cc-trial" not in await centre.pbx.cli(f"dialplan show {menu}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_who_may_look_at_nothing_is_told_so_and_not_that_all_is_well(centre: Centre) -> None:
    _, found = await _doctor(centre, STRANGER)
    assert _of(found, "fault") == []
    assert {each["thing"] for each in found if each["state"] == "ok"} <= {
        "disk",
        "swap",
        "clock",
        "name",
        "broker",
        "prompts",
        "keys",
    }  # open
    text = " ".join(_of(found, "not looked at"))
    assert re.search(r"manager link: : \S+ the secret cannot be read: Permission denied", text), text
    assert re.search(r"recorder: : \S+ is not there, or not for us to use. Run this as root", text), text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_recorder_is_tried_without_a_wider_right_by_root_alone(centre: Centre) -> None:
    """Another one needs `originate`, which a site has that takes messages."""
    _, found = await _doctor(centre, CCDAEMON)
    assert [each["state"] for each in found if each["thing"] in {"recorder", "its file"}] == ["ok", "ok"]
    assert not [each for each in _of(found, "warning") if each.startswith("manager user")]
    assert _of(found, "fault") == []
    conf = (centre.site.folder / "pbx" / "etc" / "manager.conf").read_text()
    centre.pbx.rewrite({"manager.conf": conf.replace(",user,originate\n", ",user\n")})
    await centre.pbx.cli("manager reload")
    _, found = await _doctor(centre, CCDAEMON)
    centre.pbx.rewrite({"manager.conf": conf})
    await centre.pbx.cli("manager reload")
    (text,) = [each["text"] for each in found if each["thing"] == "recorder"]
    assert "the manager user has no `originate`. Run this as root" in text
    assert any("no agent is brought a caller's message" in each for each in _of(found, "fault"))


BROKEN = [
    ("Asterisk's files", "queue 'housing' has no membergosub = cc-connected in queues.conf: no call would be recorded"),
    ("Asterisk's files", "must be 'no' for the trunk"),
    ("queues", "assist has no member: nobody can answer who calls"),
    ("phones", "1 of 12 are not registered, or do not answer: 1001 (housing)"),
    ("trunk", "must be 'no' for the trunk"),
    ("modules", "func_sha1 is not loaded, or did not come up: no answer of the daemon would be believed"),
    ("manager user", "ccdaemon has command, system ("),
    ("files", "is more than the daemon needs, and may be card digits: write call,agent,reporting,user"),
    ("files", "record_conference records whoever joins, officers too: set no"),
    ("phones and keys", "leads round the payments door: whoever dials it takes a ringing call without the door"),
    (
        "dialplan of others",
        "MixMonitor() leads round the payments door: only cc-connected may start a recorder. Take it",
    ),
    ("dialplan of others", "has CONFBRIDGE(bridge,record_conference) in it: it records whoever joins a conference"),
    ("dialplan of others", "has cc-trial in it: cc-trial is for the recorder that `ccdaemon doctor` tries"),
    ("Asterisk's files", "Dial() has option t: somebody outside could transfer, park or record by key. Take it out"),
    ("dialplan of others", "has TRANSFER_CONTEXT= in it: a transfer would lead elsewhere than to cc-transfer"),
    ("prompts", "1 cannot be read by Asterisk (en/cc/hold.alaw): callers do not hear them. chmod 644"),
    ("prompts", "1 have no sound (cy/cc/goodbye): callers do not hear them. `ccdaemon prompts build` makes them"),
    ("recorder", "and no file came: no call is recorded. Its log says why"),
    ("spool", "Asterisk and the daemon cannot both write there: nothing is recorded"),
    ("secrets", "has mode 0644: others than the daemon can read it, and speak or decrypt in its name. chmod 400"),
    ("secrets", "has mode 0644: every user of the machine may use it. chmod 640"),
    ("keys", "has mode 0755: others than the daemon may get at the keys of recordings. chmod 700"),
    ("broker", "Network monitoring sees nothing of us; calls are not concerned. Look whether it runs"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def broken(centre: Centre) -> Found:
    """What the doctor finds once all of that is broken at the same time."""
    pbx, etc = centre.pbx, centre.site.folder / "pbx" / "etc"
    text = {
        name: (etc / f"{name}.conf").read_text() for name in ("queues", "manager", "pjsip", "features", "confbridge")
    }
    rights = "call,agent,reporting,user"
    pbx.rewrite(
        {
            "queues.conf": queues(assist=[]).replace("[housing](cc-queue)\n", "[housing](cc-queue)\nmembergosub =\n"),
            "manager.conf": text["manager"].replace(f"= {rights}", f"= {rights},system,command,dtmf"),
            "pjsip.conf": text["pjsip"]
            .replace("allow_transfer = no", "allow_transfer = yes")
            .replace(f"contact = sip:1001@{centre.site.addresses.phones}:5060", "max_contacts = 1"),
            "features.conf": text["features"].replace("pickupexten =  ", "pickupexten = *8 "),
            "confbridge.conf": text["confbridge"].replace("record_conference = no", "record_conference = yes"),
        }
    )
    for command in (
        "core reload",
        "manager reload",
        "module unload func_sha1.so",
        "dialplan add extension 66,1,MixMonitor(x.wav) into mine",
        'dialplan add extension 67,1,Set("CONFBRIDGE(bridge,record_conference)=yes") into mine',
        'dialplan add extension 68,1,Goto("cc-trial,record,1") into mine',
        'dialplan add extension 70,1,Dial("PJSIP/1@trunk,30,t") into mine',
        'dialplan add extension 69,1,Set("TRANSFER_CONTEXT=mine") into mine',
    ):
        await pbx.cli(command)
    (OWN_SOUNDS / PROMPT).chmod(0o600)
    for file in (OWN_SOUNDS / "cy" / "cc").glob("goodbye.*"):
        file.unlink()
    centre.site.recordings.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(centre.site.recordings, 0, 0)
    (centre.site.config / "gateway.secret").chmod(0o644)
    (etc / "ccdaemon" / "cc-site.conf").chmod(0o644)
    (centre.site.folder / "state-keys").chmod(0o755)
    await centre.broker.stop()
    await asyncio.sleep(1)
    return (await _doctor(centre))[1]


@pytest.mark.parametrize(("thing", "text"), BROKEN, ids=[f"{thing}: {text[:40]}" for thing, text in BROKEN])
@pytest.mark.skipif(os.geteuid() != 0, reason="where all programs have one user, nobody is shut out of anything")
async def test_every_breakage_is_found_at_once_with_what_it_means_and_its_fix(
    broken: Found, thing: str, text: str
) -> None:
    faults = _of(broken, "fault")
    assert [each for each in faults if each.startswith(f"{thing}: ") and text in each], faults


@pytest.mark.skipif(os.geteuid() != 0, reason="where all programs have one user, nobody is shut out of anything")
async def test_nothing_else_is_found_in_it(broken: Found) -> None:
    named = {
        line
        for thing, text in BROKEN
        for line in _of(broken, "fault")
        if line.startswith(f"{thing}: ") and text in line
    }
    assert set(_of(broken, "fault")) - named == set()


async def test_without_asterisk_and_daemon_the_rest_is_looked_at_all_the_same(centre: Centre, broken: Found) -> None:
    assert broken
    await asyncio.gather(centre.pbx.stop(), centre.daemon.stop(), centre.broker.start())
    await until_broker_up(centre.site)
    _, found = await _doctor(centre)
    faults, unseen = _of(found, "fault"), {each["thing"] for each in found if each["state"] == "not looked at"}
    assert [each for each in faults if each.startswith("manager link: ") and "Callers get the second tier" in each]
    assert [each for each in faults if each.startswith("daemon: ") and "systemctl start ccdaemon" in each]
    assert unseen >= {"modules", "dialplan", "queues", "recorder", "alarms", "expiry", "backup"}
    assert {each["thing"] for each in found if each["state"] == "ok"} >= {"broker", "disk"}
