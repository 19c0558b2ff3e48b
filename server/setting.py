"""How one setting is declared: its name in the environment, its group in the docs, its meaning."""

from typing import Any

from pydantic import Field


def setting(
    name: str, group: str, description: str, *, default: Any = None, unit: str = "", **limits: Any
) -> Any:
    """Return the field of a settings class; `limits`: as pydantic has them."""
    return Field(
        default,
        validation_alias=name,
        description=description,
        json_schema_extra={"group": group, "unit": unit},
        **limits,
    )
