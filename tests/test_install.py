"""`ccdaemon install` puts in place what systemd needs, and takes away again what is still as it put it there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ccdaemon.cli import app
from ccdaemon.cli import install as room
from ccdaemon.config import load
from ccdaemon.shipped import shipped
from ccdaemon.units import ASTERISK_FILE, MARK, PLACES, PROGRAM, SITE_FILE, SYSTEM, additions, is_ours, marked
from tests.builders import PROMPTS, site_to_run

ANALYZE = shutil.which("systemd-analyze")
SERVICE = f"{SYSTEM}/ccdaemon.service"
MOST = 15  # tenths of the exposure that systemd-analyze computes; 100 is a service that may do anything
HASH = "scrypt$1024$8$1$AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "="


def install(root: Path, *words: str, said: str = "") -> Result:
    return CliRunner().invoke(app, ["install", "--root", str(root), *words], input=said)


def there(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on which it was installed."""
    assert install(tmp_path, "--yes").exit_code == 0
    return tmp_path


# --- putting it there ------------------------------------------------------------------------------------------------


def test_every_shipped_file_has_its_place() -> None:
    assert set(PLACES) == {file.name for file in shipped("systemd").iterdir()}


def test_all_of_it_is_put_there_for_everybody_to_read(root: Path) -> None:
    assert set(there(root)) == set(PLACES.values())
    assert {file.stat().st_mode & 0o777 for file in root.rglob("*") if file.is_file()} == {0o644}
    for name, place in PLACES.items():
        text = re.sub(r"(?<==)\S+/bin/ccdaemon", PROGRAM, (root / place).read_text())
        assert text.endswith((shipped("systemd") / name).read_text())


def test_the_units_start_the_program_that_ran(root: Path) -> None:
    program = Path(sys.executable).absolute().parent / "ccdaemon"
    for name in ("ccdaemon.service", "ccdaemon-expire.service"):
        assert f"\nExecStart={program} " in (root / SYSTEM / name).read_text()
    assert f"\nExecReload={program} reload" in (root / SERVICE).read_text()


def test_a_program_in_the_image_is_called_as_that_machine_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "opt/own/bin").mkdir(parents=True)
    (tmp_path / "opt/own/bin/ccdaemon").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "opt/own/bin/python3"))
    install(tmp_path, "--yes")
    assert "\nExecStart=/opt/own/bin/ccdaemon run" in (tmp_path / SERVICE).read_text()


def test_a_program_that_no_service_could_see_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "HIDDEN", (str(tmp_path),))
    (tmp_path / "ccdaemon").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    done = CliRunner().invoke(app, ["install", "--dry-run"])
    assert done.exit_code == 1
    assert "cannot be run by a service" in done.stderr


def test_twice_changes_nothing(root: Path) -> None:
    before = there(root)
    done = install(root)
    assert (done.exit_code, there(root)) == (0, before)
    assert "Every file is as it should be." in done.stdout


def test_it_shows_first_and_asks(tmp_path: Path) -> None:
    done = install(tmp_path, said="n\n")
    assert (done.exit_code, there(tmp_path)) == (1, {})
    assert f"new     {tmp_path / SERVICE}" in done.stdout
    assert install(tmp_path, said="y\n").exit_code == 0
    assert set(there(tmp_path)) == set(PLACES.values())


def test_a_dry_run_says_the_same_and_does_nothing(root: Path, tmp_path: Path) -> None:
    (root / SERVICE).write_text(marked("[Service]\nRestart=no\n"))
    before = there(root)
    done = install(tmp_path, "--dry-run")
    assert (done.exit_code, there(root)) == (0, before)
    assert "-Restart=no" in done.stdout
    assert "+Restart=always" in done.stdout


@pytest.mark.parametrize("old", ["[Service]\nRestart=no\n", "[Service]\n"])
def test_what_an_older_version_put_there_is_brought_up_to_date(root: Path, old: str) -> None:
    before = there(root)
    (root / SERVICE).write_text(marked(old))
    assert install(root, "--yes").exit_code == 0
    assert there(root) == before


