"""The shape of the repository: sizes, imports, names, links, locks.

Every rule is a plain walk over the files that git knows or would take, so that a broken rule names
the file and the line. An exception carries its reason and goes when it is no longer needed.
"""

import ast
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from server.settings import names

ROOT = Path(__file__).resolve().parent.parent
SOFT_LINES, HARD_LINES = 300, 600

LONG_FILES: dict[str, str] = {}  # path → why it may have more than HARD_LINES

LINE_LIMITS = {
    "README.md": 150,
    "CONTRIBUTING.md": 150,
    "docs/architecture.md": 250,
    "start.sh": 40,
    "test.sh": 60,
    "Dockerfile": 40,
}

# What a core may not know: it gets values, times and ids, and gives values back.
IMPURE = {"asyncio", "socket", "threading", "time", "random", "os", "logging"}
IMPURE |= {"websockets", "fastapi", "starlette", "multiprocessing", "subprocess"}
PURE = (
    "rtclient/protocol/*.py",
    "rtclient/endpoints.py",
    "rtclient/errors.py",
    "rtclient/resumption/*.py",
    "rtclient/service/settings.py",
    "rtclient/oneshot/reply.py",
    "rtclient/recording/timeline.py",
    "rtclient/recording/exporting.py",
    "rtclient/service/causes.py",
    "rtclient/prices.py",
    "rtclient/tools/kinds.py",
    "rtclient/tools/schema.py",
    "rtclient/tools/rounds.py",
    "rtclient/turn_taking/answers.py",
    "rtclient/turn_taking/interruption.py",
    "rtclient/advice.py",
    "rtclient/commands/cutting.py",
    "rtclient/commands/findings.py",
    "rtclient/commands/profile.py",
    "rtclient/commands/transcript.py",
    "rtclient/talk/watch.py",
    "rtclient/service/retirements.py",
    "rtclient/talk/captions.py",
    "rtclient/talk/core.py",
    "rtclient/talk/echo_guard.py",
    "rtclient/talk/event_log.py",
    "rtclient/talk/levels.py",
    "rtclient/talk/options.py",
    "rtclient/talk/playback.py",
    "rtclient/talk/view.py",
    "rtclient/engine/actions.py",
    "rtclient/engine/agreement.py",
    "rtclient/engine/grammar.py",
    "rtclient/engine/words.py",
    "rtclient/engine/asking.py",
    "rtclient/engine/buffer.py",
    "rtclient/engine/client_secrets.py",
    "rtclient/engine/configuration.py",
    "rtclient/engine/control.py",
    "rtclient/engine/context.py",
    "rtclient/engine/core.py",
    "rtclient/engine/fault_plan.py",
    "rtclient/engine/faults.py",
    "rtclient/engine/door.py",
    "rtclient/engine/hints.py",
    "rtclient/engine/items.py",
    "rtclient/engine/ladder.py",
    "rtclient/engine/line.py",
    "rtclient/engine/load.py",
    "rtclient/engine/pacing.py",
    "rtclient/engine/phrases.py",
    "rtclient/engine/preview.py",
    "rtclient/engine/preview_rules.py",
    "rtclient/engine/remote/completion.py",
    "rtclient/engine/remote/messages.py",
    "rtclient/engine/remote/settings.py",
    "rtclient/engine/remote/sound.py",
    "rtclient/engine/remote/trouble.py",
    "rtclient/engine/semantics.py",
    "rtclient/engine/profiles.py",
    "rtclient/engine/scenario.py",
    "rtclient/engine/slices.py",
    "rtclient/engine/strict.py",
    "rtclient/engine/transcribing.py",
    "rtclient/engine/turn_detection.py",
    "rtclient/engine/usage.py",
    "rtclient/models/*.py",
    "rtclient/requests.py",
    "server/certificates.py",
    "server/client_secrets.py",
    "server/drop_in.py",
    "server/gateway/*.py",
    "server/limits.py",
    "server/policy.py",
    "server/relay/actions.py",
    "server/relay/bridging.py",
    "server/relay/core.py",
    "server/relay/layers.py",
    "server/relay/voices.py",
    "server/relay/commits.py",
    "server/relay/input_audio.py",
    "server/relay/ledger.py",
    "server/relay/responses.py",
    "server/relay/sequencer.py",
    "server/relay/session_view.py",
    "server/relay/spoken_items.py",
)
# Package, or one of our own → the files that may import it (a folder ends with a slash).
ONLY_IN = {
    "fastapi": ("server/__main__.py", "server/app.py", "server/routes/", "tests/", "examples/"),
    "starlette": ("server/app.py", "server/routes/", "tests/"),
    "websockets": (
        "rtclient/transport.py",
        "rtclient/testing.py",
        "rtclient/engine/connection.py",
        "rtclient/engine/http.py",
        "rtclient/engine/serve.py",
        "tests/",
        "bench/",
        "examples/",
    ),
    "sounddevice": ("rtclient/talk/devices.py", "tests/", "bench/", "examples/"),
    "rich": ("rtclient/talk/screen.py", "tests/", "bench/"),
    "soxr": ("rtclient/resampling.py", "rtclient/engine/", "tests/", "bench/"),
    "soundfile": ("rtclient/sound_files.py", "tests/", "bench/", "scripts/"),
    "httpx2": ("rtclient/engine/remote/client.py", "tests/"),
    "server": ("server/", "tests/", "bench/", "scripts/"),
    "rtclient.commands": ("rtclient/commands/", "rtclient/__main__.py", "tests/", "scripts/"),
    "rtclient.talk": ("rtclient/talk/", "rtclient/commands/", "tests/", "scripts/"),
    "rtclient.turn_taking": (
        "rtclient/turn_taking/",
        "rtclient/client.py",
        "rtclient/__init__.py",
        "tests/",
    ),
    "azure": ("rtclient/service/opening.py", "server/upstreams/", "tests/"),
    "cryptography": ("server/certificates.py", "tests/"),
    "pydantic": ("server/", "tests/", "scripts/"),
    "structlog": ("server/", "tests/"),
}
ENVIRONMENT_READERS = (
    "server/settings.py",
    "rtclient/environment.py",
    "tests/",
    "bench/",
    "scripts/",
)


