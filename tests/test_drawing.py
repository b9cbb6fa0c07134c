"""The picture of a service's menus: well formed, and with everything in it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from xml.etree.ElementTree import Element, fromstring

import pytest

from ccdaemon.cli.menus import written
from ccdaemon.drawing import svg
from ccdaemon.model import Service
from ccdaemon.ways import Back, Farewell, Menu, Repeat, Say, ToMenu, ToQueue, ToService
from tests.builders import example_site

SVG = "{http://www.w3.org/2000/svg}"
SERVICES = sorted(example_site().services)


def picture(service: Service) -> Element:
    return fromstring(svg(example_site(), service))  # raises if it is not well formed


def texts(root: Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def boxes(root: Element) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of each menu."""
    rects = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx")]
    places = [tuple(float(rect.get(name, "")) for name in ("x", "y", "width", "height")) for rect in rects]
    return [(x, y, x + width, y + height) for x, y, width, height in places]


@pytest.mark.parametrize("name", SERVICES)
def test_each_menu_and_each_key_stands_in_it(name: str) -> None:
    service = example_site().services[name]
    said = texts(picture(service))
    assert said[0] == " / ".join(service.name[language] for language in service.languages)
    assert len(boxes(picture(service))) == len(service.menus)
    for menu, each in service.menus.items():
        place = next(place for place, text in enumerate(said) if text == menu and said[place + 1] == each.prompt)
        rows = said[place + 2 :]
        keys = [*each.keys, "no key"]
        assert rows[: 2 * len(keys) : 2] == keys
        assert all(rows[1 : 2 * len(keys) : 2])  # where each leads


@pytest.mark.parametrize(
    ("way", "words"),
    [
        (ToQueue(), "a person"),
        (ToMenu("closed"), "menu closed"),
        (ToService("careline"), "service: Careline"),
        (Say("privacy-notice"), "hears privacy-notice"),
        (Repeat(), "again"),
        (Back(), "back"),
        (Farewell(), "goodbye"),
    ],
    ids=lambda value: written(value) if not isinstance(value, str) else None,
)
def test_where_a_key_leads_is_said_in_words(way: ToQueue, words: str) -> None:
    service = replace(example_site().services["ict"], menus={"main": Menu("m", {"1": way}, ToQueue())})
    said = texts(picture(service))
    assert said[said.index("1") + 1] == words


@pytest.mark.parametrize("name", SERVICES)
def test_an_arrow_leads_from_each_key_to_its_menu(name: str) -> None:
    service = example_site().services[name]
    root = picture(service)
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    ways = [way for menu in service.menus.values() for way in (*menu.keys.values(), menu.otherwise)]
    assert len(arrows) == sum(isinstance(way, ToMenu) for way in ways)
    edges = [(left, top) for left, top, _, _ in boxes(root)]
    for arrow in arrows:
        x, y = (float(number) for number in (arrow.get("d") or "").split()[-2:])
        assert any(x == left and 0 < y - top < 22 for left, top in edges)


@pytest.mark.parametrize("name", SERVICES)
def test_no_menu_lies_upon_another_or_outside(name: str) -> None:
    root = picture(example_site().services[name])
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    for left, top, right, bottom in boxes(root):
        assert left >= 0
        assert top > 30  # below the service's name
        assert right <= width
        assert bottom <= height
    for one, other in combinations(boxes(root), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_a_menu_for_who_presses_nothing_stands_behind_the_one_that_leads_there() -> None:
    menus = {"main": Menu("m", {"1": ToQueue()}, ToMenu("late")), "late": Menu("l", {}, ToQueue())}
    main, late = boxes(picture(replace(example_site().services["ict"], menus=menus)))
    assert late[0] > main[2]


def test_signs_of_xml_in_a_name_are_only_signs() -> None:
    ict = replace(
        example_site().services["ict"],
        name={"cy": 'TGCh <&> "Tŷ"', "en": "ICT</text><script/>"},
        menus={"main": Menu("a&b", {"#": Say("<b>")}, ToQueue())},
    )
    root = picture(ict)
    assert texts(root)[0] == 'TGCh <&> "Tŷ" / ICT</text><script/>'
    assert root.findtext(f"{SVG}title") == "Menus of ICT</text><script/>"
    assert {"a&b", "hears <b>"} <= set(texts(root))
    assert root.find(f".//{SVG}script") is None


def test_a_service_without_menus_is_drawn_too() -> None:
    assert boxes(picture(replace(example_site().services["ict"], menus={}))) == []
