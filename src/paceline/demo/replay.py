"""Replays the cast's traces: every call at its own arrival time, scaled, whatever became of those before it.

Only the calls of one agent session wait for each other, since the next prompt holds the last answer. Owns the
schedule and the count of what was sent and answered; how long anything took is the gateway's to measure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from paceline.demo import wire
from paceline.demo.cast import SESSIONS_APART_S, Role
from paceline.demo.client import AnswerCutError, Client
from paceline.demo.sdk import EVERY, SdkCalls
from paceline.demo.traces import Call

# Calls under way at the end of the window are awaited this long, then abandoned as a caller who leaves would.
LAST_ANSWERS_S = 15.0


@dataclass
class Tally:
    """What one service's clients saw."""

    sent: int = 0
    answered: int = 0
    failed: int = 0
    abandoned: int = 0
    by_sdk: int = 0
    late_s: list[float] = field(default_factory=list)
    """For each call of the lean client: how long after its due time it was handed to the network."""

    @property
    def under_way(self) -> int:
        """Calls sent that have no end yet."""
        return self.sent - self.answered - self.failed - self.abandoned


class Replay:
    """One run of a window of the traces against one gateway."""

    def __init__(
        self, client: Client, sdk: SdkCalls | None, roles: Sequence[Role], keys: Mapping[str, str], seconds: float
    ) -> None:
        self._client = client
        self._sdk = sdk
        self._roles = roles
        self._keys = keys
        self._seconds = seconds
        self._began = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.tallies = {role.service: Tally() for role in roles}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start; 0 before it."""
        return time.perf_counter() - self._began if self._began else 0.0

    async def run(self) -> None:
        """Play the window, then wait for the last answers; calls without one by then are abandoned."""
        self._began = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as group:
                for role in self._roles:
                    group.create_task(self._play(role))
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=LAST_ANSWERS_S)
        finally:
            overdue = list(self._tasks)
            for task in overdue:
                task.cancel()
            await asyncio.gather(*overdue, return_exceptions=True)
        for tally in self.tallies.values():
            tally.abandoned += tally.under_way

    async def _play(self, role: Role) -> None:
        calls = list(enumerate(role.calls()))
        alone = [one for one in calls if not one[1].session]
        sessions = groupby((one for one in calls if one[1].session), key=lambda one: one[1].session)
        for number, (_, session) in enumerate(sessions):
            self._spawn(self._session(role, list(session), number * SESSIONS_APART_S))
        for index, call in alone:
            due_s = (call.at_s - role.starts_s) / role.scale
            if due_s < 0:
                continue
            if not await self._until(due_s):
                return
            self._spawn(self._make(role, call, index, due_s))

    async def _session(self, role: Role, calls: list[tuple[int, Call]], starts_s: float) -> None:
        for index, call in calls:
            due_s = (starts_s + call.at_s) / role.scale
            if not await self._until(due_s):
                return
            await self._make(role, call, index, max(due_s, self.elapsed_s))

    async def _until(self, due_s: float) -> bool:
        """Wait for a moment of the run; False when that is past its end."""
        await asyncio.sleep(max(0.0, min(due_s, self._seconds) - self.elapsed_s))
        return due_s < self._seconds and self.elapsed_s < self._seconds + 1

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _make(self, role: Role, call: Call, index: int, due_s: float) -> None:
        tally = self.tallies[role.service]
        key = self._keys[role.service]
        tally.sent += 1
        if self._sdk is not None and index % EVERY == 0:
            tally.by_sdk += 1
            whole = await self._sdk.make(role, call, index, key)
        else:
            whole = await self._post(role, call, index, due_s)
        if whole:
            tally.answered += 1
        else:
            tally.failed += 1

    async def _post(self, role: Role, call: Call, index: int, due_s: float) -> bool:
        body = wire.body(role, call, index)
        headers = wire.headers(role, call, self._keys[role.service])
        try:
            answer = await self._client.post(wire.path(role), headers, body)
        except (AnswerCutError, OSError):
            return False
        self.tallies[role.service].late_s.append(answer.sent_s - self._began - due_s)
        return wire.is_whole(role, call, answer)
