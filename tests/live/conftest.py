"""The opt-in part of the contract: a configured real service, by key only, with a spend cap.

Settings are those of the server (environment or `.env`): Azure OpenAI or OpenAI. What a whole run
costs at most is `PARLEY_LIVE_SPEND_CAP_USD` (default 0.25): from the usage that the service
reports, at prices not below any list price of a realtime model. Beyond the cap nothing is asked.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.settings import Settings, SettingsError, load_settings
from server.upstreams import create_upstream
from tests.live.conversation import Budget, Conversation

NEEDS_KEY = (
    "The live layer talks to a real service and needs its key. Set AZURE_OPENAI_ENDPOINT, "
    "AZURE_OPENAI_API_KEY and AZURE_OPENAI_DEPLOYMENT, or OPENAI_API_KEY, in the environment or in "
    ".env, then run ./test.sh live. It costs a few cents; PARLEY_LIVE_SPEND_CAP_USD is the limit."
)


def live_settings() -> Settings | str:
    """The settings of a real service, or why there are none."""
    try:
        settings = load_settings(os.environ, Path.cwd())
    except SettingsError as error:
        return f"{NEEDS_KEY}\n{error}"
    return NEEDS_KEY if settings.upstream == "engine" else settings


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Asked for by name and without a key: fail. Met on the way through all tests: say so."""
    here = Path(__file__).parent
    paths = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    named = any(path == here or here in path.parents for path in paths)
    mine = [item for item in items if here in item.path.parents]
    settings = live_settings() if mine else ""
    if not mine or not isinstance(settings, str):
        return
    if named:
        pytest.exit(settings, returncode=1)
    for item in mine:
        item.add_marker(pytest.mark.skip(reason=NEEDS_KEY))


@pytest.fixture(scope="session")
def budget() -> Budget:
    """What the run has spent so far."""
    return Budget(float(os.environ.get("PARLEY_LIVE_SPEND_CAP_USD", "0.25")))


@pytest.fixture
async def conversation(budget: Budget) -> AsyncIterator[Conversation]:
    """An open session with the real service, after `session.created`."""
    settings = live_settings()
    if isinstance(settings, str):
        pytest.fail(settings, pytrace=False)
    budget.check()
    upstream = create_upstream(settings)
    await upstream.start()
    try:
        transport = await upstream.dial()
        opened = Conversation(transport, budget, settings)
        await opened.until("session.created")
        yield opened
        await transport.close()
    finally:
        await upstream.close()
