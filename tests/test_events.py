"""Every event that is read comes to us, or it is said which does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ccdaemon.agents import Agent
from ccdaemon.asterisk.confs import read_asterisk
from ccdaemon.model import Fault
from ccdaemon.rules.calls import Calls
from ccdaemon.rules.events import READ, UNANSWERED, event_faults
from ccdaemon.shipped import shipped
from tests.builders import example_site

SAMPLE = (shipped("dialplan") / "samples" / "manager.conf").read_text()
SITE = replace(example_site(), agents={"1001": Agent("1001", ("housing",))})
BARE = "[general]\nenabled = yes\n[ccdaemon]\nread = call,agent,reporting,user\n"


def faults(folder: Path, text: str, *, agents: bool = True) -> list[Fault]:
    (folder / "manager.conf").write_text(text)
    site = SITE if agents else replace(SITE, agents={})
    return [*event_faults("ccdaemon", site, read_asterisk(folder).managers or ())]


def test_what_is_read_is_what_the_graph_of_calls_follows_and_two_events_besides() -> None:
    follows = Calls()._handlers.keys()  # noqa: SLF001 - nothing else tells what it follows
    assert {*follows, "ChanSpyStart", UNANSWERED} == READ.keys()


def test_the_sample_keeps_nothing_from_us_and_sends_nothing_else(tmp_path: Path) -> None:
    assert faults(tmp_path, SAMPLE) == []
    assert sorted(line[17:].split(")")[0] for line in SAMPLE.splitlines() if line[:11] == "eventfilter") == sorted(READ)


@pytest.mark.parametrize("name", READ)
def test_an_event_that_is_not_let_through_or_is_disabled_is_named(tmp_path: Path, name: str) -> None:
    lines = SAMPLE.splitlines(keepends=True)
    (lacking,) = faults(tmp_path, "".join(line for line in lines if not line.startswith(f"eventfilter(name({name})")))
    assert (lacking.key, lacking.text.split(":")[0]) == ("ccdaemon.eventfilter", f"lacks {name}")
    (disabled,) = faults(tmp_path, SAMPLE.replace("disabledevents = ", f"disabledevents = {name}, "))
    assert (disabled.key, disabled.text.split(":")[0]) == ("general.disabledevents", f"holds {name}")
    assert lacking.file.startswith("manager.conf:")
    assert disabled.file.startswith("manager.conf:")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("", 0),
        ("eventfilter = Event: (Newchannel|Hangup)\n", 0),
        ("eventfilter(name(Hangup)) =\neventfilter = Event: .*\n", 0),
        ("eventfilter = !Event: RTCP\n", 0),
        ("eventfilter(action(exclude),name(RTCPSent)) =\n", 0),
        ("eventfilter(action(exclude),name(Hangup)) =\n", 1),
        ("eventfilter(name(Hangup)) = !\n", 1),
        ("eventfilter(action(include),name(Hangup)) =\n", len(READ) - 1),
        ("eventfilter(name(Hangup)) =\neventfilter = !Channel: Local\n", len(READ) - 1),
        ("eventfilter(name(Hangup)) = yes\n", len(READ)),
        ("eventfilter(name(Hangup),header(Channel),method(starts_with)) = SIP\n", len(READ)),
        ("eventfilter(name(UserEvent)) =\n", len(READ) - 1),
        ("eventfilter(name(UserEvent),header(UserEvent),method(starts_with)) = C\n", len(READ) - 1),
        ("eventfilter(name(UserEvent),header(UserEvent),method(starts_with)) = CCDoor\n", len(READ)),
        ("eventfilter(name(UserEvent),header(UserEvent),method(exact)) = CC\n", len(READ)),
        ("[monitoring]\neventfilter(name(Hangup)) =\n", 0),
        ("[general](+)\ndisabledevents = Hangup\ndisabledevents = VarSet\n", 0),
        ("[general](+)\ndisabledevents = VarSet, Hangup\n", 1),
        ("[general](+)\ndisabledevents = Hangup ,VarSet\n", 0),
    ],
)
def test_what_our_own_user_is_not_told_is_found(tmp_path: Path, more: str, found: int) -> None:
    assert len(faults(tmp_path, BARE + more)) == found


def test_who_lets_calls_ring_matters_only_where_agents_log_in(tmp_path: Path) -> None:
    without = SAMPLE.replace(f"eventfilter(name({UNANSWERED})) =\n", "")
    assert [UNANSWERED in each.text for each in faults(tmp_path, without)] == [True]
    assert faults(tmp_path, without, agents=False) == []
