"""What a recognition server's answer means, and the file that it is sent."""

import io
import wave
from typing import Any

import pytest

from rtclient.engine.remote.ears import HZ, heard_of, wav


def test_a_text_is_certain() -> None:
    heard = heard_of({"text": " Hello there. "})
    assert (heard.text, heard.is_certain) == ("Hello there.", True)
    assert heard.confidence >= 0.8


@pytest.mark.parametrize(
    "text", [" \n", "[BLANK_AUDIO]", " (wind blowing) [music]", "*coughs*", "...", "♪♪"]
)
def test_no_word_is_nothing_heard(text: str) -> None:
    heard = heard_of({"text": text})
    assert (heard.text, heard.is_certain, heard.confidence) == ("", False, 0.0)


def test_a_long_text_is_judged_at_once() -> None:
    text = "." * 50_000 + " (" * 1_000 + "x"
    assert heard_of({"text": text}).text == text


def test_what_stands_beside_words_stays() -> None:
    assert heard_of({"text": "[door] Hello (laughs)."}).text == "[door] Hello (laughs)."


@pytest.mark.parametrize(
    ("logprob", "is_certain"), [(-0.05, True), (-0.9, True), (-1.1, False), (-9.0, False)]
)
def test_a_server_that_doubts_itself_makes_a_guess(logprob: float, is_certain: bool) -> None:
    for answer in (
        {"text": "Hi", "logprobs": [{"token": "Hi", "logprob": logprob}]},
        {"text": "Hi", "segments": [{"avg_logprob": logprob}, {"avg_logprob": logprob}]},
    ):
        heard = heard_of(answer)
        assert heard.is_certain is is_certain
        assert heard.confidence >= 0.8 if is_certain else heard.confidence <= 0.5


@pytest.mark.parametrize("extra", [{"logprobs": None}, {"segments": [7, {"avg_logprob": "x"}]}])
def test_other_fields_do_not_matter(extra: dict[str, Any]) -> None:
    assert heard_of({"text": "Hi", **extra}).is_certain


@pytest.mark.parametrize("answer", [None, [], "text", {}, {"text": None}, {"error": "no"}])
def test_what_is_no_transcription_is_refused(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        heard_of(answer)


def test_the_file_is_a_wav() -> None:
    pcm = bytes(range(200))
    with wave.open(io.BytesIO(wav(pcm))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (HZ, 1, 2)
        assert file.readframes(1000) == pcm
