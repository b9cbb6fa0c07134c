"""Who may ask what of the daemon: users of this machine have roles, and what concerns people is for some of these.

The kernel says who asks. Root and the daemon's own user may ask everything, because nobody could hinder them; whatever
they open stands in the audit chain as theirs.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from ccdaemon.kept import Role

ROOT = "root"
EVERYBODY = frozenset[Role]({"telecoms", "supervisor", "data_protection"})
DPO = frozenset[Role]({"data_protection"})
MAY: Mapping[str, frozenset[Role]] = {
    "state": EVERYBODY,
    "status": EVERYBODY,
    "live": EVERYBODY,
    "reload": frozenset({"telecoms"}),
    "rule": frozenset({"telecoms", "supervisor"}),
    "take back": frozenset({"telecoms", "supervisor"}),
    "acknowledge": frozenset({"telecoms", "supervisor"}),
    "log level": frozenset({"telecoms"}),
    "locked out": EVERYBODY,
    "unlock": frozenset({"telecoms"}),
    "calls": EVERYBODY,
    "call": EVERYBODY,
    "recordings": EVERYBODY,
    "audio": frozenset({"supervisor", "data_protection"}),
    "find recordings": frozenset({"supervisor", "data_protection"}),
    "recording": frozenset({"supervisor", "data_protection"}),
    "messages": EVERYBODY,
    "message done": frozenset({"supervisor", "data_protection"}),
    "scores": frozenset({"supervisor", "data_protection"}),
    "holds": EVERYBODY,
    "hold": frozenset({"supervisor", "data_protection"}),
    "release": frozenset({"data_protection"}),
    "would expire": EVERYBODY,
    "expire": frozenset({"telecoms", "data_protection"}),
    "snapshot": frozenset({"telecoms"}),
    "import": frozenset({"telecoms", "data_protection"}),
    "case open": DPO,
    "case pause": DPO,
    "case resume": DPO,
    "case extend": DPO,
    "case close": DPO,
    "cases": DPO,
    "redact": DPO,
    "redact words": DPO,
    "unredact": DPO,
    "redactions": DPO,
    "subject": DPO,
    "subject audio": DPO,
    "subject erase": DPO,
    "disclosure request": frozenset({"supervisor", "data_protection"}),
    "disclosures": frozenset({"supervisor", "data_protection"}),
    "disclosure decide": DPO,
    "disclosure audio": frozenset({"supervisor", "data_protection"}),
    "disclosure manifest": frozenset({"supervisor", "data_protection"}),
    "disclosure receipt": frozenset({"supervisor", "data_protection"}),
    "certificate": EVERYBODY,
    "audit head": EVERYBODY,
    "audit verify": EVERYBODY,
    "audit day": EVERYBODY,
    "last backup": EVERYBODY,
}


def refusal(question: str, who: str, own: str, roles: Mapping[Role, Container[str]]) -> str | None:
    """Why somebody may not ask something, in words for them; None if they may."""
    permitted = MAY.get(question, frozenset())
    if who in {ROOT, own} or any(who in roles.get(role, ()) for role in permitted):
        return None
    for_whom = " or ".join(sorted(permitted)) or "nobody"
    return f"{who} may not do this: it is for {for_whom} ([roles] in ccdaemon.toml says who that is)"
