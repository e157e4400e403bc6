"""The excerpt of traces and the prompts made from it."""

from importlib.resources import files
from itertools import groupby

import pytest

from paceline.demo.cast import ROLES
from paceline.demo.prompts import block, split, text
from paceline.demo.traces import Call, azure, claude_code


def test_the_excerpt_is_small_and_carries_its_licences() -> None:
    data = files("paceline.demo") / "data"
    sizes = {path.name: len(path.read_bytes()) for path in data.iterdir()}
    assert sum(sizes.values()) < 1_000_000
    assert {name for name in sizes if name.startswith("LICENCE")} == {
        "LICENCE-azure-CC-BY-4.0.txt",
        "LICENCE-claude-code-Apache-2.0.txt",
    }
    readme = (data / "README.md").read_text()
    assert all(name in readme for name in sizes if name != "README.md")


@pytest.mark.parametrize(("name", "calls"), [("conv", 4424), ("code", 2598)])
def test_azure_traces_come_in_order_of_arrival(name: str, calls: int) -> None:
    found = list(azure(name, streamed_share=0.5))
    assert len(found) == calls
    assert [call.at_s for call in found] == sorted(call.at_s for call in found)
    assert found[0].at_s == 0
    assert found[-1].at_s < 900
    assert sum(call.streamed for call in found) / calls == pytest.approx(0.5, abs=0.01)


def test_sessions_share_the_prefix_of_their_own_request_before() -> None:
    for _, session in groupby(claude_code(), key=lambda call: call.session):
        calls = list(session)
        assert len(calls) == 40
        first, second = (text(call.session, call.blocks, call.input_tokens) for call in calls[:2])
        shared = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(first))
        assert shared >= 4 * min(call.input_tokens for call in calls[:2]) * 0.5


def test_a_prompt_has_exactly_its_tokens_of_four_bytes() -> None:
    for tokens in (1, 63, 64, 65, 1000):
        assert len(text("s", ((1, 3), (9, 1)), tokens).encode()) == 4 * tokens
    assert text("s", ((1, 2),), 128) == block("s", 1) + block("s", 2)
    assert block("s", 1) != block("t", 1)


def test_system_prompt_and_message_together_are_the_prompt() -> None:
    call = Call(0.0, "s", 200, 5, True, system_tokens=80, blocks=((1, 4),))
    system, user = split(call, 0)
    assert (len(system), len(user)) == (320, 480)
    assert system + user == text("s", call.blocks, 200)


def test_calls_without_a_session_share_no_prefix() -> None:
    call = Call(0.0, "", 100, 5, True)
    assert split(call, 0)[1][:64] != split(call, 1)[1][:64]


def test_three_services_play_with_traffic_each() -> None:
    assert len({role.service for role in ROLES}) == 3
    assert all(next(iter(role.calls())) for role in ROLES)
