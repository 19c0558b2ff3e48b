"""The page tells the bounds that are in force."""

import importlib
import re

from tests.support.servers import ROOT


def test_the_bounds_of_the_page_are_those_of_the_code() -> None:
    page = (ROOT / "docs/reconnect.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]* \| (\d+)[^|]* \| `(\w+)\.(\w+)` \|$", page, re.MULTILINE)
    assert len(rows) == 8
    for value, module, name in rows:
        found = getattr(importlib.import_module(f"rtclient.resumption.{module}"), name)
        assert found == float(value), name
