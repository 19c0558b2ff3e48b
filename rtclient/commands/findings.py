"""What `rtclient doctor` finds, as lines for people and as JSON. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from rtclient.advice import INPUT_BUSY, OUTPUT_BUSY, Advice
from rtclient.service.retirements import Retirement

Verdict = Literal["ok", "warn", "fail", "skip"]
"""`skip`: it was not looked at, and the text says why."""

STEPS: Final = (
    "settings",
    "dns",
    "tls",
    "handshake",
    "key",
    "model",
    "session",
    "transcription",
    "retirement",
    "microphone",
    "loudspeaker",
)
"""All that is looked at, in this order."""

_NAMES: Final = {"dns": "DNS", "tls": "TLS"}
_WIDTH: Final = max(map(len, STEPS))
_CERTIFICATE_WARN_DAYS: Final = 14

# Which step a cause belongs to; the steps of the connection before it went well.
_CONNECTION: Final = ("handshake", "key", "model", "session")
_STEP_OF_CAUSE: Final = {
    "auth_failed": "key",
    "token_failed": "key",
    "forbidden": "key",
    "quota_exhausted": "key",
    "not_found": "model",
    "bad_request": "model",
    "dialect_mismatch": "session",
    "settings_rejected": "session",
    "bad_data": "session",
    "closed": "session",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    step: str
    verdict: Verdict
    text: str
    """What was found, without an end mark."""
    advice: str = ""
    """What to do, when something is to be done."""

    def lines(self) -> list[str]:
        """Return it for people; the advice stands in a line of its own."""
        name = _NAMES.get(self.step, self.step)
        first = f"{self.verdict:<4}  {name:<{_WIDTH}}  {self.text}"
        return [first, f"{'':<{_WIDTH + 8}}{self.advice}"] if self.advice else [first]

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "step": self.step,
            "verdict": self.verdict,
            "text": self.text,
            "advice": self.advice or None,
        }


def is_well(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed."""
    return all(finding.verdict != "fail" for finding in findings)


def skipped(step: str, why: str) -> Finding:
    """Return that a step was left out."""
    return Finding(step, "skip", why)


def of_advice(step: str, advice: Advice, verdict: Verdict = "fail") -> Finding:
    """Return what a sentence of `rtclient.advice` says about a step."""
    said = f" ({', '.join(advice.said)})" if advice.said else ""
    return Finding(step, verdict, advice.message.rstrip(".") + said, advice.advice)


def of_failed_connection(advice: Advice) -> list[Finding]:
    """Return what a refusal says about every step of the connection."""
    failed = _STEP_OF_CAUSE.get(advice.code, "handshake")
    at = _CONNECTION.index(failed)
    return [
        *(Finding(step, "ok", "passed") for step in _CONNECTION[:at]),
        of_advice(failed, advice),
        *(skipped(step, f"not reached: {failed} failed") for step in _CONNECTION[at + 1 :]),
    ]


def of_certificate(version: str, last_day: date | None, today: date) -> Finding:
    """Return what the server's certificate says. `last_day` None: it was not verified."""
    if last_day is None:
        return Finding(
            "tls",
            "warn",
            f"{version}, and the certificate is not verified",
            "Delete PARLEY_TLS_VERIFY: as it is, anybody on the way can read the key.",
        )
    text = f"{version}, certificate valid until {last_day}"
    if (last_day - today).days > _CERTIFICATE_WARN_DAYS:
        return Finding("tls", "ok", text)
    return Finding("tls", "warn", text, "Whoever runs the server has to renew it.")


def of_device(
    kind: Literal["input", "output"], name: str, rate_hz: int, advice: Advice | None
) -> Finding:
    """Return what was found of the system's microphone or loudspeaker.

    One that is missing is no failure: files, pipes and text need none.
    """
    step = "microphone" if kind == "input" else "loudspeaker"
    if advice is None:
        return Finding(step, "ok", f"{name}, {rate_hz} Hz")
    is_there = advice in (INPUT_BUSY, OUTPUT_BUSY)
    return of_advice(step, advice, "fail" if is_there else "warn")


def of_retirement(model: str, end: Retirement | None, today: date) -> Finding:
    """Return what is known about the end of a model. `model`: as `session.created` names it."""
    if end is None:
        return Finding("retirement", "ok", f"no end of {model or 'this model'} is known here")
    change = f"Change to {end.successor}." if end.successor else "Look for its successor."
    if end.on is None or today >= end.on:
        when = "" if end.on is None else f" on {end.on}"
        return Finding("retirement", "warn", f"{model} was retired{when}", change)
    text = f"{model} retires on {end.on}, in {(end.on - today).days} days"
    return Finding("retirement", "warn" if end.is_near(today) else "ok", text, change)
