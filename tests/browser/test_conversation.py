"""A person talks with the built-in engine through the real page, server, relay and engine."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage

YOU = "[data-who=you]"
THEM = "[data-who=them]"
GREETING_S = 13.0
"""The microphone is silent until the spoken greeting has ended."""
QUIET_AGAIN = """() => {
  const is_quiet = __parley.levels.input_db < -90;
  window.quietSince = is_quiet ? (window.quietSince ?? performance.now()) : undefined;
  return is_quiet && performance.now() - window.quietSince > 800;
}"""


def test_a_spoken_phrase_is_shown_and_answered_aloud(open_parley: OpenPage) -> None:
    page = open_parley(GREETING_S, "What time is it?", 20.0, debug=True)
    expect(page.locator("#state-word")).to_have_text("Ready")
    page.get_by_role("button", name="Start the conversation").click()

    greeting = page.locator(THEM).first
    expect(greeting.locator(".turn-text")).not_to_be_empty()
    expect(page.locator("#state-word")).to_have_text("Listening")

    expect(page.locator(YOU).first.locator(".turn-text")).to_have_text(
        re.compile("what time is it", re.I)
    )
    answer = page.locator(f"{YOU} ~ {THEM}").first
    expect(answer.locator(".turn-text")).not_to_be_empty()
    expect(answer.locator(".latency-text")).to_contain_text("heard after")
    expect(page.locator("#state-word")).to_have_text("Listening")
    # 24 000 samples are one second: greeting and answer were really rendered by the worklet.
    assert page.evaluate("() => __parley.playedSamples()") > 24_000
    expect(page.locator("#fig-total")).not_to_have_text("0")
    page.get_by_role("button", name="End the conversation").click()
    expect(page.locator("#state-word")).to_have_text("Ready")


def test_speaking_over_a_reply_stops_it_and_strikes_what_was_not_heard(
    open_parley: OpenPage,
) -> None:
    page = open_parley(GREETING_S, "Tell me a story", 4.0, "What time is it?", 20.0, debug=True)
    page.get_by_role("button", name="Start the conversation").click()

    cut = page.locator(f"{YOU} ~ {THEM}[data-interrupted]").first
    expect(cut.locator(".cut")).to_have_text(re.compile(r"you interrupted here · \d+\.\d s heard"))
    expect(cut.locator("s")).not_to_be_empty()
    expect(cut.locator(".said")).not_to_be_empty()
    expect(page.locator(YOU).nth(1).locator(".turn-text")).to_have_text(
        re.compile("what time is it", re.I)
    )

    page.wait_for_function("() => __parley.bargeIns().length > 0")
    worst_ms = page.evaluate(
        "() => Math.max(...__parley.bargeIns().map((cut) => cut.silent_after_ms))"
    )
    # bench.barge_in measures the real figure; here a busy machine must not fail a good page.
    assert worst_ms < 250
    sent = page.evaluate("() => __parley.sent.map(({ event }) => event.type)")
    assert "conversation.item.truncate" in sent


def test_typed_text_works_before_any_microphone(open_parley: OpenPage) -> None:
    page = open_parley()
    page.get_by_label("Type a message").fill("What is six times nine?")
    page.keyboard.press("Enter")
    expect(page.locator(YOU)).to_contain_text("What is six times nine?")
    expect(page.locator(THEM).first.locator(".turn-text")).to_contain_text("54")
    expect(page.get_by_role("button", name="Use the microphone")).to_be_enabled()
    expect(page.locator("#log")).to_contain_text("Parley:")


def test_a_tapped_phrase_is_said_as_typed_text(open_parley: OpenPage) -> None:
    page = open_parley()
    phrases = page.locator("#welcome .phrase")
    expect(phrases).to_have_count(6)
    phrases.filter(has_text="Flip a coin").click()
    expect(page.locator(YOU)).to_contain_text("Flip a coin")
    expect(page.locator(THEM).first.locator(".turn-text")).to_contain_text(
        re.compile("heads|tails", re.I)
    )
    expect(page.locator("#welcome")).to_be_hidden()


def test_a_microphone_can_join_a_typed_conversation(open_parley: OpenPage) -> None:
    page = open_parley(4.0, "Tell me a joke", 20.0)
    page.get_by_label("Type a message").fill("Hello there")
    page.keyboard.press("Enter")
    expect(page.locator(THEM).first.locator(".turn-text")).not_to_be_empty()
    page.get_by_role("button", name="Use the microphone").click()
    expect(page.get_by_role("button", name="Mute the microphone")).to_be_enabled()
    expect(page.locator(YOU).nth(1).locator(".turn-text")).to_have_text(
        re.compile("tell me a joke", re.I)
    )


def test_muting_is_said_in_word_shape_and_reason(open_parley: OpenPage) -> None:
    page = open_parley()
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-word")).to_have_text("Listening")
    page.keyboard.press("m")
    expect(page.locator("#state-word")).to_have_text("Muted")
    expect(page.locator("#state-sign use")).to_have_attribute("href", "#s-muted")
    expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#state-hint")).to_contain_text("You are muted")
    page.get_by_role("button", name="Mute the microphone").click()
    expect(page.locator("#state-word")).to_have_text("Listening")


def test_until_the_microphone_is_allowed_nobody_greets_or_listens(open_parley: OpenPage) -> None:
    page = open_parley()
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices;
          const ask = devices.getUserMedia.bind(devices);
          devices.getUserMedia = (wish) =>
            new Promise((resolve) => { window.allow = () => resolve(ask(wish)); });
        }"""
    )
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-hint")).to_have_text(
        "Allow the microphone in the browser's question"
    )
    expect(page.locator("#state-word")).to_have_text("Connecting")
    expect(page.locator("#mute")).to_be_disabled()
    expect(page.locator(THEM)).to_have_count(0)
    page.evaluate("() => window.allow()")
    expect(page.locator(THEM).first.locator(".turn-text")).not_to_be_empty()
    expect(page.locator("#mute")).to_be_enabled()


