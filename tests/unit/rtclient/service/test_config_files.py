"""YAML and TOML of people's own."""

from pathlib import Path

import pytest

from rtclient.service.config_files import read_config


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "voice: cedar\nrate: 24000\n"),
        ("a.YML", "\ufeffvoice: cedar\nrate: 24000\n"),
        ("a.toml", 'voice = "cedar"\nrate = 24000\n'),
    ],
)
def test_both_formats_give_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_config(tmp_path / name) == {"voice": "cedar", "rate": 24_000}


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.toml"):
        (tmp_path / name).write_text("# nothing\n")
        assert read_config(tmp_path / name) == {}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b"{}", "ends in .yaml"),
        ("a.yaml", b"a: [SECRET\nb: 1", "not YAML: look at line 2"),
        ("a.yaml", b"a: SECRET\x00", "not YAML"),
        ("a.yaml", b"- SECRET", "mapping"),
        ("a.yaml", b"1: SECRET", "mapping"),
        ("a.yaml", b"a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("a.toml", b'a = 1\nb = "SECRET', "not TOML: look at"),
        ("a.toml", b"\xff", "UTF-8"),
        ("folder.toml", None, "cannot be read"),
    ],
)
def test_a_fault_says_where_and_repeats_nothing(
    tmp_path: Path, name: str, data: bytes | None, words: str
) -> None:
    path = tmp_path / name
    path.mkdir() if data is None else path.write_bytes(data)
    with pytest.raises(ValueError, match=words) as caught:
        read_config(path)
    assert str(path) in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_config(tmp_path / "a.toml")
