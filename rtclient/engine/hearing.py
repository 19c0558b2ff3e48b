"""What was heard, as the events of input transcription.

Rules of the file: pure; certainty travels as log probabilities, one entry per word token, only
when the session's `include` asks for it. `exp(mean logprob)` is the confidence of the ears.
"""

import math
import re
from typing import Any

from rtclient.engine.items import Item
from rtclient.engine.pcm import pcm_ms
from rtclient.engine.senses import Heard
from rtclient.engine.usage import USER_MS_PER_TOKEN, audio_tokens, text_tokens

_TOKEN = re.compile(r"\s*\S+")
_LEAST = 1e-4
"""Confidence below this is told as this: a logarithm needs a floor."""


def logprobs_of(heard: Heard) -> list[dict[str, Any]]:
    """Return one entry per word: token, logprob, bytes."""
    logprob = round(math.log(min(max(heard.confidence, _LEAST), 1.0)), 6)
    return [
        {"token": token, "logprob": logprob, "bytes": list(token.encode())}
        for token in _TOKEN.findall(heard.text)
    ]


def transcription_usage(item: Item, heard: Heard, model: str) -> dict[str, Any]:
    """Return what the transcription cost: whisper is billed by duration, the others by tokens."""
    length_ms = pcm_ms(item.audio.get(0, b""))
    if model.startswith("whisper"):
        return {"type": "duration", "seconds": round(length_ms / 1000, 3)}
    audio, text = audio_tokens(length_ms, USER_MS_PER_TOKEN), text_tokens(heard.text)
    return {
        "type": "tokens",
        "total_tokens": audio + text,
        "input_tokens": audio,
        "input_token_details": {"text_tokens": 0, "audio_tokens": audio},
        "output_tokens": text,
    }


def deltas_of(heard: Heard, model: str) -> list[str]:
    """Return the deltas: whisper sends one with the whole text, the others word by word."""
    if not heard.text:
        return []
    return [heard.text] if model.startswith("whisper") else _TOKEN.findall(heard.text)
