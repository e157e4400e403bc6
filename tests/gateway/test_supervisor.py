"""The supervisor with real processes: readiness, restart, orderly stop, refusal to start."""

import asyncio
import stat
import sys
from pathlib import Path

import pytest

from paceline.gateway import supervisor as module
from paceline.gateway.supervisor import Part, PartFailedError, Supervisor, turn_over

# Writes its pid, then waits for SIGTERM and writes that it left.
STAYS = """
import os, signal, sys, pathlib
here = pathlib.Path(sys.argv[1])
def leave(*_):
    with here.open("a") as out: out.write("left " + sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
with here.open("a") as out: out.write("up " + sys.argv[2] + " " + str(os.getpid()) + "\\n")
while True: signal.pause()
"""


def part(tmp_path: Path, name: str, code: str = STAYS) -> Part:
    diary = tmp_path / "diary"
    return Part(
        name,
        (sys.executable, "-c", code, str(diary), name),
        tmp_path / f"{name}.log",
        lambda: diary.exists() and f"up {name} " in diary.read_text(),
    )


async def until(condition: object) -> None:
    while not condition():  # type: ignore[operator]
        await asyncio.sleep(0.01)


def test_parts_start_together_and_stop_in_order(tmp_path: Path) -> None:
    async def work() -> None:
        supervisor = Supervisor([part(tmp_path, "first"), part(tmp_path, "second")], print)
        await supervisor.start()
        assert set(supervisor.pids()) == {"first", "second"}
        await supervisor.stop()

    asyncio.run(work())
    lines = (tmp_path / "diary").read_text().splitlines()
    assert [line for line in lines if line.startswith("left")] == ["left first", "left second"]


def test_a_part_that_is_killed_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []

    async def work() -> None:
        supervisor = Supervisor([part(tmp_path, "only")], said.append)
        await supervisor.start()
        killed = supervisor.pids()["only"]
        import os
        import signal

        os.kill(killed, signal.SIGKILL)
        await until(lambda: len((tmp_path / "diary").read_text().splitlines()) == 2)
        await until(lambda: len(said) == 2)
        assert supervisor.pids()["only"] != killed
        await supervisor.stop()

    asyncio.run(work())
    assert said == ["only ended (SIGKILL); starting it again in 0.25 s", "only is ready again"]


def test_a_part_that_cannot_start_is_not_tried_again_and_its_last_words_are_kept(tmp_path: Path) -> None:
    refuses = "import sys; print('error: no plan', file=sys.stderr); sys.exit(2)"

    async def work() -> PartFailedError:
        supervisor = Supervisor([part(tmp_path, "only", refuses)], print)
        with pytest.raises(PartFailedError) as caught:
            await supervisor.start()
        await supervisor.stop()
        return caught.value

    failure = asyncio.run(work())
    assert str(failure) == "only ended with exit code 2 before it was ready"
    assert failure.last_lines == ["error: no plan"]


def test_a_part_that_overstays_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    deaf = STAYS.replace("signal.signal(signal.SIGTERM, leave)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")

    async def work() -> None:
        only = part(tmp_path, "only", deaf)
        supervisor = Supervisor([Part(only.name, only.command, only.log, only.is_ready, grace_s=0.05)], said.append)
        await supervisor.start()
        await supervisor.stop()
        assert supervisor.pids() == {}

    asyncio.run(work())
    assert said == ["only did not leave within 0.05 s; killing it"]


def test_a_stop_during_the_start_ends_the_start(tmp_path: Path) -> None:
    async def work() -> None:
        never = Part(
            "never", (sys.executable, "-c", STAYS, str(tmp_path / "x"), "never"), tmp_path / "l", lambda: False
        )
        supervisor = Supervisor([never], print)
        starting = asyncio.create_task(supervisor.start())
        await until((tmp_path / "x").exists)
        supervisor.request_stop()
        await starting
        assert supervisor.is_stopping
        await supervisor.stop()

    asyncio.run(work())


def test_a_log_that_has_grown_too_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paceline.gateway.supervisor.LOG_BYTES_MAX", 10)
    (tmp_path / "only.log").write_text("a long story\n")

    async def work() -> None:
        supervisor = Supervisor([part(tmp_path, "only")], print)
        await supervisor.start()
        await supervisor.stop()

    asyncio.run(work())
    assert (tmp_path / "only.log.1").read_text() == "a long story\n"
    assert (tmp_path / "only.log").read_text() == ""


# Writes a line whenever it is told to by a file that appears.
TALKS = """
import os, sys, pathlib, time
here = pathlib.Path(sys.argv[1])
with here.open("a") as out: out.write("up " + sys.argv[2] + " " + str(os.getpid()) + "\\n")
while True:
    print("a line of a hundred characters".ljust(99, "."), flush=True)
    time.sleep(0.001)
"""


def test_a_log_is_readable_by_its_owner_only_whatever_it_was_before(tmp_path: Path) -> None:
    one = part(tmp_path, "only")
    one.log.write_text("before\n")
    one.log.chmod(0o644)

    async def work() -> None:
        supervisor = Supervisor([one], print)
        await supervisor.start()
        await supervisor.stop()

    asyncio.run(work())
    assert stat.S_IMODE(one.log.stat().st_mode) == 0o600
    assert one.log.read_text().startswith("before\n")


def test_a_log_that_grows_is_turned_over_while_its_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_CHECK_S", 0.01)
    monkeypatch.setattr(module, "LOG_BYTES_MAX", 2000)
    one = part(tmp_path, "only", TALKS)
    before = one.log.with_suffix(".log.1")

    async def work() -> None:
        supervisor = Supervisor([one], print)
        await supervisor.start()
        await until(before.exists)
        await until(lambda: one.log.stat().st_size > 0)
        await supervisor.stop()

    asyncio.run(work())
    assert stat.S_IMODE(before.stat().st_mode) == 0o600
    assert before.read_text().startswith("a line")
    assert "\0" not in one.log.read_text(), "what is written next stands at the start"


def test_a_small_log_stays_and_an_absent_one_is_no_trouble(tmp_path: Path) -> None:
    log = tmp_path / "only.log"
    turn_over(log)
    log.write_text("short\n")
    turn_over(log)
    assert [path.name for path in tmp_path.iterdir()] == ["only.log"]
