"""The JSON Schema of the standards file, for editors: generated from `Options`.

Owns what `Options` cannot say by itself: the short forms of models and deployments, the alphabet of names, `x-` keys.
The schema is as strict as the loader on keys and types; references and contradictions only the loader finds.
"""

from __future__ import annotations

import json
from typing import Any

from paceline.standards.names import NAME_CHARS_MAX
from paceline.standards.options import Options

__all__ = ["NAMED_SECTIONS", "schema", "schema_text"]

NAMED_SECTIONS = ("providers", "models", "tasks", "classes", "use_cases", "teams", "services")


def schema() -> dict[str, Any]:
    """Build the schema."""
    built = Options.model_json_schema(by_alias=True, mode="validation")
    parts = built["$defs"]
    deployment = {"$ref": "#/$defs/DeploymentOptions"}
    parts["DeploymentOptions"] = {
        "anyOf": [{"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,47}/.+$"}, parts["DeploymentOptions"]]
    }
    parts["ModelOptions"] = {
        "anyOf": [deployment, {"type": "array", "items": deployment}, parts["ModelOptions"]],
    }
    for section in NAMED_SECTIONS:
        names = {"pattern": "^[a-z0-9][a-z0-9._-]*$", "maxLength": NAME_CHARS_MAX}
        built["properties"][section]["propertyNames"] = names
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "paceline standards",
        **{key: value for key, value in built.items() if key != "title"},
        "patternProperties": {"^x-": {}},
    }


def schema_text() -> str:
    """Write the schema as the file that is shipped."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
