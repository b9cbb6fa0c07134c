"""Recordings that are given to others: who may have them, who decides, and what is in the package."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pyzipper
import soundfile

from ccdaemon.cases import GROUNDS, RECIPIENTS, Disclosure, Ground, Recipient, Request
from ccdaemon.config import load
from ccdaemon.rules.disclosure import faults, undecided
from ccdaemon.signing import holds, public, read_key
from ccdaemon.store import Register
from tests.builders import PROMPTS
from tests.kept_site import A_SECOND, LEG, Kept, kept_site, run

__all__ = ["kept_site"]

ASKED = Request("police", "Example Police", "crime", "X-9", ((LEG, 1),))
NAME = f"{LEG}-1"
WORDS = ("--to", "police", "--organisation", "Example Police", "--ground", "crime", "--reference", "X-9")

FITTING = {
    ("council-service", "complaint"),
    ("council-service", "dispute"),
    ("police", "crime"),
    ("care-organisation", "care"),
    ("court", "court-order"),
    ("court", "legal-claim"),
}


@pytest.mark.parametrize("to", RECIPIENTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_each_recipient_has_their_grounds_and_no_others(to: Recipient, ground: Ground) -> None:
    wrong = [*faults(replace(ASKED, to=to, ground=ground), {(LEG, 1)})]
    assert (wrong == []) == ((to, ground) in FITTING)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (replace(ASKED, organisation=" "), "it does not say which organisation it is for"),
        (replace(ASKED, reference=""), "it has no reference"),
        (replace(ASKED, recordings=()), "it names no recording"),
        (replace(ASKED, recordings=(("9.9", 1),)), "there is no finished recording 9.9-1"),
    ],
)
def test_what_is_not_whole_is_refused_with_its_place(request_: Request, said: str) -> None:
    (fault,) = faults(request_, {(LEG, 1)})
    assert fault.startswith(said)


@pytest.mark.parametrize(
    ("disclosure", "who", "may"),
    [
        (Disclosure(1, ASKED, 5.0, "sue"), "dai", True),
        (Disclosure(1, ASKED, 5.0, "sue"), "sue", False),
        (Disclosure(1, ASKED, 5.0, "root"), "root", False),
        (Disclosure(1, ASKED, 5.0, "sue", approved=6.0, approver="dai"), "dan", False),
        (Disclosure(1, ASKED, 5.0, "sue", refused=6.0, refuser="dai"), "dan", False),
    ],
)
def test_somebody_else_decides_and_once(disclosure: Disclosure, who: str, *, may: bool) -> None:
    assert (undecided(disclosure, who) is None) == may


async def approved(kept: Kept) -> None:
    """Asked for by whoever runs the tests, approved by somebody else."""
    done = await run(kept.config, "disclose", "request", NAME, *WORDS)
    assert (done.exit_code, done.stderr) == (0, "")
    assert await kept.register.approve(1, "dai", 6.0)


async def chain(register: Register) -> list[dict[str, Any]]:
    rows = await register.audited_between(0, 1e12)
    return [json.loads(row.detail) for row in rows if row.kind in {"disclosure", "access"}]


async def test_a_package_holds_the_recordings_their_hashes_signed_and_a_receipt(
    kept_site: Kept, tmp_path: Path
) -> None:
    await approved(kept_site)
    out = tmp_path / "given.zip"
    done = await run(kept_site.config, "disclose", "package", "1", "--out", out, "--passphrase-file", kept_site.secret)
    assert (done.exit_code, done.stderr) == (0, "")
    with pyzipper.AESZipFile(out) as archive:
        with pytest.raises(RuntimeError, match="password"):
            archive.read("manifest.json")
        archive.setpassword(kept_site.secret.read_text().strip().encode())
        assert archive.namelist() == [f"{NAME}.flac", "receipt.html", "manifest.json"]
        manifest = archive.read("manifest.json")
        (tmp_path / "a.flac").write_bytes(archive.read(f"{NAME}.flac"))
        receipt = archive.read("receipt.html").decode()
    samples, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert samples.tobytes() == A_SECOND
    said = json.loads(manifest)
    assert holds(said, public(read_key(load(kept_site.config, PROMPTS).main.audit.key)))
    assert said["files"] == {
        f"{NAME}.flac": hashlib.sha256((tmp_path / "a.flac").read_bytes()).hexdigest(),
        "receipt.html": hashlib.sha256(receipt.encode()).hexdigest(),
    }
    assert said["files"][f"{NAME}.flac"] in receipt
    (row,) = await kept_site.register.disclosures()
    assert [each.manifest for each in row.packages] == [hashlib.sha256(manifest).hexdigest()]
    assert [each.get("did") or each["purpose"] for each in await chain(kept_site.register)] == [
        *("request", "approve", "disclosure", "package")
    ]
    check = await run(kept_site.config, "disclose", "check", out, "--passphrase-file", kept_site.secret)
    assert (check.exit_code, check.stdout) == (0, "It is disclosure 1, as it was given away.\n")
    assert (await run(kept_site.config, "disclose", "receipt", "1")).exit_code == 0
    assert (await run(kept_site.config, "disclose", "receipt", "1")).exit_code == 1


async def test_a_package_that_is_another_is_found_out(kept_site: Kept, tmp_path: Path) -> None:
    await approved(kept_site)
    words = ("--passphrase-file", kept_site.secret)
    await run(kept_site.config, "disclose", "package", "1", "--out", tmp_path / "given.zip", *words)
    secret = kept_site.secret.read_text().strip().encode()
    with pyzipper.AESZipFile(tmp_path / "given.zip") as archive:
        archive.setpassword(secret)
        content = {name: archive.read(name) for name in archive.namelist()}
    altered = ((f"{NAME}.flac", b"another"), ("receipt.html", b"another"), ("manifest.json", b'{"files": {}}'))
    for name, changed in altered:
        with pyzipper.AESZipFile(tmp_path / f"{name}.zip", "w", encryption=pyzipper.WZ_AES) as archive:
            archive.setpassword(secret)
            for each, bytes_ in {**content, name: changed}.items():
                archive.writestr(each, bytes_)
        check = await run(kept_site.config, "disclose", "check", tmp_path / f"{name}.zip", *words)
        assert check.exit_code == 1
        assert "is not what was given away" in check.stderr


async def test_a_package_that_is_made_again_takes_nothing_from_the_first(kept_site: Kept, tmp_path: Path) -> None:
    await approved(kept_site)
    words = ("--passphrase-file", kept_site.secret)
    for name in ("one.zip", "two.zip"):
        await run(kept_site.config, "disclose", "package", "1", "--out", tmp_path / name, *words)
    for name in ("one.zip", "two.zip"):
        assert (await run(kept_site.config, "disclose", "check", tmp_path / name, *words)).exit_code == 0
    await run(kept_site.config, "disclose", "receipt", "1")
    done = await run(kept_site.config, "disclose", "package", "1", "--out", tmp_path / "three.zip", *words)
    assert (done.exit_code, "what was given is not changed any more" in done.stderr) == (1, True)
    assert not (tmp_path / "three.zip").exists()


@pytest.mark.parametrize(
    "files", [{}, {"receipt.html": "0"}, {f"{NAME}.flac": "0", "receipt.html": "0", "x.flac": "0"}]
)
async def test_no_other_list_of_files_is_signed(kept_site: Kept, files: dict[str, str]) -> None:
    await approved(kept_site)
    assert "these are not the recordings" in await kept_site.refusal("disclosure manifest", disclosure=1, files=files)


@pytest.mark.parametrize("content", [b"", b"not a ZIP file"])
async def test_what_is_no_package_is_said(kept_site: Kept, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    words = ("--passphrase-file", kept_site.secret)
    done = await run(kept_site.config, "disclose", "check", tmp_path / "a.zip", *words)
    assert (done.exit_code, "cannot be opened" in done.stderr) == (1, True)


async def test_nothing_is_given_before_somebody_else_has_approved(kept_site: Kept, tmp_path: Path) -> None:
    config, register = kept_site.config, kept_site.register
    await run(config, "disclose", "request", NAME, *WORDS)
    own = await run(config, "disclose", "approve", "1")
    assert (own.exit_code, "somebody else decides on it" in own.stderr) == (1, True)
    words = ("--out", tmp_path / "given.zip", "--passphrase-file", kept_site.secret)
    done = await run(config, "disclose", "package", "1", *words)
    assert (done.exit_code, done.stderr) == (1, "nobody has approved disclosure 1\n")
    assert await register.refuse(1, "dai", 6.0)
    assert (await run(config, "disclose", "package", "1", *words)).exit_code == 1
    assert [*tmp_path.glob("*given*")] == []
    assert [each for each in await chain(register) if each.get("purpose")] == []
    assert "refused" in (await run(config, "disclose")).stdout


async def test_only_what_was_approved_is_given(kept_site: Kept) -> None:
    await approved(kept_site)
    wanted = {"disclosure": 1, "leg": "9.9", "segment": 1}
    assert "is not among the recordings of disclosure 1" in await kept_site.refusal("disclosure audio", **wanted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": "newspaper"}, "to: should be 'council-service', "),
        ({"ground": "care"}, "no ground"),
        ({"recordings": []}, "names no"),
    ],
)
async def test_whoever_asks_without_the_command_is_refused_too(
    kept_site: Kept, change: dict[str, Any], said: str
) -> None:
    wanted = {"to": "police", "organisation": "E", "ground": "crime", "reference": "X", "recordings": [[LEG, 1]]}
    assert said in await kept_site.refusal("disclosure request", **{**wanted, **change})
    assert await kept_site.register.disclosures() == []


async def test_the_register_of_disclosures_is_listed_and_written_as_a_table(kept_site: Kept, tmp_path: Path) -> None:
    assert (await run(kept_site.config, "disclose")).stdout == "No disclosures.\n"
    await approved(kept_site)
    listed = (await run(kept_site.config, "disclose")).stdout
    assert all(word in listed for word in ("Example Police (police)", "crime", "X-9", "approved"))
    await run(kept_site.config, "disclose", "--csv", tmp_path / "all.csv")
    (row,) = csv.DictReader((tmp_path / "all.csv").read_text("utf-8-sig").splitlines())
    assert (row["organisation"], row["approver"], row["recordings"]) == ("Example Police", "dai", NAME)
