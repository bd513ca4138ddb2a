"""The page in a real browser: no requests, no errors, and what is pointed at or chosen is shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hiera_search.report import Front, write_result
from tests.hiera_search.report.test_page import HOSTILE, hostile
from tests.support import fronts

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class Opened:
    """A page with what it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(_NAMES)}")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=path, args=_OPTIONS)
        yield launched
        launched.close()


def opened(browser: Any, folder: Path, front: Front, **options: Any) -> Opened:
    write_result(folder, front)
    found = Opened(browser.new_page(**({"viewport": {"width": 1280, "height": 900}} | options)))
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on("dialog", lambda dialog: found.complaints.append(dialog.message))
    found.page.goto((folder / "report.html").as_uri())
    return found


def twenty() -> Front:
    """Twenty on the front, whatever they are, and the cloud."""
    found = fronts.front()
    everyone = [fronts.neighbour(fronts.SIZE, *shape) for shape in fronts.SHAPES]
    return found.model_copy(update={"front": (fronts.measured(everyone[0]), *everyone[1:]), "ties": ()})


def shown(page: Any) -> list[str]:
    """The headings of the details that can be seen."""
    return list(page.locator(".candidate:visible h2").all_inner_texts())


def test_pointing_clicking_and_the_keyboard_show_candidates(browser: Any, tmp_path: Path) -> None:
    front = twenty()
    there = opened(browser, tmp_path, front)
    page = there.page
    assert shown(page) == [front.front[0].name]

    mark = page.locator("svg.wide a[href='#candidate-7']")
    mark.locator(".mark").hover()
    tip = page.locator(".tip")
    assert tip.is_visible()
    assert front.front[6].name in tip.inner_text()

    mark.locator(".mark").click()
    assert shown(page) == [front.front[6].name]
    assert "depth: 9" in page.locator(".candidate:visible pre").inner_text()
    assert page.locator(".candidate:visible tbody tr").count() == 6
    assert page.locator("[aria-current]").count() == 3  # both drawings and the table

    page.locator("svg.wide a[href='#candidate-3']").focus()
    page.keyboard.press("Enter")
    assert shown(page) == [front.front[2].name]
    page.locator("table a", has_text="hiera_l").click()
    assert shown(page) == ["hiera_l"]
    assert (there.complaints, there.requests) == ([], [(tmp_path / "report.html").as_uri()])
    page.close()


def test_the_table_is_sorted_by_what_is_asked_for(browser: Any, tmp_path: Path) -> None:
    there = opened(browser, tmp_path, twenty())
    table = there.page.locator("table", has_text="beside the nearest published")
    header = table.get_by_role("button", name="params M")
    for order in ("ascending", "descending"):
        header.click()
        values = [float(text) for text in table.locator("tbody tr td:nth-child(5)").all_inner_texts()]
        assert values == sorted(values, reverse=order == "descending")
        assert table.locator(f"th[aria-sort={order}]").count() == 1
    there.page.close()


def test_the_spec_is_copied(browser: Any, tmp_path: Path) -> None:
    front = twenty()
    there = opened(browser, tmp_path, front, permissions=["clipboard-read", "clipboard-write"])
    there.page.locator(".candidate:visible button.copy").click()
    there.page.get_by_role("button", name="copied").wait_for()
    assert f"name: {front.front[0].name}" in there.page.evaluate("navigator.clipboard.readText()")
    there.page.close()


def test_hostile_texts_are_text(browser: Any, tmp_path: Path) -> None:
    there = opened(browser, tmp_path, hostile())
    there.page.locator("svg.wide a.front .mark").click()
    assert shown(there.page) == [HOSTILE]
    assert there.page.locator("img, script").count() == 1
    assert (there.complaints, len(there.requests)) == ([], 1)
    there.page.close()


@pytest.mark.parametrize("front", [fronts.front(fronts.TOP1), fronts.nothing_fits()])
def test_nothing_is_wider_than_the_window(browser: Any, tmp_path: Path, front: Front) -> None:
    there = opened(browser, tmp_path, front)
    for width in (1280, 420):
        there.page.set_viewport_size({"width": width, "height": 900})
        assert there.page.evaluate("document.documentElement.scrollWidth") <= width
        assert there.page.locator("svg.wide, svg.narrow").locator("visible=true").count() == 1
    assert there.complaints == []
    there.page.close()


def test_dark_mode_has_light_text_on_a_dark_ground(browser: Any, tmp_path: Path) -> None:
    light = {}
    there = opened(browser, tmp_path, twenty())
    for scheme in ("light", "dark"):
        there.page.emulate_media(color_scheme=scheme)
        colours = there.page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
        light[scheme] = [sum(map(int, colour[4:-1].split(","))) for colour in colours]
    there.page.close()
    assert light["light"][0] < 150 < 600 < light["light"][1]
    assert light["dark"][1] < 150 < 600 < light["dark"][0]


def test_without_scripts_the_front_and_the_details_are_there(browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    front = twenty()
    write_result(tmp_path, front)
    page = context.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert shown(page) == [front.front[0].name]
    page.locator("svg.wide a[href='#candidate-7'] .mark").click()
    assert shown(page) == [front.front[6].name]
    assert not page.locator("button.copy").first.is_visible()
    context.close()
