"""The page itself: policy, accessibility, keyboard, narrow screens, weight."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.support.servers import ROOT

THEM = "[data-who=them]"
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types app"
)
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}


def find_faults(page: Page, state: str) -> list[str]:
    results = Axe().run(page, options=RULES)
    return [
        f"{state}: {fault['id']} ({fault['impact']}): {[node['target'] for node in fault['nodes']]}"
        for fault in results.response["violations"]
    ]


def talk(page: Page) -> None:
    """A short typed conversation with an interruption."""
    page.get_by_label("Type a message").fill("Tell me a story")
    page.keyboard.press("Enter")
    expect(page.locator(f"{THEM} .said")).not_to_be_empty()
    # What nobody has heard any of is deleted, not cut.
    page.wait_for_function("() => __parley.playedSamples() > 12_000")
    page.keyboard.press("Escape")
    expect(page.locator(f"{THEM} .cut")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-phase", "muted")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_main_state(open_parley: OpenPage, scheme: str) -> None:
    page = open_parley(is_denied=True, color_scheme=scheme, debug=True)
    faults = find_faults(page, "welcome")
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.get_by_role("alert")).to_contain_text("blocked")
    faults += find_faults(page, "trouble")
    talk(page)
    faults += find_faults(page, "conversation")
    page.keyboard.press("Tab")
    page.locator("#scroller").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    faults += find_faults(page, "keys")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_while_listening_or_on_a_phone(
    open_parley: OpenPage, scheme: str
) -> None:
    page = open_parley(color_scheme=scheme, viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-word")).to_have_text("Listening")
    faults = find_faults(page, "listening")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("dialog", name="Figures and settings")).to_be_visible()
    faults += find_faults(page, "settings")
    assert not faults, "\n".join(faults)


def test_the_policy_is_the_strict_one(open_parley: OpenPage) -> None:
    page = open_parley(allowed=("TrustedHTML",))
    answer = page.request.get(page.url)
    sent = [
        part.strip()
        for part in answer.headers["content-security-policy"].split(";")
        if part.strip()
    ]
    assert sorted(sent) == sorted(part.strip() for part in POLICY.split(";"))
    refused = page.evaluate(
        "() => { try { document.body.innerHTML = '<b>'; return false; } catch { return true; } }"
    )
    assert refused, "a string was taken as HTML: Trusted Types are not on"
    page.evaluate("() => { window.__violations = []; }")


def test_the_keyboard_reaches_everything_in_reading_order(open_parley: OpenPage) -> None:
    page = open_parley()
    names: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            """() => {
              const node = document.activeElement;
              if (node === document.body) return null;
              const seen = getComputedStyle(node);
              const is_marked = node.matches(".segments input, .skip");
              return {
                id: node.id || node.className || node.name,
                outline: is_marked || seen.outlineStyle !== "none",
              };
            }"""
        )
        if focused is None:
            break
        assert focused["outline"], f"{focused['id']} shows no focus"
        names.append(focused["id"])
    for first, second in [
        ("skip", "keys-open"),
        ("keys-open", "scroller"),
        ("scroller", "big"),
        ("big", "text"),
        ("text", "voice"),
    ]:
        assert names.index(first) < names.index(second), names
    assert names.count("phrase") == 6


def test_the_skip_link_leads_to_typing(open_parley: OpenPage) -> None:
    page = open_parley()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Type a message")).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 768, 1024])
def test_nothing_scrolls_sideways(open_parley: OpenPage, width: int) -> None:
    page = open_parley(is_denied=True, viewport={"width": width, "height": 640})
    too_wide = (
        "() => [document.documentElement, document.querySelector('#scroller')]"
        ".some((node) => node.scrollWidth > node.clientWidth)"
    )
    assert not page.evaluate(too_wide)
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.get_by_role("alert")).to_contain_text("blocked")
    assert not page.evaluate(too_wide)
    page.get_by_label("Type a message").fill("W" * 300)
    page.keyboard.press("Enter")
    expect(page.locator("[data-who=you]")).to_be_visible()
    assert not page.evaluate(too_wide)


def test_targets_are_large_enough_for_a_thumb(open_parley: OpenPage) -> None:
    page = open_parley(viewport={"width": 390, "height": 844})
    page.get_by_role("button", name="Settings").click()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, input, summary, .check")]
          .filter((node) => node.checkVisibility() && !node.matches(".check input"))
          .map((node) => [node.id || node.className || node.name, node.getBoundingClientRect()])
          .filter(([, box]) => Math.round(Math.min(box.width, box.height)) < 44)
          .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""
    )
    assert not small


def test_less_motion_means_no_motion(open_parley: OpenPage) -> None:
    page = open_parley(reduced_motion="reduce")
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-word")).to_have_text("Listening")
    moving = page.evaluate(
        "() => document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert moving == 0
    expect(page.locator("#level-text")).not_to_have_text("Not listening")


def test_a_setting_is_remembered(open_parley: OpenPage) -> None:
    page = open_parley()
    page.get_by_label("Silence that ends a turn").fill("800")
    expect(page.locator("#silence-out")).to_have_text("800 ms")
    page.reload()
    expect(page.locator("#silence-out")).to_have_text("800 ms")


def test_the_page_keeps_its_weight(open_parley: OpenPage) -> None:
    page = open_parley()
    loaded = page.evaluate(
        "() => performance.getEntriesByType('resource').map((one) => new URL(one.name).pathname)"
    )
    files = sorted({path for path in loaded if path.startswith(("/js/", "/css/"))})
    weights = {
        path: len(gzip.compress((ROOT / "public" / path[1:]).read_bytes())) for path in files
    }
    weights["/"] = len(gzip.compress((ROOT / "public/index.html").read_bytes()))
    assert len(loaded) + 1 <= 26, loaded
    assert sum(size for path, size in weights.items() if path.endswith(".css")) <= 8_000
    assert weights["/"] <= 5_000
    assert sum(weights.values()) <= 60_000, weights
    assert page.evaluate("() => document.querySelectorAll('*').length") < 3_000
