"""docs/sdk-reference.md and docs/sdk-names.txt: the SDK's public names, read from its source.

The list of names is a snapshot: who changes it changes what programs rely on, sees it in the
difference of that file, and writes a line for CHANGELOG.md.
"""

import ast
import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parents[1]

SECTIONS: Final[Mapping[str, str]] = {
    "The client": "RTClient",
    "Turns, responses, items": "RTInputAudioItem RTResponse RTMessageItem RTAudioContent"
    " RTTextContent RTFunctionCallItem Answer PushToTalk Listener",
    "What callbacks get": "Transcript AudioChunk SpeechEdge ErrorReport ToolCall ToolError",
    "The conversation": "protocol.conversation.Conversation protocol.conversation.Change"
    " protocol.items.Item protocol.items.Part protocol.items.Transcription"
    " protocol.responses.Response SessionUsage",
    "Cost": "prices.Cost prices.Prices prices.cost_of prices.prices_of",
    "One call": "RealtimeConfig RealtimeWebSocketClient",
    "The low-level client": "RTLowLevelClient low_level_client.ClientOptions ClientState"
    " ReconnectPolicy Restoration",
    "Where to dial": "endpoints.Endpoint endpoints.azure endpoints.openai endpoints.engine"
    " endpoints.parley environment.service_settings service.opening.open_upstream"
    " engine_process.engine_process",
    "Sound and recording": "sound_files.read_sound sound_files.sound_chunks"
    " sound_files.duration_s sound_files.write_wav sound_files.WavWriter resampling.Resampler"
    " resampling.resample recording.Recorder",
    "Tests of your own": "testing.engine testing.speech testing.silence testing.ScriptedPeer"
    " testing.PeerSession testing.session_created testing.greet",
    "Errors": "errors.RTError errors.ConnectError errors.AuthError errors.HandshakeRejected"
    " errors.ConnectionLost errors.ReconnectExhausted errors.ProtocolError"
    " errors.LocalProtocolError errors.RemoteProtocolError errors.ServerError"
    " errors.ResponseFailed extras.MissingExtraError service.settings.SettingsError",
}
"""Title → what it describes: a name of `rtclient`, or one with its module below `rtclient`."""

