"""`assert_prefix_stable` on prompts that change for every reason it knows, and on those that do not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import uuid
from datetime import date, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from paceline.testing import PrefixUnstableError, assert_prefix_stable
from paceline.testing.clock import clock_at
from paceline.testing.regions import rendered

RULES = "Answer in one sentence. " * 20
STARTED = f"{time.time_ns()} {RULES}"


def steady() -> dict[str, Any]:
    return {
        "model": "gpt-5.4-mini",
        "messages": [{"role": "user", "content": "What is the weather?"}],
        "system": RULES,
        "tools": [{"name": "weather", "description": "Tells the weather"}],
    }


def with_clock() -> list[dict[str, str]]:
    return [{"role": "system", "content": f"It is {datetime.now():%H:%M:%S}. {RULES}"}]  # noqa: DTZ005


def with_identifier() -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello"}], "system": f"{RULES} Request {uuid.uuid4()}."}


def with_set() -> str:
    return f"{RULES} Known words: {', '.join({'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'})}"


def with_start() -> str:
    return STARTED


async def awaited() -> str:
    return RULES


def failing() -> str:
    if "PACELINE_TESTING_ELSEWHERE" in __import__("os").environ:
        raise LookupError("no such prompt")
    return RULES


def test_a_steady_prompt_is_compared_in_every_way() -> None:
    found = assert_prefix_stable(steady, n=3)
    assert found.varied == ("again", "clock", "process")
    assert found.renders == 3 + 2 + 2
    assert found.stable_bytes == len(rendered(steady()).data)


@pytest.mark.parametrize(
    ("build", "cause", "region"),
    [
        (with_clock, "clock", "messages[0].content"),
        (with_identifier, "again", "system"),
        (with_set, "process", "the prompt"),
        (with_start, "process", "the prompt"),
    ],
)
def test_what_changes_is_named(build: Any, cause: str, region: str) -> None:
    with pytest.raises(PrefixUnstableError) as caught:
        assert_prefix_stable(build, n=3)
    assert (caught.value.cause, caught.value.region) == (cause, region)
    assert f"changes at byte {caught.value.at_byte:,} of" in str(caught.value)
    assert f"in {region}" in str(caught.value)


def test_the_first_differing_byte_is_exact() -> None:
    with pytest.raises(PrefixUnstableError) as caught:
        assert_prefix_stable(with_identifier, processes=False)
    steady_part = f"{RULES} Request "
    assert caught.value.at_byte - len(b"system:") - len(steady_part) in range(4)


def test_a_changing_end_is_allowed_where_only_the_beginning_is_asked_for() -> None:
    found = assert_prefix_stable(with_identifier, stable_bytes=400)
    assert 400 <= found.stable_bytes < len(rendered(with_identifier()).data)


def test_a_prompt_shorter_than_what_is_to_be_stable_is_refused() -> None:
    with pytest.raises(PrefixUnstableError, match="fewer than the 1,024 that are to be stable"):
        assert_prefix_stable(lambda: "short", stable_bytes=1024)


def test_a_prompt_that_ends_earlier_in_one_render_is_unstable() -> None:
    lengths = iter([3, 2])
    with pytest.raises(PrefixUnstableError, match="changes at byte 2 of 3"):
        assert_prefix_stable(lambda: "abc"[: next(lengths)])


def test_a_closure_is_compared_within_this_process_unless_more_is_demanded() -> None:
    assert assert_prefix_stable(lambda: RULES).varied == ("again", "clock")
    with pytest.raises(ValueError, match="build: a lambda"):
        assert_prefix_stable(lambda: RULES, processes=True)


def test_chance_is_begun_anew_and_put_back() -> None:
    random.seed(7)
    expected = random.Random(7).random()
    with pytest.raises(PrefixUnstableError):
        assert_prefix_stable(lambda: f"{RULES}{random.random()}")
    assert random.random() == expected


def test_async_builds_are_awaited() -> None:
    assert assert_prefix_stable(awaited).varied == ("again", "clock", "process")


def test_what_fails_elsewhere_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"failing failed in another process: LookupError: no such prompt"):
        assert_prefix_stable(failing)


def test_fewer_than_two_renders_and_strange_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        assert_prefix_stable(steady, n=1)
    with pytest.raises(TypeError, match=r"messages\[0\] is object"):
        assert_prefix_stable(lambda: [object()])


def test_a_script_that_asserts_while_it_is_imported_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        dedent("""\
        from paceline.testing import assert_prefix_stable

        def build():
            return "steady"

        assert_prefix_stable(build)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'put it below `if __name__ == "__main__":`' in done.stderr


def test_regions_follow_the_order_in_which_providers_read() -> None:
    found = rendered(steady())
    order = [found.data.index(part) for part in (b"Tells the weather", b"Answer in one", b"What is the weather?")]
    assert order == sorted(order)
    assert found.region(order[0]) == "tools[0].description"
    assert found.region(order[1]) == "system"
    assert found.region(order[2]) == "messages[0].content"


def test_the_order_of_fields_counts() -> None:
    assert rendered({"tools": [{"a": 1, "b": 2}]}) != rendered({"tools": [{"b": 2, "a": 1}]})


def test_the_clock_stands_and_goes_on() -> None:
    moment = 1_900_000_000.0
    with clock_at(moment):
        assert time.time() == moment
        assert time.gmtime().tm_year == 2030
        assert datetime.now().timestamp() == moment  # noqa: DTZ005
        assert date.today() == date.fromtimestamp(moment)  # noqa: DTZ011, DTZ012
        assert isinstance(datetime(2030, 1, 1), datetime)  # noqa: DTZ001
        assert time.strftime("%Y", time.gmtime()) == "2030"
        assert time.ctime() == time.ctime(moment)
    assert time.time() != moment
    assert type(datetime.now()) is datetime  # noqa: DTZ005
