"""Sound files become pcm16, and pcm16 becomes WAV."""

import math
import sys
import wave
from array import array
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtclient.extras import MissingExtraError
from rtclient.sound_files import (
    SoundFileError,
    WavWriter,
    duration_s,
    read_sound,
    sound_chunks,
    write_wav,
)

TONE = array(
    "h", (round(9_000 * math.sin(math.tau * 300 * n / 24_000)) for n in range(12_000))
).tobytes()


def as_floats(pcm: bytes) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def likeness(pcm: bytes, other: bytes) -> float:
    """Return the correlation where both have sound."""
    size = min(len(pcm), len(other))
    return float(np.corrcoef(as_floats(pcm[:size]), as_floats(other[:size]))[0, 1])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, TONE)
    assert read_sound(path) == TONE
    assert duration_s(path) == 0.5


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.flac", "PCM_16"),
        ("a.ogg", "VORBIS"),
        ("a.ogg", "OPUS"),
        ("a.mp3", "MPEG_LAYER_III"),
        ("a.wav", "FLOAT"),
        ("a.wav", "PCM_24"),
        ("a.wav", "PCM_U8"),
        ("a.wav", "ULAW"),
        ("a.aiff", "PCM_16"),
    ],
)
def test_other_files_are_read(tmp_path: Path, name: str, subtype: str) -> None:
    path = tmp_path / name
    stereo = np.stack([as_floats(TONE)] * 2, axis=1)
    soundfile.write(path, stereo, 24_000, subtype=subtype)
    pcm = read_sound(path)
    assert len(pcm) == pytest.approx(len(TONE), rel=0.01)
    assert likeness(pcm, TONE) > 0.98
    assert duration_s(path) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(("name", "subtype"), [("a.mp3", "MPEG_LAYER_III"), ("a.wav", "PCM_16")])
def test_of_a_file_that_was_cut_off_the_beginning_is_read(
    tmp_path: Path, name: str, subtype: str
) -> None:
    path = tmp_path / name
    soundfile.write(path, np.tile(as_floats(TONE), 10), 24_000, subtype=subtype)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 4 * len(TONE) < len(read_sound(path)) < 6 * len(TONE)


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, TONE, rate_hz=48_000)
    assert len(read_sound(path)) == pytest.approx(len(TONE) / 2, abs=4)
    assert read_sound(path, rate_hz=48_000) == TONE


def test_two_channels_become_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, np.frombuffer(TONE, "<i2").repeat(2).tobytes(), channels=2)
    assert read_sound(path) == TONE
    assert duration_s(path) == 0.5


def test_pieces_have_the_length_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, TONE)
    pieces = list(sound_chunks(path, chunk_ms=30))
    assert [len(piece) for piece in pieces] == [1440] * 16 + [960]
    assert b"".join(pieces) == TONE


def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, TONE)
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert read_sound(path) == TONE
    assert duration_s(path) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("data", [b"", b"no sound at all", b"RIFF\x00\x00\x00\x00WAVEfmt "])
def test_what_is_no_sound_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for call in (read_sound, duration_s):
        with pytest.raises(SoundFileError, match="no sound file that can be read"):
            call(path)


def test_raw_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(TONE)
    for call in (read_sound, duration_s):
        with pytest.raises(SoundFileError, match="no sound file that can be read"):
            call(path)


def test_a_rate_of_zero_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, TONE)
    data = bytearray(path.read_bytes())
    data[24:28] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(SoundFileError, match="can be read"):
        duration_s(path)


def test_a_file_without_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, b"")
    with pytest.raises(SoundFileError, match="holds no sound"):
        read_sound(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(SoundFileError, match="cannot be read"):
            read_sound(path)


def test_a_file_that_grows_is_whole_after_each_write(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavWriter(path, channels=2) as file:
        for count in range(1, 4):
            file.write(bytes(400))
            with wave.open(str(path)) as found:
                assert (found.getnframes(), found.getnchannels()) == (count * 100, 2)
    file.close()


def test_a_missing_package_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, as_floats(TONE), 24_000)
    monkeypatch.setitem(sys.modules, "soundfile", None)  # as if it were not installed
    with pytest.raises(MissingExtraError, match=r"a\.flac.*pip install 'rtclient\[audio\]'"):
        read_sound(path)