def test_what_was_copied_there_as_it_is_shipped_is_ours_too(root: Path) -> None:
    before = there(root)
    shutil.copy(shipped("systemd") / "ccdaemon.service", root / SERVICE)
    assert install(root, "--yes").exit_code == 0
    assert there(root) == before


def test_what_somebody_changed_by_hand_is_not_overwritten_unasked(root: Path) -> None:
    changed = (root / SERVICE).read_text().replace("RestartSec=2", "RestartSec=9")
    (root / SERVICE).write_text(changed)
    done = install(root, "--yes")
    assert (done.exit_code, (root / SERVICE).read_text()) == (1, changed)
    assert "(changed by hand)" in done.stdout
    assert f"left as it is {root / SERVICE}" in done.stderr
    assert install(root, said="n\n").exit_code == 1
    assert (root / SERVICE).read_text() == changed
    assert install(root, said="y\n").exit_code == 0
    assert "RestartSec=2" in (root / SERVICE).read_text()


def test_who_may_not_write_there_hears_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").write_text("no folder")
    done = install(tmp_path, "--yes")
    assert done.exit_code == 1
    assert "What was done before that stays" in done.stderr
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = CliRunner().invoke(app, ["install"])
    assert (done.exit_code, done.stderr) == (
        1,
        "this changes the machine: become root. (--dry-run only says what would change)\n",
    )


def test_what_comes_next_is_said(tmp_path: Path) -> None:
    said = install(tmp_path, "--yes").stdout
    for words in ("systemctl restart asterisk", "ccdaemon init /etc/ccdaemon", "systemctl enable --now ccdaemon"):
        assert words in said
    again = install(tmp_path, "--yes").stdout
    assert "restart asterisk" not in again


# --- what a site adds ------------------------------------------------------------------------------------------------


def a_site(root: Path, *changes: tuple[str, str]) -> Path:
    """The example site at its place in a root folder."""
    config = root / "etc" / "ccdaemon"
    shutil.copytree(Path(__file__).parents[1] / "ccdaemon" / "example", config)
    main = config / "ccdaemon.toml"
    for old, new in changes:
        assert old in main.read_text()
        main.write_text(main.read_text().replace(old, new))
    return config


def test_a_site_that_names_nothing_elsewhere_adds_nothing(tmp_path: Path) -> None:
    a_site(tmp_path, ("# user = ", "user = "), ("# password = ", "password = "))
    install(tmp_path, "--yes")
    assert not (tmp_path / SITE_FILE).exists()


def test_secrets_and_folders_elsewhere_are_given_to_the_service(tmp_path: Path) -> None:
    config = a_site(
        tmp_path,
        ('"/etc/ccdaemon/site.key"', '"/mnt/keys/100%.key"'),
        ('"/var/spool/asterisk/sms"', '"/srv/sms gateway"'),
        ('# heads = "/mnt/elsewhere/ccdaemon-heads"', 'heads = "/mnt/elsewhere/ccdaemon-heads"'),
    )
    install(tmp_path, "--yes")
    lines = (tmp_path / SITE_FILE).read_text().splitlines()
    assert lines[2:] == [
        "[Service]",
        "LoadCredential=100%.key:/mnt/keys/100%%.key",
        "SetCredential=100%.key:\\n",
        'ReadWritePaths="-/mnt/elsewhere"',
        'ReadWritePaths="-/srv/sms gateway"',
    ]
    table = (
        f'[supervisors.sue]\npin = "{HASH}"\nservices = ["housing"]\nmay = ["prompts"]\nhandsets = ["1005"]\n[phones]'
    )
    shutil.rmtree(config)
    a_site(tmp_path, ('"/var/lib/ccdaemon/sounds"', '"/srv/sounds"'), ("\n[phones]\n", f"\n{table}\n"))
    install(tmp_path, "--yes")  # who records prompts at a handset has them put there
    assert (tmp_path / SITE_FILE).read_text().splitlines()[3:] == ['ReadWritePaths="-/srv/sounds"']
    shutil.rmtree(config)
    a_site(tmp_path)
    assert install(tmp_path, "--yes").exit_code == 0  # nothing is elsewhere any more
    assert not (tmp_path / SITE_FILE).exists()


