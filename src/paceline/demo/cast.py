"""Who plays in the demo: three services, the traces behind them, and how much faster each trace is played."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from paceline.demo.traces import Call, azure, claude_code

# The Azure traces do not say what was streamed. Chat products stream; editors wait for the whole completion.
CHAT_STREAMED_SHARE = 0.9
CODE_STREAMED_SHARE = 0.0
# Sessions of the agent trace begin this far apart, in the trace's own time.
SESSIONS_APART_S = 40.0


@dataclass(frozen=True)
class Role:
    """One service of the demo and where its traffic comes from."""

    service: str
    use_case: str
    dialect: str
    model: str
    source: str
    scale: float
    """How many seconds of the trace pass in one second."""
    calls: Callable[[], Iterable[Call]]
    starts_s: float = 0.0
    """Where in the trace the replay begins."""


ROLES = (
    Role(
        service="helpdesk",
        use_case="support-chat",
        dialect="openai",
        model="chat-small",
        source="Azure conversation service",
        scale=2.0,
        calls=partial(azure, "conv", CHAT_STREAMED_SHARE),
    ),
    Role(
        service="editor",
        use_case="code-complete",
        dialect="openai",
        model="task:code",
        source="Azure code completion service",
        scale=2.0,
        calls=partial(azure, "code", CODE_STREAMED_SHARE),
        starts_s=180.0,  # the recorded service was idle from the first to the third minute
    ),
    Role(
        service="builder",
        use_case="repo-agent",
        dialect="anthropic",
        model="auto",
        source="Claude Code sessions",
        scale=12.0,
        calls=claude_code,
    ),
)

# The simulated provider's models with their presets, as `paceline sim --model` takes them.
SIM_MODELS = ("gpt-5.4-mini=small", "gpt-5.4-nano=tiny", "claude-opus-4-5=frontier,per_prefill_token_ms=0.05")
