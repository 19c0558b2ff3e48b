"""What does a dialect at the edge cost, for one event?

`python -m bench.bridge [--quick]`

The layers of `server.relay.bridging`, without sockets, against the layer that passes everything on
(the same one, for a client that is known to speak GA). Each figure is the median of 7 × 200 000
events minus that of passing the same events on; the rounds of both alternate. Audio deltas carry
250 ms of pcm16 (12 000 bytes, 16 000 characters of base64), appends 40 ms, 32 different ones in
turn. The clock is the process's own CPU time, so it does not count how long neighbours run.

`renamed` events change their name only, `unchanged` ones nothing: neither is parsed. `rebuilt` ones
are parsed and written anew; they come a few times in a turn, and are told, not judged. Before
anything is measured, each text crosses once and is compared: what is renamed must have every byte
of the original but those of its name.
"""

import argparse
import base64
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.common import head, judge
from rtclient.protocol.session import default_session
from server.relay.actions import Action, ToClient, ToUpstream
from server.relay.bridging import ClientDialect, UpstreamDialect

MOST_ADDED_US = 1.0
DELTA_BYTES, APPEND_BYTES = 12_000, 1_920
TEXTS = 32
"""Different ones in turn: how fast one copies depends on where in memory it lies."""
SEED = 2026
PART = {
    "event_id": "event_CkWHPMwnpmRXtQfHcBEnZ",
    "response_id": "resp_CkWHPtnLiKfeOuhCVsDqa",
    "item_id": "item_CkWHPHTqNLJHzq7OCKLWy",
    "output_index": 0,
    "content_index": 0,
}

Step = Callable[[str | bytes, float], list[Action]]


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of event in one direction."""

    name: str
    texts: Sequence[str]
    step: Step
    passing: Step
    renamed: tuple[str, str] | None = None
    """The event's name before and after, where nothing else may differ."""
    is_judged: bool = True


def cases() -> list[Case]:
    """Return what is measured."""
    chance = random.Random(SEED)
    client, upstream = ClientDialect("preview", is_certain=True), UpstreamDialect()
    passing = ClientDialect("ga", is_certain=True)
    down, up = passing.on_upstream, passing.on_client

    def sound(size: int) -> str:
        return base64.b64encode(chance.randbytes(size)).decode()

    def part(name: str, **fields: Any) -> str:
        return json.dumps({"type": name, **PART, **fields}, separators=(",", ":"))

    def both(what: str, ga: str, preview: str, **field: Callable[[], Any]) -> list[Case]:
        def texts(name: str) -> list[str]:
            return [
                part(name, **{key: make() for key, make in field.items()}) for _ in range(TEXTS)
            ]

        return [
            Case(f"{what} to a preview client", texts(ga), client.on_upstream, down, (ga, preview)),
            Case(
                f"{what} from a preview upstream",
                texts(preview),
                upstream.on_upstream,
                down,
                (preview, ga),
            ),
        ]

    started = part("input_audio_buffer.speech_started", audio_start_ms=1234)
    append = [
        json.dumps({"type": "input_audio_buffer.append", "audio": sound(APPEND_BYTES)})
        for _ in range(TEXTS)
    ]
    created = json.dumps(
        {"type": "session.created", "event_id": "event_1", "session": default_session("m", "s", 1)}
    )
    create = '{"type":"response.create","response":{"modalities":["text"]}}'
    return [
        *both(
            "12 kB audio delta",
            "response.output_audio.delta",
            "response.audio.delta",
            delta=lambda: sound(DELTA_BYTES),
        ),
        *both(
            "transcript delta",
            "response.output_audio_transcript.delta",
            "response.audio_transcript.delta",
            delta=lambda: "a word",
        ),
        Case("unchanged event to a preview client", [started], client.on_upstream, down),
        Case("unchanged event from a preview upstream", [started], upstream.on_upstream, down),
        Case("40 ms append of a preview client", append, client.on_client, up),
        Case("40 ms append to a preview upstream", append, upstream.on_client, up),
        Case("rebuilt: session.created", [created], client.on_upstream, down, is_judged=False),
        Case("rebuilt: response.create", [create], client.on_client, up, is_judged=False),
    ]


def same(case: Case) -> bool:
    """Whether every text leaves with all its bytes but those of its name."""
    for text in case.texts:
        sent = [a for a in case.step(text, 0.0) if isinstance(a, ToClient | ToUpstream)]
        left = [a.data if isinstance(a, ToClient) else a.text for a in sent]
        old, new = case.renamed or ("", "")
        if left != [text.replace(f'"{old}"', f'"{new}"', 1) if old else text]:
            return False
    return True


def spent_us(step: Step, texts: Sequence[str], rounds: int) -> float:
    """Return the microseconds of CPU of one step, the loop around it included."""
    begun = time.process_time()
    for _ in range(rounds // len(texts)):
        for text in texts:
            step(text, 0.0)
    return (time.process_time() - begun) / (rounds // len(texts) * len(texts)) * 1e6


def main(options: argparse.Namespace) -> int:
    """Compare, measure, print."""
    rounds, repeats = (20_000, 3) if options.quick else (200_000, 7)
    head(f"Dialects: microseconds of CPU per event, median of {repeats} × {rounds:,}")
    verdicts: list[tuple[str, float, float, str]] = []
    print(f"  {'':<44}{'passing on':>12}{'bridge':>10}{'added':>10}")
    for case in cases():
        if case.is_judged:
            changed = 0.0 if same(case) else 1.0
            verdicts.append((f"{case.name}: bytes changed", changed, 0.0, "texts"))
        count = rounds if case.is_judged else rounds // 20
        times = [
            (spent_us(case.passing, case.texts, count), spent_us(case.step, case.texts, count))
            for _ in range(repeats)
        ]
        passing, bridge = (median(column) for column in zip(*times, strict=True))
        print(f"  {case.name:<44}{passing:>12.2f}{bridge:>10.2f}{bridge - passing:>10.2f}")
        if case.is_judged:
            verdicts.append((f"{case.name}: added", bridge - passing, MOST_ADDED_US, "µs"))
    print()
    return judge(verdicts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 × 20 000 events")
    raise SystemExit(main(parser.parse_args()))
