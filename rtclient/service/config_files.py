"""Settings that people keep in a file of their own: YAML or TOML, told apart by the name's end."""

from pathlib import Path
from typing import Any


def read_config(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a file: `.yaml`, `.yml` or `.toml`.

    Raises:
        ValueError: It cannot be read, is broken, or holds no mapping; the text says which and
            never repeats what stands in the file, because keys may.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".yaml", ".yml", ".toml"):
        raise ValueError(f"{path}: name a file that ends in .yaml, .yml or .toml.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise ValueError(f"{path} cannot be read: {exc.strerror}.") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} cannot be read: it must be text in UTF-8.") from None
    found = _toml(text, path) if ending == ".toml" else _yaml(text, path)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"{path} must hold lines such as `voice: alloy`: a mapping of names.")
    return found


def _toml(text: str, path: Path) -> Any:
    import tomllib  # late, as yaml below: most programs never read such a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        # Its text names the place, and may quote a character.
        place = str(exc).rpartition("(")[2].rstrip(")")
        raise ValueError(f"{path} is not TOML: look {place}.") from None


def _yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as exc:
        place = f" look at line {exc.problem_mark.line + 1}." if exc.problem_mark else ""
        raise ValueError(f"{path} is not YAML:{place}") from None
    except yaml.YAMLError:
        raise ValueError(f"{path} is not YAML: it holds a character that text never has.") from None
