"""Secrets whose files are root's alone are read where systemd puts its copies of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccdaemon import edges, places
from ccdaemon.config import load, secret
from ccdaemon.credentials import handed
from ccdaemon.keys import encoded
from tests.builders import PROMPTS, site_to_run

MANAGER, OTHER = "the-file-s-own-secret", "the-copy-that-was-handed"
KEY = bytes(range(32))


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "manager.secret"
    file.write_text(MANAGER)
    return file


def test_a_copy_counts_before_the_file(copies: Path, file: Path) -> None:
    (copies / "manager.secret").write_text(OTHER)
    assert secret(file) == OTHER


@pytest.mark.parametrize("blank", [None, "", "\n"])
def test_without_a_copy_or_with_a_blank_one_the_file_counts(copies: Path, file: Path, blank: str | None) -> None:
    if blank is not None:
        (copies / "manager.secret").write_text(blank)
    assert secret(file) == MANAGER


def test_who_was_not_started_by_systemd_reads_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert handed(file) == file


def test_a_folder_that_is_named_without_a_root_is_none_of_systemds(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "")
    assert handed(file) == file


def test_all_secrets_of_a_site_come_from_copies(tmp_path: Path, copies: Path) -> None:
    """As root has them: what the site file names cannot be read by us at all."""
    config = site_to_run(tmp_path)
    main = config / "ccdaemon.toml"
    main.write_text(main.read_text().replace("# password = ", "password = "))
    signs = (config / "audit.key").read_bytes()
    given = {
        "manager.secret": OTHER,
        "gateway.secret": OTHER,
        "mqtt.password": OTHER,
        "site.key": encoded(KEY).decode(),
    }
    for name, content in {**given, "audit.key": signs.decode()}.items():
        (copies / name).write_text(content)
        (config / name).unlink(missing_ok=True)
    site = load(config, PROMPTS)
    broker = edges.broker(site)
    assert broker is not None
    assert (edges.manager_address(site).secret, broker.password) == (OTHER, OTHER)
    assert secret(site.main.gateway.secret) == OTHER
    assert places.keys(site).site == KEY
    signer = places.signer(site)
    assert signer.holds(signer.signed({"said": "so"}))
