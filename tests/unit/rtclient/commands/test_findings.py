"""What the doctor finds, in words."""

from datetime import date, timedelta

import pytest

from rtclient import advice
from rtclient.commands import findings
from rtclient.commands.findings import STEPS, Finding
from rtclient.service.retirements import Retirement

TODAY = date(2026, 11, 21)


def test_a_finding_is_a_line_and_its_advice_another() -> None:
    lines = Finding("dns", "fail", "x has no address", "Check it.").lines()
    assert lines[0].split() == ["fail", "DNS", "x", "has", "no", "address"]
    assert lines[1].strip() == "Check it."
    assert len(Finding("dns", "ok", "fine").lines()) == 1


def test_only_a_failure_is_unwell() -> None:
    well = [Finding("dns", "ok", ""), Finding("tls", "warn", ""), findings.skipped("key", "x")]
    assert findings.is_well(well)
    assert not findings.is_well([*well, Finding("model", "fail", "")])


@pytest.mark.parametrize(
    ("cause", "failed"),
    [
        ("unreachable", "handshake"),
        ("auth_failed", "key"),
        ("not_found", "model"),
        ("settings_rejected", "session"),
    ],
)
def test_a_refusal_says_which_step_failed_and_which_went_well(cause: str, failed: str) -> None:
    found = findings.of_failed_connection(advice.of_cause(cause, "azure"))  # type: ignore[arg-type]
    by_step = {finding.step: finding.verdict for finding in found}
    assert by_step[failed] == "fail"
    before, _, after = ",".join(by_step).partition(failed)
    assert {by_step[step] for step in before.split(",") if step} <= {"ok"}
    assert {by_step[step] for step in after.split(",") if step} <= {"skip"}
    assert by_step.keys() <= set(STEPS)


@pytest.mark.parametrize(
    ("days", "verdict"), [(400, "ok"), (15, "ok"), (14, "warn"), (0, "warn"), (None, "warn")]
)
def test_a_certificate_that_ends_soon_is_told(days: int | None, verdict: str) -> None:
    last_day = None if days is None else TODAY + timedelta(days=days)
    finding = findings.of_certificate("TLSv1.3", last_day, TODAY)
    assert finding.verdict == verdict
    assert bool(finding.advice) == (verdict == "warn")


@pytest.mark.parametrize(
    ("end", "verdict", "words"),
    [
        (None, "ok", "no end of m is known"),
        (Retirement(date(2027, 6, 25), "next"), "ok", "in 216 days"),
        (Retirement(date(2026, 12, 15), "next"), "warn", "in 24 days"),
        (Retirement(date(2026, 11, 21), "next"), "warn", "was retired on 2026-11-21"),
        (Retirement(None, "next"), "warn", "was retired"),
    ],
)
def test_the_end_of_a_model_is_told(end: Retirement | None, verdict: str, words: str) -> None:
    finding = findings.of_retirement("m", end, TODAY)
    assert finding.verdict == verdict
    assert words in finding.text
    assert ("next" in finding.advice) == (end is not None)


@pytest.mark.parametrize(
    ("trouble", "verdict"),
    [(None, "ok"), (advice.NO_INPUT_DEVICE, "warn"), (advice.INPUT_BUSY, "fail")],
)
def test_a_missing_device_is_no_failure_and_a_busy_one_is(
    trouble: advice.Advice | None, verdict: str
) -> None:
    finding = findings.of_device("input", "Mic", 48_000, trouble)
    assert (finding.step, finding.verdict) == ("microphone", verdict)


def test_a_program_gets_every_field() -> None:
    assert findings.skipped("dns", "why").to_json() == {
        "step": "dns",
        "verdict": "skip",
        "text": "why",
        "advice": None,
    }
