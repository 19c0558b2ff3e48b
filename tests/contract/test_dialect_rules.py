"""Whatever GA takes, the preview takes after crossing, and GA takes it again after crossing back.

The events come from the strictness table, the verdicts from the engine's rules for each dialect:
three things that were written apart from each other.
"""

import json
from collections.abc import Iterator

from rtclient.engine.preview_rules import preview_fault_in
from rtclient.engine.shapes import Fault
from rtclient.engine.strict import fault_in
from rtclient.protocol.bridge import PreviewClient, PreviewUpstream
from tests.contract.strictness import TABLE
from tests.contract.test_strictness import Case, cases_of

HAS_NO_PREVIEW = {
    "item.content[0].type": "the preview has no images",
    "response.input[0].content[0].type": "the preview has no images",
    "session.voice": "the preview lacks two voices; the server replaces them before they cross",
    "response.voice": "the same",
}
"""Where a valid GA event may be at fault in preview, and why."""


def valid_cases() -> Iterator[Case]:
    for kind, sections in TABLE.items():
        for path in sections:
            yield from (case for case in cases_of(kind, path) if case.code is None)


def test_what_ga_takes_crosses_into_what_the_preview_takes() -> None:
    faults: dict[str, Fault] = {}
    for case in valid_cases():
        (outside,) = PreviewUpstream().to_outer(json.dumps(case.event)).texts
        if fault := preview_fault_in(json.loads(outside), case.kind):
            faults[str(fault.param)] = fault
            continue
        (inside,) = PreviewClient("preview").to_inner(outside).texts
        assert fault_in(json.loads(inside), case.kind) is None, case.name
    assert faults.keys() == HAS_NO_PREVIEW.keys(), faults
