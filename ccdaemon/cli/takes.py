"""`ccdaemon prompts record | play | devices`: people's own voices, from whoever sits before the console."""

from __future__ import annotations

import math
import select
import sys
from array import array
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from ccdaemon import audio, card
from ccdaemon.cli.configuration import DEFAULT_FOLDER, Folder, configuration, errors, screen, stop, wide
from ccdaemon.config import Configuration
from ccdaemon.model import Prompt
from ccdaemon.rules.takes import FULL, Refusal, frames, judge
from ccdaemon.voices import RECORDED, Sound, VoicesMissing, build, sounds

WIDTH = 40  # signs of the meter
FLOOR = -60.0  # dBFS at its left end
TONE = 440.0  # Hz
DeviceOption = Annotated[
    str | None, typer.Option(help="By its name, or a part of it: `ccdaemon prompts devices`.", metavar="NAME")
]
PromptName = Annotated[str, typer.Argument(help="As `ccdaemon prompts list` shows it.", metavar="PROMPT")]
LanguageOption = Annotated[str, typer.Option(help="In which language, as `cy`.")]


def record(
    prompt: PromptName,
    language: LanguageOption,
    config: Folder = DEFAULT_FOLDER,
    device: DeviceOption = None,
    seconds: Annotated[float, typer.Option(help="At most so long; Enter ends it before.", min=0.5, max=300)] = 60,
    countdown: Annotated[float, typer.Option(help="Seconds before it begins.", min=0, max=60)] = 3,
    yes: Annotated[bool, typer.Option("--yes", help="Keep it without asking.")] = False,
) -> None:
    """Speak a prompt: a countdown, a level meter, Enter when you are done. Silence before and after it is cut off.

    What is silent, too short or distorted is refused, and what was there stays. It is kept at 48 kHz in
    CONFIG/recorded/LANGUAGE, and its versions for phones are made at once.

    ccdaemon prompts record welcome --language cy
    """
    site = configuration(config)
    screen.print(f"[bold]{escape(_text(site, prompt, language))}[/]")
    file = config / RECORDED / language / f"{prompt}.wav"
    said = bytearray()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with Live(console=screen, transient=True, refresh_per_second=20) as meter:
            for block in _blocks(device, countdown, seconds, meter):
                said += block
        spoken = judge(frames(bytes(said), card.TAKE))
        if isinstance(spoken, Refusal):
            message = f"Refused: {spoken.value}. Nothing was changed"
            raise stop(message)
        begins, ends = (2 * round(at * card.TAKE) for at in (spoken.begins, spoken.ends))
        screen.print(f"{(ends - begins) / 2 / card.TAKE:.1f} s are spoken.")
        if not yes and not typer.confirm("Keep it?", default=True):
            screen.print("Nothing was changed.")
            return
        audio.write_take(bytes(said[begins:ends]), card.TAKE, file)
        for _ in build([_sound(site, prompt, language)], _to(site)):
            screen.print(escape(f"{file}, and its versions for phones in {_to(site)}"))
    except card.NoSound as fault:
        raise stop(_rescued(bytes(said), file, str(fault))) from None
    except (audio.AudioFault, VoicesMissing, OSError) as fault:
        raise stop(str(fault)) from None


def play(
    prompt: PromptName, language: LanguageOption, config: Folder = DEFAULT_FOLDER, device: DeviceOption = None
) -> None:
    """Hear a prompt: as it was spoken, or its placeholder.

    ccdaemon prompts play welcome --language cy
    """
    site = configuration(config)
    _text(site, prompt, language)
    wanted = _sound(site, prompt, language)
    built = _to(site) / f"{Prompt(prompt, language).sound}.sln16"
    try:
        if wanted.recording:
            samples, rate, channels = audio.read_take(wanted.recording)
        else:
            samples, rate, channels = built.read_bytes(), 16_000, 1
        hear([samples], rate, channels, device)
    except (card.NoSound, audio.AudioFault) as fault:
        raise stop(str(fault)) from None
    except OSError as fault:
        message = f"{fault.filename}: {fault.strerror}. `ccdaemon prompts build` makes it"
        raise stop(message) from None


def devices(
    test: Annotated[str | None, typer.Option(help="Play a tone on this one, and listen to it.", metavar="NAME")] = None,
) -> None:
    """List what can be spoken into, and heard."""
    try:
        if test is not None:
            _test(test)
            return
        table = Table("device", "in", "out", "", box=None, header_style="bold")
        for each in card.devices():
            default = [word for word, so in (("in", each.default_input), ("out", each.default_output)) if so]
            chosen = f"default {' and '.join(default)}" if default else ""
            table.add_row(escape(each.name), str(each.inputs), str(each.outputs), chosen)
    except card.NoSound as fault:
        raise stop(str(fault)) from None
    if not table.row_count:
        message = "there is no sound card here"
        raise stop(message)
    wide.print(table)


