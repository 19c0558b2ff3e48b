"""That all names are there: Microsoft's, and those that the package repeats."""

import importlib
from pathlib import Path

import rtclient
from rtclient import models

NAMES = (Path(__file__).parent.parent / "microsoft_names.txt").read_text().split()


def test_all_names_of_microsofts_package_are_here() -> None:
    places = [name.rsplit(".", 1) for name in NAMES]
    missing = [
        f"{module}.{name}"
        for module, name in places
        if not hasattr(importlib.import_module(module), name)
    ]
    assert not missing


def test_what_the_models_offer_is_offered_by_the_package() -> None:
    assert set(models.__all__) <= set(rtclient.__all__)
