"""The four senses start and close as one."""

from rtclient.engine import scripted
from rtclient.engine.senses import Senses


async def test_senses_start_and_are_closed_once() -> None:
    calls: list[str] = []

    async def note_start() -> None:
        calls.append("start")

    async def note_close() -> None:
        calls.append("close")

    plain = scripted.senses()
    gathered = Senses(
        vad=plain.vad,
        ears=plain.ears,
        brain=plain.brain,
        voice=plain.voice,
        on_start=note_start,
        on_close=note_close,
    )
    await gathered.start()
    await gathered.close()
    await gathered.close()
    assert calls == ["start", "close"]
    await plain.start()
    await plain.close()
