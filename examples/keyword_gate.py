"""Send speech to the model only after a keyword that is heard on this machine.

    pip install 'rtclient[engine]'
    python examples/keyword_gate.py samples/input/sample.wav "what is" azure|openai|engine

Until pocketsphinx finds the keyword not a byte leaves this machine: there is no connection.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from pocketsphinx import Decoder

from rtclient import RTClient, RTResponse
from rtclient.errors import RTError
from rtclient.resampling import Resampler
from rtclient.sound_files import sound_chunks

SILENCE = bytes(48 * 1000)  # a second: after it the service knows that the turn is over


def spotter(keyword: str) -> Callable[[bytes], bool]:
    """Return a function that takes pcm16 at 24 kHz and tells when the keyword was in it."""
    decoder = Decoder(keyphrase=keyword, kws_threshold=1e-10, loglevel="FATAL")
    resampler = Resampler(24_000, 16_000)
    decoder.start_utt()

    def spots(pcm: bytes) -> bool:
        if resampled := resampler.feed(pcm):
            decoder.process_raw(resampled)
        if is_there := bool(decoder.hyp()):
            decoder.end_utt()  # else it would tell the same keyword again
            decoder.start_utt()
        return is_there

    return spots


class KeywordGate:
    """Lets sound through from the keyword on, until `hold_s` after it or after `keep_open`."""

    def __init__(self, spots: Callable[[bytes], bool], hold_s: float = 8.0) -> None:
        self._spots, self._hold_s, self._left_s = spots, hold_s, 0.0

    def keep_open(self) -> None:
        """Somebody speaks, or is answered: count from now."""
        self._left_s = self._hold_s

    def feed(self, pcm: bytes) -> bytes:
        """Take sound (pcm16, 24 kHz); return it when it may be sent, else nothing."""
        if self._left_s > 0:
            self._left_s -= len(pcm) / 48_000
            return pcm
        if self._spots(pcm):
            self.keep_open()
        return b""


async def main(recording: Path, keyword: str, upstream: str) -> None:
    """Run a recording through the gate, and print what the model answers."""
    passing = filter(None, map(KeywordGate(spotter(keyword)).feed, sound_chunks(recording)))
    if (first := next(passing, None)) is None:
        sys.exit("The keyword was not heard: nothing was sent.")
    async with RTClient.from_env(upstream) as client:
        for pcm in (first, *passing, SILENCE):
            await client.send_audio(pcm)
        async for event in client.events():
            if isinstance(event, RTResponse):
                await event
                break
        print(client.conversation.items[-1].transcript)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
    except (RTError, ValueError, ImportError) as exc:
        sys.exit(str(exc))