def test_after_six_silent_seconds_the_page_says_why(open_parley: OpenPage) -> None:
    page = open_parley()
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-hint")).to_contain_text("gives no sound at all")
    expect(page.locator("html")).to_have_attribute("data-unheard", "silent")


def test_holding_the_key_is_a_turn_by_hand(open_parley: OpenPage) -> None:
    page = open_parley(5.0, "Tell me a joke", 30.0, debug=True)
    page.get_by_role("radio", name="Hold to talk").check()
    page.get_by_role("button", name="Start the conversation").click()
    expect(page.locator("#state-word")).to_have_text("Speaking")
    page.keyboard.press("Escape")
    expect(page.locator("#state-word")).to_have_text("Ready")
    page.locator("#scroller").focus()
    page.keyboard.down(" ")
    expect(page.locator("html")).to_have_attribute("data-phase", "listening")
    expect(page.locator("#big-icon use")).to_have_attribute("href", "#i-disc")
    page.wait_for_function("() => __parley.levels.input_db > -40")
    page.wait_for_function(QUIET_AGAIN)
    page.keyboard.up(" ")
    # Which words the engine makes of it is not the page's matter here.
    expect(page.locator(YOU).first.locator(".turn-text")).not_to_be_empty()
    expect(page.locator(f"{YOU} ~ {THEM}").first.locator(".turn-text")).not_to_be_empty()
    sent = page.evaluate("() => __parley.sent.map(({ event }) => event.type)")
    clear = sent.index("input_audio_buffer.clear")
    assert sent[clear:][:3] == [
        "input_audio_buffer.clear",
        "input_audio_buffer.commit",
        "response.create",
    ]


def test_escape_stops_the_reply(open_parley: OpenPage) -> None:
    page = open_parley(debug=True)
    page.get_by_label("Type a message").fill("Tell me a story")
    page.keyboard.press("Enter")
    expect(page.locator("#state-word")).to_have_text("Speaking")
    expect(page.locator(f"{THEM} .said")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(page.locator(f"{THEM} .cut")).to_contain_text("you interrupted here")
    expect(page.locator("#state-word")).not_to_have_text("Speaking")
