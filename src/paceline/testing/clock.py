"""A clock that stands at a chosen moment, for the code that runs inside a `with`.

Replaces `time` and `datetime` in every loaded module that holds them, and puts them back. Waiting is left alone:
monotonic clocks and sleeps go on.
"""

from __future__ import annotations

import datetime as datetimes
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeAlias

_DATETIME: TypeAlias = datetimes.datetime
_DATE: TypeAlias = datetimes.date


@contextmanager
def clock_at(moment_s: float) -> Iterator[None]:
    """Make the wall clock stand at `moment_s` (seconds since 1970) until the block ends."""
    fakes = _fakes(moment_s)
    changed: list[tuple[ModuleType, str, Any]] = []
    try:
        for module in [each for each in list(sys.modules.values()) if isinstance(each, ModuleType)]:
            if module.__name__ == __name__:
                continue
            for name, value in list(vars(module).items()):
                fake = fakes.get(id(value))
                if fake is not None:
                    changed.append((module, name, value))
                    setattr(module, name, fake)
        yield
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def _fakes(moment_s: float) -> dict[int, Any]:
    """Map what tells the time, by identity, to what tells `moment_s`."""

    def standing(real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda seconds=None: real(moment_s if seconds is None else seconds)

    now, asctime, strftime = time.localtime(moment_s), time.asctime, time.strftime
    return {
        id(time.time): lambda: moment_s,
        id(time.time_ns): lambda: int(moment_s * 1e9),
        id(time.localtime): standing(time.localtime),
        id(time.gmtime): standing(time.gmtime),
        id(time.ctime): standing(time.ctime),
        id(asctime): lambda parts=now: asctime(parts),
        id(strftime): lambda form, parts=now: strftime(form, parts),
        id(_DATETIME): _datetime_at(moment_s),
        id(_DATE): _date_at(moment_s),
    }


class _Alike(type):
    """Lets the replacement answer for the real class, whose instances it makes."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)


def _datetime_at(moment_s: float) -> type:
    class datetime(_DATETIME, metaclass=_Alike):  # noqa: N801  # it answers to the real one's name
        real = _DATETIME

        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return _DATETIME(*parts, **named)

        @classmethod
        def now(cls, tz: datetimes.tzinfo | None = None) -> Any:
            return _DATETIME.fromtimestamp(moment_s, tz)

        @classmethod
        def utcnow(cls) -> Any:
            return _DATETIME.fromtimestamp(moment_s, datetimes.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return _DATETIME.fromtimestamp(moment_s)

    return _plain(datetime, _DATETIME)


def _date_at(moment_s: float) -> type:
    class date(_DATE, metaclass=_Alike):  # noqa: N801  # it answers to the real one's name
        real = _DATE

        def __new__(cls, *parts: Any, **named: Any) -> Any:
            return _DATE(*parts, **named)

        @classmethod
        def today(cls) -> Any:
            return _DATE.fromtimestamp(moment_s)

    return _plain(date, _DATE)


def _plain(fake: type, real: type) -> type:
    """Let the constructors of the real class give real instances."""
    for name in ("fromtimestamp", "fromisoformat", "fromordinal", "strptime", "combine", "utcfromtimestamp"):
        if hasattr(real, name):
            setattr(fake, name, getattr(real, name))
    return fake
