"""What docs/terminal.md has from the code."""

import pytest

from rtclient import advice
from scripts import terminal_page


@pytest.mark.parametrize("name", terminal_page.PARSERS)
def test_the_page_has_every_option(name: str) -> None:
    text = terminal_page.text().partition(f"## rtclient {name}\n")[2].partition("\n## ")[0]
    for action in terminal_page.PARSERS[name]()._actions:
        for option in action.option_strings:
            if action.dest != "help":
                assert f"`{option}" in text, option


def test_no_cell_breaks_its_row() -> None:
    for line in terminal_page.text().splitlines():
        assert not line.startswith("|") or line.replace("\\|", "").count("|") == 3


@pytest.mark.parametrize(
    "words",
    [
        "AZURE_OPENAI_ENDPOINT is missing.",
        "refused the key",
        advice.NO_PLAYBACK.message,
        advice.INPUT_BUSY.message,
        "try a lower --silence-ms",
        "No transcription came within 10 seconds",
    ],
)
def test_every_known_trouble_has_its_row(words: str) -> None:
    assert words in terminal_page.text()