@cache
def files() -> tuple[str, ...]:
    """Return every file of the project, tracked or about to be, as paths from the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted({name for name in listed.splitlines() if (ROOT / name).is_file()}))


@cache
def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(text(name), name)


def python_files(*folders: str) -> list[str]:
    return [name for name in files() if name.endswith(".py") and name.startswith(folders)]


def line_count(name: str) -> int:
    return len(text(name).splitlines())


def code_files() -> list[str]:
    endings = (".py", ".js", ".sh", ".css", ".html")
    return [name for name in files() if name.endswith(endings)]


@cache
def imports(name: str) -> tuple[tuple[int, str], ...]:
    """Return (line, dotted module) for each import; `from a import b` gives `a` and `a.b`."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(found)


def is_under(dotted: str, *packages: str) -> bool:
    return any(dotted == package or dotted.startswith(package + ".") for package in packages)


def lines_with(pattern: str, names: list[str]) -> Iterator[str]:
    finder = re.compile(pattern)
    for name in names:
        for number, line in enumerate(text(name).splitlines(), 1):
            if finder.search(line):
                yield f"{name}:{number}: {line.strip()}"


def text_files() -> list[str]:
    binary = tuple(".png .ico .woff2 .wav .pcm .raw .flac .ogg .mp3 .gz .pem".split())
    return [name for name in files() if not name.endswith(binary)]


# Sizes ----------------------------------------------------------------------------------------


def test_no_file_is_longer_than_the_hard_cap() -> None:
    long = {name for name in code_files() if line_count(name) > HARD_LINES}
    assert long <= LONG_FILES.keys(), f"split: {sorted(long - LONG_FILES.keys())}"
    assert LONG_FILES.keys() <= long, "these exceptions are no longer needed"


