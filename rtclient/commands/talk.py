"""`rtclient talk`: have a conversation. The conversation itself is `rtclient.talk`."""

import argparse
from collections.abc import Sequence

from rtclient.commands import frame
from rtclient.extras import MissingExtraError
from rtclient.talk.options import TalkOptions, add_arguments


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = frame.parser(
        "talk",
        "Have a conversation: with microphone and loudspeaker, with sound files, through pipes, or"
        " in text. Ctrl+C ends it.",
    )
    add_arguments(result)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    line = parser()
    options = frame.parsed(line, argv)
    if options.list_devices:
        return _list_devices()
    choice = frame.chosen(line, options)
    if options.voice is None:
        options.voice = choice.settings.voice
    if options.transcription is None:
        options.transcription = choice.settings.transcription
    try:
        chosen = TalkOptions.from_arguments(options)
    except ValueError as exc:
        line.error(str(exc))

    async def work() -> int:
        # Late: a command line that is wrong is told without it.
        from rtclient.talk.program import talk

        async with frame.opened(choice) as source:
            return await talk(
                chosen,
                source,
                service=choice.service,
                secrets=choice.secrets,
                client_options=choice.client_options(),
            )

    return frame.run(work, choice, interrupted=frame.OK)


def _list_devices() -> int:
    from rtclient.talk.devices import DeviceError, listing

    try:
        frame.out(listing())
    except (DeviceError, MissingExtraError) as exc:
        frame.say(str(exc))
        return frame.DID_NOT_WORK
    return frame.OK
