"""Make the pictures in docs/screenshots from a real conversation with the built-in engine.

`python scripts/screenshots.py [NAME…]`, e.g. `python scripts/screenshots.py desk-light`

The fake microphone of Chromium speaks (the engine's own voice), the server, the relay and the
engine are the real ones; nothing on the pictures is made up.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from tests.browser.stage import Speech, launch, open_page, parley, wait_for_engine  # noqa: E402

SIZES = {"desk": (1280, 800), "phone": (390, 844)}
FOLDER = ROOT / "docs" / "screenshots"
YOU, THEM = "[data-who=you]", "[data-who=them]"
TURN_MS = 30_000


def converse(page: Page) -> None:
    """Talk: a question, an interrupted story, and a last question being answered."""
    page.get_by_role("button", name="Start the conversation").click()
    answered(page, 1)
    # The microphone speaks the rest; see `MICROPHONE`.
    expect(page.locator(f"{THEM}[data-interrupted]")).to_be_visible(timeout=TURN_MS * 2)
    expect(page.locator(f"{YOU} .turn-text", has_text="joke")).to_be_visible(timeout=TURN_MS)
    expect(page.locator("html")).to_have_attribute("data-phase", "speaking", timeout=TURN_MS)
    page.wait_for_timeout(1700)


MICROPHONE: tuple[str | float, ...] = (
    12.5,
    "What time is it?",
    5.0,
    "Tell me a story",
    4.5,
    "Tell me a joke",
    30.0,
)


def answered(page: Page, count: int) -> None:
    """Wait until so many replies have words and the last has sounded."""
    expect(page.locator(f"{THEM} .said").nth(count - 1)).not_to_be_empty(timeout=TURN_MS)


def take(browser: Browser, url: str, name: str, act: Callable[[Page], None], suffix: str) -> None:
    """Take one picture."""
    size, scheme = name.split("-")
    width, height = SIZES[size]
    page, watch = open_page(
        browser,
        url,
        color_scheme=scheme,
        viewport={"width": width, "height": height},
        device_scale_factor=2 if size == "phone" else 1,
    )
    act(page)
    path = FOLDER / f"{name}{suffix}.png"
    page.screenshot(path=path)
    print(path.relative_to(ROOT))
    watch.check()
    page.context.close()


def main() -> int:
    """Take the wanted pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [f"{size}-{scheme}" for size in SIZES for scheme in ("light", "dark")]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    wanted = parser.parse_args().names or names
    if unknown := set(wanted) - set(names):
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        parley(Path(folder)) as (url, _),
        sync_playwright() as playwright,
    ):
        microphone = Speech(Path(folder)).wav(*MICROPHONE)
        browser = launch(playwright, microphone=microphone)
        page, _ = open_page(browser, url)
        wait_for_engine(page)
        page.context.close()
        for name in wanted:
            take(browser, url, name, lambda page: None, "-welcome")
            take(browser, url, name, converse, "")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