def test_pages_and_scripts_stay_short() -> None:
    limits = dict(LINE_LIMITS) | {name: 60 for name in files() if name.startswith("docs/adr/0")}
    limits |= dict.fromkeys(python_files("examples/", "samples/"), 80)
    limits["examples/gateway.py"] = 180  # a whole client, for those who have no SDK
    over = {name: most for name, most in limits.items() if line_count(name) > most}
    assert not over


# Imports --------------------------------------------------------------------------------------


def test_cores_know_no_clock_socket_or_environment() -> None:
    cores = {path for glob in PURE for path in ROOT.glob(glob)}
    faults = [
        f"{name}:{line}: {dotted}"
        for name in sorted(path.relative_to(ROOT).as_posix() for path in cores)
        for line, dotted in imports(name)
        if dotted.split(".")[0] in IMPURE
    ]
    assert not faults


def test_every_core_on_the_list_exists() -> None:
    assert not [glob for glob in PURE if not list(ROOT.glob(glob))]


@pytest.mark.parametrize("package", ONLY_IN)
def test_package_is_imported_only_where_it_belongs(package: str) -> None:
    faults = [
        f"{name}:{line}"
        for name in python_files("")
        if not name.startswith(ONLY_IN[package])
        for line, dotted in imports(name)
        if is_under(dotted, package)
    ]
    assert not faults


def test_engine_imports_only_itself_and_the_protocol() -> None:
    allowed = ("rtclient.engine", "rtclient.protocol", "rtclient.errors", "rtclient.environment")
    faults = [
        f"{name}:{line}: {dotted}"
        for name in python_files("rtclient/engine/")
        for line, dotted in imports(name)
        if is_under(dotted, "rtclient")
        and dotted not in {"rtclient", "rtclient.__version__"}
        and not is_under(dotted, *allowed)
    ]
    assert not faults


def test_protocol_needs_only_the_standard_library_and_the_errors() -> None:
    for name in python_files("rtclient/protocol/"):
        ours = {dotted for _, dotted in imports(name) if is_under(dotted, "rtclient")}
        assert not {
            dotted
            for dotted in ours
            if dotted != "rtclient" and not is_under(dotted, "rtclient.protocol", "rtclient.errors")
        }, name


def test_errors_are_a_leaf() -> None:
    assert not [
        dotted for _, dotted in imports("rtclient/errors.py") if is_under(dotted, "rtclient")
    ]


def test_upstreams_do_not_know_each_other_and_routes_get_a_factory() -> None:
    registry = "server/upstreams/__init__.py"
    between = [
        f"{name}:{line}: {dotted}"
        for name in python_files("server/upstreams/")
        if name != registry
        for line, dotted in imports(name)
        if re.match(r"server\.upstreams\.(azure|openai|engine)\b", dotted)
    ]
    from_routes = [
        f"{name}:{line}: {dotted}"
        for name in python_files("server/routes/")
        for line, dotted in imports(name)
        if re.match(r"server\.upstreams\.\w*[a-z]\w*", dotted) and dotted.split(".")[2].islower()
    ]
    assert not between + from_routes


def test_environment_is_read_in_two_places() -> None:
    code = [name for name in python_files("") if not name.startswith(ENVIRONMENT_READERS)]
    assert not list(lines_with(r"\bos\.(environ|getenv)\b", code))


def test_imports_are_absolute() -> None:
    faults = [
        f"{name}:{node.lineno}"
        for name in python_files("")
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not faults


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    modules = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name
        for name in python_files("rtclient/", "server/")
    }

    def needs(module: str) -> set[str]:
        found = set()
        for node in tree(modules[module]).body:  # at import time only
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= (submodules & modules.keys()) or {node.module}
        return (found & modules.keys()) - {module}

    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path, module))
        if module not in done:
            for needed in sorted(needs(module)):
                visit(needed, (*path, module))
            done.add(module)

    for module in sorted(modules):
        visit(module, ())


