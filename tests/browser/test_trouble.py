"""When something goes wrong the page says what and what to do, and the same button starts anew."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.stage import parley, program

YOU = "[data-who=you]"
THEM = "[data-who=them]"
NETWORK = ("WebSocket", "ERR_CONNECTION_REFUSED", "Failed to load resource")


def test_a_denied_microphone_is_explained_and_typing_still_works(open_parley: OpenPage) -> None:
    page = open_parley(is_denied=True)
    page.get_by_role("button", name="Start the conversation").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The microphone is blocked")
    expect(page.locator("#state-word")).to_have_text("Trouble")
    page.get_by_role("button", name="Type instead").click()
    expect(page.get_by_label("Type a message")).to_be_focused()
    page.keyboard.type("What is six times nine?")
    page.keyboard.press("Enter")
    expect(page.locator(THEM).first.locator(".turn-text")).to_contain_text("54")


def test_a_missing_microphone_is_explained(open_parley: OpenPage) -> None:
    page = open_parley(has_device=False)
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.get_by_role("alert")).to_contain_text("No microphone was found")


def test_an_insecure_address_is_explained(open_parley: OpenPage, tmp_path: Path) -> None:
    environment = {"UPSTREAM": "engine", "PARLEY_ALLOWED_HOSTS": "parley.test"}
    with parley(tmp_path, environment) as (url, _):
        page = open_parley(
            url=url.replace("127.0.0.1", "parley.test"),
            allowed=("Cross-Origin-Opener-Policy",),
            flags=("--host-resolver-rules=MAP parley.test 127.0.0.1",),
        )
        expect(page.get_by_role("alert")).to_contain_text("needs a secure address")
        expect(page.get_by_role("alert")).to_contain_text("http://localhost:3000")
        page.get_by_role("button", name="Start the conversation").click()
        expect(page.get_by_role("alert")).to_contain_text("needs a secure address")
        page.close()  # before its server ends: it asks now and then whether that is well


def test_after_the_upstream_died_the_same_button_starts_anew(
    open_parley: OpenPage, tmp_path: Path
) -> None:
    ready = re.compile(rb'"event": ?"ready".*?"port": ?(\d+)')
    command = ("-m", "rtclient.engine", "--host", "127.0.0.1", "--port")
    with program(*command, "0", folder=tmp_path, environment={}) as engine:
        port = engine.printed(ready).group(1).decode()
        environment = {
            "UPSTREAM": "openai",
            "OPENAI_API_KEY": "for-the-test",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        }
        with parley(tmp_path, environment) as (url, _):
            page = open_parley(url=url, allowed=NETWORK)
            page.get_by_label("Type a message").fill("What is six times nine?")
            page.keyboard.press("Enter")
            expect(page.locator(THEM).first.locator(".turn-text")).to_contain_text("54")

            engine.stop()
            expect(page.locator("#state-word")).to_have_text("Trouble")
            expect(page.get_by_role("alert")).not_to_be_empty()
            page.get_by_role("button", name="Start the conversation").click()
            expect(page.get_by_role("alert")).to_contain_text("cannot be reached")

            with program(*command, port, folder=tmp_path, environment={}) as again:
                again.printed(ready)
                page.get_by_role("button", name="Start the conversation").click()
                expect(page.locator("#state-word")).to_have_text("Listening")
                expect(page.get_by_role("alert")).to_be_empty()
                page.get_by_label("Type a message").fill("Flip a coin")
                page.keyboard.press("Enter")
                expect(page.locator(YOU).nth(1)).to_contain_text("Flip a coin")
                expect(page.locator(".divider")).to_contain_text("New session")
                # The old conversation is still there.
                expect(page.locator(YOU).first).to_contain_text("What is six times nine?")


def test_a_stopped_server_is_explained(open_parley: OpenPage, tmp_path: Path) -> None:
    with parley(tmp_path) as (url, server):
        page = open_parley(url=url, allowed=NETWORK)
        page.wait_for_function(
            "async () => (await (await fetch('/healthz')).json()).engine === 'ready'", polling=250
        )
        page.get_by_label("Type a message").fill("Hello there")
        page.keyboard.press("Enter")
        expect(page.locator(THEM).first.locator(".turn-text")).not_to_be_empty()
        server.stop()
        expect(page.locator("#state-word")).to_have_text("Trouble")
        page.get_by_role("button", name="Start again").click()
        expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        expect(page.locator(YOU)).to_contain_text("Hello there")
