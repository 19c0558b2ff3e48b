"""How certainty and cost of a transcription are told."""

import math

import pytest

from rtclient.engine.hearing import deltas_of, logprobs_of, transcription_usage
from rtclient.engine.items import Item
from rtclient.engine.senses import Heard


@pytest.mark.parametrize("confidence", [0.95, 0.5, 1.0, 0.0])
def test_the_mean_logprob_is_the_confidence(confidence: float) -> None:
    entries = logprobs_of(Heard("what time is it", confidence))
    assert "".join(entry["token"] for entry in entries) == "what time is it"
    assert all(bytes(entry["bytes"]).decode() == entry["token"] for entry in entries)
    mean = sum(entry["logprob"] for entry in entries) / len(entries)
    assert math.exp(mean) == pytest.approx(confidence, abs=1e-3)


def test_whisper_sends_one_delta_and_others_stream() -> None:
    assert deltas_of(Heard("one two"), "whisper-1") == ["one two"]
    assert deltas_of(Heard("one two"), "gpt-4o-transcribe") == ["one", " two"]
    assert deltas_of(Heard(""), "whisper-1") == []


def test_whisper_costs_seconds_and_others_tokens() -> None:
    item = Item({"id": "a", "type": "message", "content": []}, audio={0: bytes(48 * 1500)})
    assert transcription_usage(item, Heard("x"), "whisper-1") == {
        "type": "duration",
        "seconds": 1.5,
    }
    counted = transcription_usage(item, Heard("four"), "gpt-4o-transcribe")
    assert counted["type"] == "tokens"
    assert counted["total_tokens"] == counted["input_tokens"] + counted["output_tokens"] == 16
