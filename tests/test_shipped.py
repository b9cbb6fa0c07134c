"""What an installed ccdaemon brings along: dialplan, prompts and systemd units are in the package and found there."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from ccdaemon import __version__
from ccdaemon.control import HELD
from ccdaemon.places import SOCKET
from ccdaemon.shipped import shipped
from ccdaemon.tables.main import PathsTable
from ccdaemon.units import SECRETS

ROOT = Path(__file__).parents[1]
FOLDERS = ("dialplan", "prompts", "systemd")
DEADLINE = 60.0  # seconds; a command is done long before


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, by its path there."""
    found = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return Path(built)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked as an installation has it: no checkout lies beside it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_checkout_finds_them_beside_the_package(folder: str) -> None:
    assert shipped(folder) == ROOT / folder
    assert files(shipped(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_wheel_has_every_file_of_them(installed: Path, folder: str) -> None:
    assert files(installed / "ccdaemon" / "shipped" / folder) == files(ROOT / folder)


def test_the_wheel_has_every_module_the_example_and_the_registers_shapes(installed: Path) -> None:
    package = files(installed / "ccdaemon")
    beside = {name: content for name, content in package.items() if not name.startswith("shipped/")}
    assert beside == files(ROOT / "ccdaemon")
    assert any(name.endswith(".sql") for name in beside)
    assert "example/services/housing.toml" in beside


def test_the_wheel_has_nothing_else(installed: Path) -> None:
    assert {each.name for each in installed.iterdir()} == {"ccdaemon", f"ccdaemon-{__version__}.dist-info"}


def test_the_wheel_knows_its_command_its_licence_and_its_version(installed: Path) -> None:
    about = installed / f"ccdaemon-{__version__}.dist-info"
    commands = configparser.ConfigParser()
    commands.read(about / "entry_points.txt")
    assert dict(commands["console_scripts"]) == {"ccdaemon": "ccdaemon.cli:main"}
    assert (about / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert f"Version: {__version__}" in (about / "METADATA").read_text().splitlines()


def test_what_is_installed_works_far_from_any_checkout(installed: Path, tmp_path: Path) -> None:
    """From the example site to the files for Asterisk, with prompts and dialplan out of the package."""
    there = shutil.copytree(installed, tmp_path / "there")
    with (there / "ccdaemon/shipped/dialplan/cc-ask.conf").open("a") as file:
        file.write("; as it was installed\n")
    for words in (
        ["init", "site"],
        ["check", "--config", "site", "--no-asterisk", "--no-sounds"],
        ["dialplan", "install", "--config", "site", "--to", str(tmp_path / "asterisk")],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ccdaemon", *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(there), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
    for name, content in files(there / "ccdaemon/shipped/dialplan").items():
        if name.endswith(".conf"):
            assert (tmp_path / "asterisk" / "ccdaemon" / name).read_bytes() == content


def test_the_source_archive_has_all_that_a_wheel_is_built_of(tmp_path: Path) -> None:
    (built,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("ccdaemon", *FOLDERS):
        assert {f"{folder}/{name}" for name in files(ROOT / folder)} <= names
    assert {"README.md", "LICENSE", "pyproject.toml"} <= names


# --- systemd ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["ccdaemon.service", "asterisk-ccdaemon.conf"])
def test_units_are_of_sections_and_settings(file: str) -> None:
    unit = configparser.RawConfigParser(strict=False, comment_prefixes=("#", ";"), delimiters=("=",))
    unit.read_string((ROOT / "systemd" / file).read_text())
    assert unit.has_section("Service")


def test_the_service_starts_what_the_readme_installs_and_may_write_where_the_example_says() -> None:
    text = (ROOT / "systemd" / "ccdaemon.service").read_text()
    assert "ExecStart=/opt/ccdaemon/bin/ccdaemon run --config /etc/ccdaemon" in text
    places = "ReadWritePaths=/var/spool/ccdaemon /var/lib/ccdaemon-keys"
    others = "ReadWritePaths=-/var/spool/asterisk -/var/log/asterisk"
    for place in ("StateDirectory=ccdaemon", "RuntimeDirectory=ccdaemon", places, others):
        assert place in text.splitlines()


def test_the_socket_is_the_one_that_commands_ask_at_under_the_name_that_the_daemon_looks_for() -> None:
    lines = (ROOT / "systemd" / "ccdaemon.socket").read_text().splitlines()
    assert f"ListenStream={PathsTable().run / SOCKET}" in lines
    assert f"FileDescriptorName={HELD}" in lines


def test_every_secret_of_a_site_is_handed_over_and_a_missing_one_hinders_no_start() -> None:
    lines = (ROOT / "systemd" / "ccdaemon.service").read_text().splitlines()
    given = [line.removeprefix("LoadCredential=") for line in lines if line.startswith("LoadCredential=")]
    assert {place.partition(":")[2] for place in given} == SECRETS
    for place in given:
        name = place.partition(":")[0]
        assert place == f"{name}:/etc/ccdaemon/{name}"
        assert f"SetCredential={name}:\\n" in lines
