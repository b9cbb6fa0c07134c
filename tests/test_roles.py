"""Who may do what with what is kept: a table for whoever knows the council, and not Python."""

from __future__ import annotations

import pytest

from ccdaemon.kept import Role
from ccdaemon.rules.access import MAY, refusal

ROLES: dict[Role, list[str]] = {"telecoms": ["tom"], "supervisor": ["sue"], "data_protection": ["dai"]}


@pytest.mark.parametrize(
    ("what", "who"),
    [
        ("state", "tom sue dai root"),
        ("status", "tom sue dai root"),
        ("live", "tom sue dai root"),
        ("reload", "tom root"),
        ("rule", "tom sue root"),
        ("take back", "tom sue root"),
        ("acknowledge", "tom sue root"),
        ("log level", "tom root"),
        ("locked out", "tom sue dai root"),
        ("unlock", "tom root"),
        ("calls", "tom sue dai root"),
        ("call", "tom sue dai root"),
        ("recordings", "tom sue dai root"),
        ("audio", "sue dai root"),
        ("find recordings", "sue dai root"),
        ("recording", "sue dai root"),
        ("cases", "dai root"),
        ("case open", "dai root"),
        ("case pause", "dai root"),
        ("case resume", "dai root"),
        ("case extend", "dai root"),
        ("case close", "dai root"),
        ("redact", "dai root"),
        ("redact words", "dai root"),
        ("unredact", "dai root"),
        ("redactions", "dai root"),
        ("subject", "dai root"),
        ("subject audio", "dai root"),
        ("subject erase", "dai root"),
        ("disclosure request", "sue dai root"),
        ("disclosures", "sue dai root"),
        ("disclosure decide", "dai root"),
        ("disclosure audio", "sue dai root"),
        ("disclosure manifest", "sue dai root"),
        ("disclosure receipt", "sue dai root"),
        ("messages", "tom sue dai root"),
        ("message done", "sue dai root"),
        ("scores", "sue dai root"),
        ("holds", "tom sue dai root"),
        ("hold", "sue dai root"),
        ("release", "dai root"),
        ("would expire", "tom sue dai root"),
        ("expire", "tom dai root"),
        ("snapshot", "tom root"),
        ("import", "tom dai root"),
        ("certificate", "tom sue dai root"),
        ("audit head", "tom sue dai root"),
        ("audit verify", "tom sue dai root"),
        ("audit day", "tom sue dai root"),
        ("last backup", "tom sue dai root"),
        ("something that does not exist", "root"),
    ],
)
def test_each_may_do_what_their_role_allows_and_nobody_else_anything(what: str, who: str) -> None:
    people = ("tom", "sue", "dai", "root", "eve")
    assert {each for each in people if refusal(what, each, "ccdaemon", ROLES) is None} == set(who.split())


def test_who_is_refused_hears_for_whom_it_is() -> None:
    said = "eve may not do this: it is for data_protection or supervisor ([roles] in ccdaemon.toml says who that is)"
    assert refusal("audio", "eve", "ccdaemon", ROLES) == said


@pytest.mark.parametrize("what", sorted(MAY))
def test_where_no_roles_are_given_only_root_and_the_daemon_itself_may_do_anything(what: str) -> None:
    assert refusal(what, "tom", "ccdaemon", {}) is not None
    assert refusal(what, "root", "ccdaemon", {}) is None
    assert refusal(what, "ccdaemon", "ccdaemon", {}) is None


def test_the_table_above_leaves_nothing_out() -> None:
    (table,) = (mark.args[1] for mark in TABLE.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]  # pytest's own
    assert {what for what, _ in table} - {"something that does not exist"} == set(MAY)


TABLE = test_each_may_do_what_their_role_allows_and_nobody_else_anything