def hear(pieces: list[bytes] | Iterator[bytes], rate: int, channels: int, device: str | None) -> None:
    """Play, and show where. Raises `NoSound`."""
    with Live(console=screen, transient=True, refresh_per_second=5) as where:
        for at in card.play(pieces, rate, channels, device):
            where.update(f"{int(at) // 60}:{at % 60:04.1f}")


def _blocks(device: str | None, countdown: float, longest: float, meter: Live) -> Iterator[bytes]:
    """A countdown, and then what is spoken until Enter is pressed. What was typed before does not count."""
    with closing(card.record(device)) as source:
        next(source)  # where there is no card, nobody counts down
        for number, _ in enumerate(islice(source, round(countdown / card.BLOCK))):
            meter.update(f"[yellow]{math.ceil(countdown - number * card.BLOCK)}[/]")
        _enter()
        for number, block in enumerate(source, 1):
            meter.update(_meter(block, number * card.BLOCK, longest))
            yield block
            if _enter() or number * card.BLOCK >= longest:
                return


def _enter() -> bool:
    """Has a line been typed? At its end, standard input says nothing any more."""
    typed = False
    while sys.stdin is not None and sys.stdin.isatty() and select.select([sys.stdin], [], [], 0)[0]:
        if not sys.stdin.readline():
            return True
        typed = True
    return typed


def _meter(block: bytes, at: float, longest: float) -> str:
    peak = max((frame.peak for frame in frames(block, card.TAKE)), default=0)
    level = 20 * math.log10(peak / (FULL + 1)) if peak else FLOOR
    bar = round(WIDTH * max(0.0, 1 - level / FLOOR))
    colour = "red" if peak >= FULL else "green"
    return f"[{colour}]{'█' * bar:{WIDTH}}[/] {level:6.1f} dBFS  {at:4.1f} of {longest:g} s  (Enter ends it)"


def _test(name: str) -> None:
    """In each direction that it says it has; a device of the sound server says that it has both."""
    chosen = [each for each in card.devices() if name in each.name]
    failed = 0
    for way, has in (("out", any(each.outputs for each in chosen)), ("in", any(each.inputs for each in chosen))):
        if has or not chosen:
            try:
                screen.print(escape(f"{way}: {_test_out(name) if way == 'out' else _test_in(name)}"))
            except card.NoSound as fault:
                failed += 1
                errors.print(f"[red]{way}: {escape(str(fault))}[/]")
    if failed:
        raise typer.Exit(1)


def _test_out(name: str) -> str:
    tone = array("h", (round(8000 * math.sin(2 * math.pi * TONE * at / card.TAKE)) for at in range(card.TAKE)))
    hear([tone.tobytes()], card.TAKE, 1, name)
    return "a tone of one second was played"


def _test_in(name: str) -> str:
    with closing(card.record(name)) as source:
        heard = b"".join(islice(source, round(1 / card.BLOCK)))
    peak = max(frame.peak for frame in frames(heard, card.TAKE))
    return f"the loudest of one second was {20 * math.log10(max(peak, 1) / (FULL + 1)):.0f} dBFS"


def _rescued(said: bytes, file: Path, why: str) -> str:
    """What was spoken until the card was gone is not lost; it is nobody's prompt yet."""
    if not said:
        return f"{why}. Nothing was changed"
    part = file.with_suffix(".part")
    try:
        audio.write_take(said, card.TAKE, part)
    except (OSError, audio.AudioFault) as fault:
        return f"{why}; and what was spoken until then is lost: {fault}"
    return f"{why}. What was spoken until then is in {part} (WAV); the prompt itself was not changed"


def _text(site: Configuration, prompt: str, language: str) -> str:
    texts = site.catalogue.get(prompt)
    if texts is None or language not in texts:
        message = f"there is no prompt {prompt!r} in the language {language!r}: `ccdaemon prompts list` shows all"
        raise stop(message)
    return texts[language]


def _sound(site: Configuration, prompt: str, language: str) -> Sound:
    return next(
        each for each in sounds(site.catalogue, *recorded(site)) if (each.prompt, each.language) == (prompt, language)
    )


def recorded(site: Configuration) -> tuple[Path, Path]:
    """Where people's recordings lie: beside the site's files, and those of handsets."""
    return site.folder / RECORDED, site.main.paths.state / RECORDED


def _to(site: Configuration) -> Path:
    return site.main.paths.sounds
