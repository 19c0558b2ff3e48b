"""The pages that are made from code."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from server.errors import FAULTS
from server.settings import load_settings, names

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/generate_docs.py as a module."""
    spec = importlib.util.spec_from_file_location(
        "generate_docs", ROOT / "scripts" / "generate_docs.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_in_the_repository_are_up_to_date(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0


def test_a_changed_page_is_found_and_written_anew(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main([], tmp_path) == 0
    assert script.main(["--check"], tmp_path) == 0
    (tmp_path / "docs" / "troubleshooting.md").write_text("old")
    capsys.readouterr()
    assert script.main(["--check"], tmp_path) == 1
    assert "docs/troubleshooting.md" in capsys.readouterr().out


def test_every_setting_and_every_fault_is_there(script: ModuleType) -> None:
    pages = script.pages()
    for name in names():
        assert f"#{name}=" in pages[".env.example"]
        assert f"`{name}`" in pages["docs/configuration.md"]
    for code, fault in FAULTS.items():
        assert f"## {code}" in pages["docs/troubleshooting.md"]
        assert fault.advice in pages["docs/troubleshooting.md"]


def test_the_example_with_nothing_changed_is_the_defaults(
    script: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("")
    defaults = load_settings({}, tmp_path)
    text = script.pages()[".env.example"]
    (tmp_path / ".env").write_text(text)
    assert load_settings({}, tmp_path) == defaults
    settings_only = [
        line[1:] for line in text.splitlines() if line.startswith("#") and "=" in line.split(" ")[0]
    ]
    (tmp_path / ".env").write_text("\n".join(settings_only))
    assert load_settings({}, tmp_path).model_dump(exclude={"env_file"}) == defaults.model_dump(
        exclude={"env_file"}
    )
