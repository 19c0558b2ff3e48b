"""The reference of the SDK has every public name, as it is written."""

import ast

import rtclient
from rtclient import models
from scripts import sdk_reference
from scripts.sdk_reference import SECTIONS, markdown


def listed() -> set[str]:
    return {name for names in SECTIONS.values() for name in names.split()}


def test_every_public_name_of_the_package_is_described() -> None:
    of_models = {"create_message_from_dict", *models.__all__}
    aliases = {"RTMessageContent", "RTOutputItem", "RealtimeException", "__version__"}
    assert set(rtclient.__all__) - of_models - aliases <= listed()


def test_what_is_described_can_be_imported_as_it_says() -> None:
    page = sdk_reference.page("made here")
    lines = [line.strip("`") for line in page.splitlines() if line.startswith("`from rtclient")]
    assert len(lines) >= len(listed())
    for line in lines:
        if "…" not in line:
            exec(line, {})


def test_methods_of_base_classes_belong_to_the_class() -> None:
    names = sdk_reference.names("made here")
    client = names.partition("rtclient.RTClient")[2].partition("\nrtclient.")[0]
    for method in ("await configure(", "on(name: str", "await close(", "classmethod from_env("):
        assert f"\n  {method}" in client
    assert "_prepare" not in client


def test_the_arguments_and_options_of_a_client_are_told() -> None:
    page = sdk_reference.page("made here")
    client = page.partition("### RTLowLevelClient")[2].partition("#### to")[0]
    assert "- `key_credential`: " in client
    assert "`open_timeout_s: float = 5.0`" in page.partition("### ClientOptions")[2]


def test_what_a_client_is_for_its_connections_is_not_told() -> None:
    assert "line_opened" not in sdk_reference.names("made here")


def test_every_message_of_microsofts_sdk_is_in_the_list() -> None:
    names = sdk_reference.names("made here").splitlines()
    assert {f"rtclient.models.{name}" for name in models.__all__} <= set(names)


def test_a_docstring_in_googles_style_becomes_lists() -> None:
    doc = """Do it.

Args:
    first: What, over
        two lines.
    **rest: More.

Raises:
    ValueError: It cannot be.
"""
    assert list(markdown(doc)) == [
        "Do it.",
        "",
        "**Args**",
        "",
        "- `first`: What, over",
        "  two lines.",
        "- `**rest`: More.",
        "",
        "**Raises**",
        "",
        "- `ValueError`: It cannot be.",
    ]


def test_a_method_is_shown_as_it_is_written() -> None:
    (function,) = ast.parse(
        "async def ask(self, what: str = 'x', *, n: int = 1) -> bytes: ..."
    ).body
    assert isinstance(function, ast.AsyncFunctionDef)
    shown = "await ask(what: str = 'x', *, n: int = 1) -> bytes"
    assert sdk_reference._shown(function) == shown
