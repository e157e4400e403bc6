"""No source, however odd, brings anything but sound standards or the package's one error; and never a key."""

from __future__ import annotations

import contextlib
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.imports.conftest import proven

from paceline.imports import ImportsError
from paceline.imports.litellm import read as read_litellm
from paceline.imports.portkey import read as read_portkey

SCALARS = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats(allow_nan=True) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(
    [
        "model",
        "api_base",
        "api_key",
        "rpm",
        "tpm",
        "timeout",
        "stream_timeout",
        "max_tokens",
        "weight",
        "order",
        "headers",
    ]
)
ENTRY = st.fixed_dictionaries(
    {"model_name": st.text(max_size=60), "litellm_params": st.dictionaries(KEYS, VALUES, max_size=4)},
    optional={"model_info": VALUES},
)
SETTINGS = st.dictionaries(
    st.sampled_from(
        [
            "num_retries",
            "cooldown_time",
            "request_timeout",
            "cache",
            "cache_params",
            "fallbacks",
            "max_budget",
            "alerting",
            "default_team_settings",
            "model_group_alias",
            "default_fallbacks",
            "max_parallel_requests",
            "max_request_size_mb",
        ]
    ),
    VALUES,
    max_size=5,
)


@settings(deadline=None)
@given(entries=st.lists(ENTRY, max_size=3), module=SETTINGS | SCALARS, router=SETTINGS)
def test_no_input_brings_anything_but_sound_standards_or_the_one_error(
    entries: list[object], module: object, router: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("any") / "config.yaml"
    good = {"model_name": "good", "litellm_params": {"model": "openai/gpt-4o"}}
    file.write_text(
        yaml.safe_dump({"model_list": [good, *entries], "litellm_settings": module, "router_settings": router})
    )
    proven(read_litellm(file))


FIELDS = {
    **{name: st.text(max_size=8) for name in ("api_key", "custom_host", "virtual_key", "name", "resource_name")},
    "provider": st.sampled_from(["openai", "anthropic", "azure-openai", "ollama", "bedrock", "@prod", ""]),
    "weight": SCALARS,
    "override_params": st.fixed_dictionaries({}, optional={"model": st.text(max_size=9), "max_tokens": SCALARS}),
    "cache": VALUES | st.fixed_dictionaries({"mode": st.just("simple")}, optional={"max_age": SCALARS}),
    "retry": VALUES | st.fixed_dictionaries({"attempts": SCALARS}),
    "request_timeout": SCALARS,
    "strategy": st.fixed_dictionaries({"mode": st.sampled_from(["loadbalance", "fallback", "conditional", "x"])}),
}
CONFIG = st.recursive(
    st.fixed_dictionaries({}, optional=FIELDS),
    lambda inner: st.fixed_dictionaries({"targets": st.lists(inner | VALUES, max_size=3)}, optional=FIELDS),
    max_leaves=4,
)


@settings(deadline=None)
@given(found=CONFIG | st.lists(CONFIG, max_size=2) | VALUES, default=st.sampled_from(["", "openai/gpt-5.4-mini"]))
def test_no_config_of_portkey_does_either(
    found: object, default: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("any") / "config.json"
    file.write_text(json.dumps(found))
    with contextlib.suppress(ImportsError):
        proven(read_portkey(file, {}, default))
