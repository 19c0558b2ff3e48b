"""`rtclient doctor`: look at everything that a conversation needs, step by step.

It costs nothing, apart from half a second of silence that is given to transcription.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import date

from rtclient.commands import frame, upstream
from rtclient.commands.examination import Examination, devices
from rtclient.commands.findings import STEPS, Finding, is_well, skipped
from rtclient.service.settings import SettingsError


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = frame.parser(
        "doctor",
        "Look for what is wrong, from the settings to the loudspeaker.",
        epilog="Exit code 1 when something failed. A step that could not be looked at says why.",
    )
    result.add_argument(
        "--no-transcription",
        action="store_true",
        help="leave out the only step that costs: half a second of silence is transcribed",
    )
    result.add_argument("--no-devices", action="store_true", help="leave out the sound card")
    result.add_argument("--json", action="store_true", help="print one JSON object")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    line = parser()
    options = frame.parsed(line, argv)
    findings: list[Finding] = []

    def found(finding: Finding) -> None:
        findings.append(finding)
        if not options.json:
            frame.out("\n".join(finding.lines()))

    def finished() -> int:
        if options.json:
            report = {"ok": is_well(findings), "findings": [each.to_json() for each in findings]}
            frame.out(json.dumps(report, indent=2))
        return frame.OK if is_well(findings) else frame.DID_NOT_WORK

    try:
        choice = upstream.choose(options)
    except SettingsError as exc:
        for fault in exc.faults:
            found(Finding("settings", "fail", fault.rstrip(".")))
        for step in STEPS[1:-2]:
            found(skipped(step, "not reached: settings failed"))
        for finding in () if options.no_devices else devices():
            found(finding)
        return finished()
    except ValueError as exc:
        line.error(str(exc))

    examination = Examination(
        choice,
        found,
        today=date.today(),
        with_transcription=not options.no_transcription,
        with_devices=not options.no_devices,
    )

    async def work() -> int:
        await examination.run()
        return finished()

    return frame.run(work, choice)