# Words ----------------------------------------------------------------------------------------


def test_nothing_is_left_to_do() -> None:
    marks = "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX:"))
    code = [name for name in text_files() if not name.startswith("requirements")]
    assert not list(lines_with(rf"\b({marks})\b", code))


def test_tests_wait_for_events_and_never_sleep() -> None:
    tests = [name for name in python_files("tests/") if not name.startswith("tests/soak/")]
    assert not list(
        lines_with(r"(?<!\w)sleep\(", [name for name in tests if name != "tests/test_repo.py"])
    )


def test_nothing_names_a_package_index_or_a_place_on_one_machine() -> None:
    places = (
        "py" + r"pi\.org",
        "python" + "hosted",
        r"registry\.npm" + "js",
        r"\.\./sha" + "red",
        "/tmp/par" + "ley",
        r"(?<![\w.}])/wo" + "rk/",
        "--find-" + "links",
        "--index-" + "url",
    )
    searched = [name for name in text_files() if name != "scripts/lock.sh"]
    assert not list(lines_with("|".join(places), searched))


def test_sources_that_are_cited_can_be_found() -> None:
    """A page is cited by its path in docs/; sections are headings there, not numbers."""
    searched = [name for name in text_files() if name != "tests/test_repo.py"]
    page = r"\b(protocol|engine|frontend|clients|reliability|performance|anchors|decisions)"
    assert not list(lines_with(page + r"(\.md)?,? (§|T\d)", searched))


def test_modules_and_public_names_say_what_they_are_for() -> None:
    silent = []
    for name in python_files("rtclient/", "server/", "scripts/", "bench/", "tests/support/"):
        module = tree(name)
        if module.body and ast.get_docstring(module) is None:
            silent.append(name)
        for node in module.body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and ast.get_docstring(node) is None:
                silent.append(f"{name}:{node.lineno}: {node.name}")
    assert not silent


# Tests ----------------------------------------------------------------------------------------


def test_unit_tests_lie_where_their_module_lies() -> None:
    astray = []
    for name in python_files("tests/unit/rtclient/", "tests/unit/server/"):
        path = Path(name)
        if not path.name.startswith("test_"):
            continue
        folder = ROOT / path.parent.relative_to("tests/unit")
        words = path.stem.removeprefix("test_").split("_")
        stems = {"_".join(words[:length]) for length in range(1, len(words) + 1)}
        if path.stem == "test_main" or words == [folder.name]:
            continue  # of `__main__` and of the package itself
        if not any((folder / f"{stem}.py").exists() or (folder / stem).is_dir() for stem in stems):
            astray.append(name)
    assert not astray


def test_every_core_has_a_test_file() -> None:
    """Files that hold values only are covered by the tests of who uses them."""
    bare = []
    for glob in PURE:
        for path in ROOT.glob(glob):
            name = path.relative_to(ROOT)
            tests = (ROOT / "tests/unit" / name.parent).glob(f"test_{path.stem}*.py")
            if path.stem not in {"__init__", "actions"} and not list(tests):
                bare.append(str(name))
    assert not bare


# Docs -----------------------------------------------------------------------------------------


