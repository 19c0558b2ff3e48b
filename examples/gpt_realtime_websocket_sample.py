"""One message to a realtime model, one answer: `RealtimeConfig` and `RealtimeWebSocketClient`.

    python examples/gpt_realtime_websocket_sample.py "Tell me a joke." --out answer.wav
    python examples/gpt_realtime_websocket_sample.py --wav question.wav

The settings are those of .env (AZURE_OPENAI_ENDPOINT, OPENAI_API_KEY …); with none of them the
engine on this machine answers. Programs import both names from here or from `rtclient`.
"""

import argparse
import asyncio
from collections.abc import Sequence

from rtclient.oneshot.client import RealtimeWebSocketClient
from rtclient.oneshot.config import RealtimeConfig
from rtclient.sound_files import read_sound, write_wav

__all__ = ["RealtimeConfig", "RealtimeWebSocketClient"]


async def main(argv: Sequence[str] | None = None) -> None:
    """Ask once and print the answer as it comes."""
    parser = argparse.ArgumentParser(description="Ask a realtime model once.")
    parser.add_argument("text", nargs="?", help="what to ask (default: Hello, how are you?)")
    parser.add_argument("--wav", help="a sound file with the question, after the text if any")
    parser.add_argument("--out", help="a WAV file for the answer's sound")
    parser.add_argument("--voice", help="such as alloy, marin or cedar")
    parser.add_argument("--instructions", default="You are a friendly assistant.")
    parser.add_argument("--upstream", choices=("azure", "openai", "engine"))
    options = parser.parse_args(argv)
    if not options.text and not options.wav:
        options.text = "Hello, how are you?"

    client = RealtimeWebSocketClient(RealtimeConfig.from_env(options.upstream))
    audio = bytearray()
    async for part in client.stream_message(
        user_text=options.text,
        input_audio_chunks=[read_sound(options.wav)] if options.wav else None,
        instructions=options.instructions,
        voice=options.voice,
        output_modalities=["audio"] if options.out else ["text"],
    ):
        print(part.text, end="", flush=True)
        audio += part.audio
    print()
    if options.out:
        write_wav(options.out, bytes(audio))
        print(f"{len(audio) / 48_000:.1f} s of sound in {options.out}")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (ValueError, RuntimeError, TimeoutError) as exc:
        raise SystemExit(str(exc)) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