_HANDED_OUT = ("Turns, responses, items", "What callbacks get", "The conversation")
"""What programs get and never make."""
_HEADINGS = ("Args", "Returns", "Yields", "Raises")
_DUNDERS = ("__await__", "__aiter__")
_INNER = ("line_opened", "line_failed", "line_received", "line_refused", "line_lost", "room")
"""What a low-level client is for its own connections (`rtclient.line.Owner`), not for programs."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Member:
    """An attribute, property or method."""

    name: str
    shown: str
    """As a program writes it."""
    doc: str


def page(made: str) -> str:
    """Return docs/sdk-reference.md; `made`: the words that say who made it."""
    lines = ["# Reference of the SDK", "", f"<!-- {made} -->", ""]
    lines += ["How to use all this is told in [sdk.md](sdk.md)."]
    for title, names in SECTIONS.items():
        lines += ["", f"## {title}"]
        for name in names.split():
            lines += ["", *_described(name, is_handed_out=title in _HANDED_OUT)]
    lines += ["", "## Messages and parameters", ""]
    lines += ["`from rtclient import …` or `from rtclient.models import …`; in the words of both"]
    lines += ["dialects. A field that a server did not send is None.", ""]
    lines += ["| Name | What it is |", "|---|---|"]
    for name, node in _models():
        lines.append(f"| `{name}` | {_cell(_first_sentence(node))} |")
    return "\n".join(lines) + "\n"


def names(made: str) -> str:
    """Return docs/sdk-names.txt."""
    lines = [f"# Public names of the SDK. A change here needs a line in CHANGELOG.md. ({made})"]
    for listed in SECTIONS.values():
        for name in listed.split():
            node, module = _found(name)
            lines.append(f"rtclient.{name}{_signature_of(node, module)}")
            if isinstance(node, ast.ClassDef):
                lines += [f"  {member.shown}" for member in _members(node, module)]
    for name, model in _models():
        lines.append(f"rtclient.models.{name}")
        if isinstance(model, ast.ClassDef):
            lines += [f"  {member.shown}" for member in _members(model, "")]
    lines += [f"rtclient: {name}" for name in exported("rtclient/__init__.py")]
    return "\n".join(lines) + "\n"


def exported(path: str) -> list[str]:
    """Return what `__all__` of a file lists, sorted."""
    for node in _tree(ROOT / path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value))
    raise LookupError(path)


# Reading the source ---------------------------------------------------------------------------


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _files(module: str) -> tuple[Path, ...]:
    """Return where the names of `rtclient.MODULE` may stand."""
    path = ROOT.joinpath("rtclient", *filter(None, module.split(".")))
    return (path / "__init__.py",) if path.is_dir() else (path.with_suffix(".py"),)


def _found(dotted: str) -> tuple[ast.ClassDef | Function, str]:
    """Return a class or function of `rtclient` and the module in which it is written."""
    module, _, name = dotted.rpartition(".")
    for path in _files(module):
        for node in _tree(path).body:
            if isinstance(node, ast.ClassDef | Function) and node.name == name:
                return node, module
            if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
                return _found(f"{(node.module or '').partition('.')[2]}.{name}".lstrip("."))
    raise LookupError(f"rtclient has no {dotted}: change SECTIONS in scripts/sdk_reference.py.")


def _models() -> Iterator[tuple[str, ast.AST]]:
    """Give each name of rtclient.models with its class, or with what is said or made of it."""
    found: dict[str, ast.AST] = {}
    for path in sorted((ROOT / "rtclient/models").glob("*.py")):
        body = _tree(path).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.ClassDef | Function):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                found[ast.unparse(node.targets[0])] = after if after and _text(after) else node
    for name in exported("rtclient/models/__init__.py"):
        yield name, found.get(name, ast.Pass())


def _base(node: ast.ClassDef, module: str) -> tuple[ast.ClassDef, str] | None:
    """Return the first base class, with its module, when it is ours."""
    if not node.bases or not module:
        return None
    with contextlib.suppress(LookupError, FileNotFoundError):
        base, where = _found(f"{module}.{ast.unparse(node.bases[0])}")
        if isinstance(base, ast.ClassDef):
            return base, where
    return None


def _members(node: ast.ClassDef, module: str) -> list[Member]:
    """Return the public members, those of base classes last; an override stands for both."""
    members: dict[str, Member] = {}
    here: tuple[ast.ClassDef, str] | None = (node, module)
    while here is not None:
        for member in _own_members(here[0]):
            members.setdefault(member.name, member)
        here = _base(*here)
    return list(members.values())


def _own_members(node: ast.ClassDef) -> Iterator[Member]:
    bodies = [node.body]
    bodies += [one.body for one in node.body if isinstance(one, Function) and _sets_up(one)]
    for body in bodies:
        for child, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(child, Function):
                if _is_public(child.name) and "overload" not in _decorators(child):
                    yield Member(child.name, _shown(child), ast.get_docstring(child) or "")
                continue
            if (target := _attribute(child)) is not None:
                doc = _text(after)
                if body is node.body or doc:
                    yield Member(*target, doc)


def _sets_up(function: Function) -> bool:
    return function.name in ("__init__", "_prepare")


def _attribute(node: ast.stmt) -> tuple[str, str] | None:
    """Return name and form of the public attribute that a statement makes."""
    kind = ""
    if isinstance(node, ast.AnnAssign):
        kind = f": {ast.unparse(node.annotation)}"
        if isinstance(node.value, ast.Constant) and isinstance(node.target, ast.Name):
            kind += f" = {ast.unparse(node.value)}"
    if isinstance(node, ast.AnnAssign | ast.Assign):
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    else:
        return None
    name = target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
    if name.startswith("_") or "Final" in kind or not name.isidentifier():
        return None
    return name, f"{name}{kind}"


def _text(node: ast.AST | None) -> str:
    """Return the text that a statement is, such as what is said of an attribute; else nothing."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return inspect.cleandoc(node.value.value) if isinstance(node.value.value, str) else ""
    return ""