def anchors(name: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def pages() -> list[str]:
    return [name for name in files() if name.endswith(".md")]


def test_links_in_the_docs_lead_somewhere() -> None:
    broken = []
    for name in pages():
        prose = re.sub(r"```.*?```", "", text(name), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            goal = (ROOT / name).parent / path if path else ROOT / name
            if not goal.exists() or (
                anchor and anchor not in anchors(goal.resolve().relative_to(ROOT).as_posix())
            ):
                broken.append(f"{name}: {target}")
    assert not broken


def blocks(language: str) -> Iterator[tuple[str, str]]:
    for name in pages():
        for block in re.findall(rf"```{language}\n(.*?)```", text(name), re.DOTALL):
            yield name, block


def test_python_in_the_docs_compiles_and_imports_what_exists() -> None:
    for name, block in blocks("python"):
        compile(block, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and is_under(node.module or "", "rtclient"):
                module = __import__(node.module or "", fromlist=[node.names[0].name])
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{name}: {node.module}.{alias.name}"


def test_commands_and_data_in_the_docs_are_real() -> None:
    for name, block in blocks("sh"):
        for program in re.findall(r"(?:^|\s)\./([\w./-]+)", block):
            assert os.access(ROOT / program, os.X_OK), f"{name}: ./{program}"
        for module in re.findall(r"python3? -m ((?:rtclient|server|scripts|bench)[\w.]*)", block):
            place = ROOT / module.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").exists(), f"{name}: {module}"
    for _, block in blocks("json"):
        json.loads(block)


def test_settings_in_the_docs_exist() -> None:
    known = set(names()) | {"EXTRAS", "PYTHON", "PARLEY_INSTALLER", "SKIP", "RTCLIENT_ENGINE_KEY"}
    known |= {
        "CHROMIUM",
        "PIP_INDEX_URL",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "XDG_DATA_HOME",
    }
    for page, block in blocks("ini"):
        for name in re.findall(r"^([A-Z_]+)=", block, re.MULTILINE):
            assert name in known, f"{page}: {name}"
    for page in set(pages()) - {"docs/sdk-reference.md"}:  # it names constants of the code, too
        for name in re.findall(r"`([A-Z][A-Z]+_[A-Z_]+)(?:=[^`]*)?`", text(page)):
            assert name in known, f"{page}: {name}"


# Packaging ------------------------------------------------------------------------------------


def test_package_json_brings_nothing_with_it() -> None:
    package = json.loads(text("package.json"))
    assert {"start", "dev", "test"} <= package["scripts"].keys()
    assert not [key for key in package if "dependencies" in key.lower()]


def test_scripts_can_be_executed() -> None:
    shell = [name for name in files() if name.endswith(".sh")] + [".ci/run"]
    assert not [name for name in shell if not os.access(ROOT / name, os.X_OK)]


def pins(name: str) -> set[tuple[str, str]]:
    """Return (package, version); a package has two where old Pythons get an older one."""
    found = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.+!-]+)", text(name), re.MULTILINE)
    return {(canonicalize_name(package), version) for package, version in found}


LOCKS = (
    "requirements.txt",
    "requirements/test.txt",
    "requirements/azure.txt",
    "requirements/audio.txt",
)


def wanted(lock: str) -> list[Requirement]:
    project = tomllib.loads(text("pyproject.toml"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    chosen: dict[str, list[str]] = {
        "requirements.txt": [*extras["engine"], *extras["voice-gpl"], *groups["server"]],
        "requirements/azure.txt": extras["azure"],
        "requirements/audio.txt": extras["audio"],
        "requirements/test.txt": [
            *(item for group in groups.values() for item in group if isinstance(item, str)),
            *(item for extra in extras.values() for item in extra),
        ],
    }
    return [Requirement(line) for line in (*project["project"]["dependencies"], *chosen[lock])]


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_in_step_with_pyproject(lock: str) -> None:
    stale = []
    for need in wanted(lock):
        versions = {v for name, v in pins(lock) if name == canonicalize_name(need.name)}
        if not any(need.specifier.contains(v, prereleases=True) for v in versions):
            stale.append(str(need))
    assert not stale, "run scripts/lock.sh"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_each_package_with_its_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[\w.-]+(?:\[[\w,]+\])?==)", text(lock))[1:]
    assert len(entries) == len(pins(lock))
    assert not [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]


def test_locks_agree_so_that_they_can_be_installed_together() -> None:
    everything = pins("requirements/test.txt")
    for lock in LOCKS:
        assert pins(lock) <= everything, lock


if __name__ == "__main__":
    for file in code_files():
        if line_count(file) > SOFT_LINES:
            print(f"note: {file} has {line_count(file)} lines (wanted: {SOFT_LINES})")