def test_two_secrets_of_one_name_are_refused(tmp_path: Path) -> None:
    a_site(tmp_path, ('"/etc/ccdaemon/audit.key"', '"/mnt/site.key"'))
    done = install(tmp_path, "--yes")
    assert (done.exit_code, there(tmp_path / "etc" / "systemd")) == (1, {})
    assert "two of these have the same name" in done.stderr


def test_a_site_with_faults_hinders_nothing_and_is_said(tmp_path: Path) -> None:
    a_site(tmp_path, ('general = "general"', 'general = "nobody"'))
    done = install(tmp_path, "--yes")
    assert done.exit_code == 0
    assert "has faults" in done.stderr
    assert (tmp_path / SERVICE).exists()


# --- taking it away --------------------------------------------------------------------------------------------------


def test_undo_takes_away_all_that_was_put_there_and_no_more(tmp_path: Path) -> None:
    a_site(tmp_path, ('"/etc/ccdaemon/site.key"', '"/mnt/site.key"'))
    before = there(tmp_path)
    install(tmp_path, "--yes")
    own = tmp_path / SYSTEM / "ccdaemon.service.d" / "override.conf"
    own.write_text("[Service]\nRestartSec=9\n")
    done = install(tmp_path, "--undo", "--yes")
    assert done.exit_code == 0
    assert there(tmp_path) == {**before, str(own.relative_to(tmp_path)): own.read_text()}
    assert not (tmp_path / ASTERISK_FILE).parent.exists()  # nobody else had anything there
    assert "Left where they are: /etc/ccdaemon, /var/lib/ccdaemon" in done.stdout


def test_undo_leaves_what_somebody_changed(root: Path) -> None:
    (root / SERVICE).write_text("[Service]\nExecStart=/bin/true\n")
    done = install(root, "--undo", "--yes")
    assert (done.exit_code, [*there(root)]) == (1, [SERVICE])
    assert f"left as it is {root / SERVICE}" in done.stderr


def test_undo_where_nothing_is_says_so(tmp_path: Path) -> None:
    done = install(tmp_path, "--undo", "--yes")
    assert done.exit_code == 0
    assert "Nothing of it is there." in done.stdout


def test_a_file_is_ours_as_long_as_no_sign_of_it_was_changed() -> None:
    text = marked("[Service]\nUMask=0007\n")
    assert text.startswith(MARK)
    assert is_ours(text)
    assert not is_ours(text.replace("0007", "0022"))
    assert not is_ours(text.removeprefix(MARK))


# --- what systemd makes of it ----------------------------------------------------------------------------------------


needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    assert ANALYZE is not None
    return subprocess.run([ANALYZE, *words], capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "ccdaemon"
    program.touch(mode=0o755)
    units = []
    for name in (*(name for name in PLACES if "." in name and not name.endswith(".conf")),):
        unit = tmp_path / name
        unit.write_text((shipped("systemd") / name).read_text().replace(PROGRAM, str(program)))
        units.append(str(unit))
    done = analyze("verify", "--man=no", *units)
    ours = [line for line in done.stderr.splitlines() if "ccdaemon" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", ["ccdaemon.service", "ccdaemon-expire.service"])
def test_the_services_are_closed_as_far_as_systemd_can_tell(root: Path, unit: str) -> None:
    done = analyze("security", "--offline=true", f"--root={root}", f"--threshold={MOST}", "--no-pager", unit)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_relaxed_is_said_why() -> None:
    lines = (shipped("systemd") / "ccdaemon.service").read_text().splitlines()
    relaxed = ("AmbientCapabilities=", "RestrictAddressFamilies=", "PrivateUsers=no")
    for line in lines:
        if line.startswith(relaxed):
            assert lines[lines.index(line) - 1].startswith("# Relaxed: ")


def test_the_example_sites_own_secrets_and_folders_are_those_of_the_unit(tmp_path: Path) -> None:
    assert additions(load(a_site(tmp_path), PROMPTS)) is None
    assert additions(load(site_to_run(tmp_path / "moved"), PROMPTS)) is not None