def _is_public(name: str) -> bool:
    return name not in _INNER and (not name.startswith("_") or name in _DUNDERS)


def _decorators(function: Function) -> list[str]:
    return [ast.unparse(one).rpartition(".")[2] for one in function.decorator_list]


def _shown(function: Function) -> str:
    decorators = _decorators(function)
    returns = ast.unparse(function.returns).strip("'\"") if function.returns else "None"
    if "property" in decorators:
        return f"{function.name}: {returns}"
    arguments = re.sub(r"^(self|cls)(, )?(/, )?", "", ast.unparse(function.args))
    arguments = re.sub(r"(?<=[\w\]'])=(?=\S)", " = ", arguments)
    if "asynccontextmanager" in decorators:
        prefix, returns = "async with ", re.sub(r"AsyncIterator\[(.*)\]", r"\1", returns)
    else:
        is_awaited = isinstance(function, ast.AsyncFunctionDef) and "Iterator" not in returns
        prefix = "await " if is_awaited else ""
    prefix = "classmethod " if "classmethod" in decorators else prefix
    return f"{prefix}{function.name}({arguments}) -> {returns}"


def _signature_of(node: ast.ClassDef | Function, module: str) -> str:
    if isinstance(node, Function):
        return _shown(node).partition(node.name)[2]
    init = _init_of(node, module)
    return _shown(init).removeprefix("__init__").removesuffix(" -> None") if init else ""


def _init_of(node: ast.ClassDef, module: str) -> Function | None:
    """Return what makes an object of the class, its own or that of a base class."""
    here: tuple[ast.ClassDef, str] | None = (node, module)
    while here is not None:
        for child in here[0].body:
            if isinstance(child, Function) and child.name == "__init__":
                return child
        here = _base(*here)
    return None


# Writing the page -----------------------------------------------------------------------------


def _described(name: str, *, is_handed_out: bool) -> Iterator[str]:
    node, module = _found(name)
    listed, _, plain = name.rpartition(".")
    source = f"rtclient.{listed}".rstrip(".")
    yield f"### {plain}"
    yield ""
    yield f"`from {source} import {plain}`"
    yield ""
    if isinstance(node, Function):
        yield from (f"`{_shown(node)}`", "")
    elif not is_handed_out and (signature := _signature_of(node, module)):
        yield from (f"`{plain}{signature}`", "")
    yield from markdown(ast.get_docstring(node) or "")
    if isinstance(node, ast.ClassDef):
        if not is_handed_out and (init := _init_of(node, module)):
            # Its first line tells what calling a class does.
            _, _, arguments = (ast.get_docstring(init) or "").partition("\n\n")
            yield from ("", *markdown(arguments)) if arguments else ()
        for member in _members(node, module):
            yield from ("", f"#### {member.name}", "", f"`{member.shown}`")
            if member.doc:
                yield from ("", *markdown(member.doc))


def markdown(doc: str) -> Iterator[str]:
    """Give a docstring in Google's style as lines of Markdown."""
    inside = ""
    for line in doc.splitlines():
        if (heading := line.rstrip(":")) in _HEADINGS and line.endswith(":"):
            inside = heading
            yield from (f"**{heading}**", "")
        elif inside and line.startswith("        "):
            yield f"  {line.strip()}"
        elif inside and line.startswith("    "):
            name, colon, rest = line.strip().partition(": ")
            is_named = inside in ("Args", "Raises") and colon and re.fullmatch(r"[*\w, ]+", name)
            yield f"- `{name}`: {rest}" if is_named else f"- {line.strip()}"
        else:
            inside = inside if not line else ""
            yield line


def _first_sentence(node: ast.AST) -> str:
    if isinstance(node, ast.ClassDef | Function):
        text = ast.get_docstring(node) or ""
    else:
        text = f"`{ast.unparse(node.value)}`" if isinstance(node, ast.Assign) else _text(node)
    return text.partition("\n\n")[0].replace("\n", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
