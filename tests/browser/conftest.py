"""Fixtures of the browser tests: one server and one set of browsers for the whole run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.browser.stage import Speech, Watch, chromium, launch, open_page, parley, wait_for_engine

expect.set_options(timeout=20_000)

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every browser test the time that a browser on a busy machine needs."""
    for item in items:
        if (
            Path(__file__).parent in item.path.parents
            and item.get_closest_marker("timeout") is None
        ):
            item.add_marker(pytest.mark.timeout(60))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver; fails when there is no Chromium, with what to do."""
    try:
        chromium()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Speech:
    """Speech made by the engine's own voice."""
    return Speech(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def browser_with(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """Browsers by their microphone; each is started once."""
    browsers: dict[tuple[Any, ...], Browser] = {}

    def get(**wanted: Any) -> Browser:
        key = tuple(sorted((name, str(value)) for name, value in wanted.items()))
        if key not in browsers or not browsers[key].is_connected():
            browsers[key] = launch(playwright, **wanted)
        return browsers[key]

    yield get
    for browser in browsers.values():
        browser.close()


@pytest.fixture(scope="session")
def address(
    tmp_path_factory: pytest.TempPathFactory, browser_with: Callable[..., Browser], speech: Speech
) -> Iterator[str]:
    """The address of a real server whose upstream is the built-in engine, ready to talk."""
    with parley(tmp_path_factory.mktemp("server")) as (url, _):
        page, _watch = open_page(browser_with(microphone=speech.wav(1.0)), url)
        wait_for_engine(page)
        page.context.close()
        yield url


@pytest.fixture
def open_parley(
    browser_with: Callable[..., Browser], speech: Speech, request: pytest.FixtureRequest
) -> Iterator[OpenPage]:
    """Open the page; afterwards fail on any console error, exception or policy violation.

    Arguments: `said` (texts and seconds of silence for the microphone; default: silence), `url`,
    `debug`, `allowed` (parts of console errors that belong to the test), `is_denied`,
    `has_device`, `flags`, and options of the browser context.
    """
    watches: list[Watch] = []

    def get(
        *said: str | float,
        url: str | None = None,
        debug: bool = False,
        allowed: tuple[str, ...] = (),
        is_denied: bool = False,
        has_device: bool = True,
        flags: tuple[str, ...] = (),
        **context: Any,
    ) -> Page:
        browser = browser_with(
            microphone=speech.wav(*(said or (1.0,))),
            is_denied=is_denied,
            has_device=has_device,
            flags=flags,
        )
        base = url or request.getfixturevalue("address")
        page, watch = open_page(
            browser, base + ("/?debug=1" if debug else "/"), allowed=allowed, **context
        )
        watches.append(watch)
        return page

    yield get
    try:
        for watch in watches:
            watch.check()
    finally:
        for watch in watches:
            watch.page.context.close()
