"""YAML text to plain values: bounded in bytes, never raising, with syntax errors put into our words.

Owns what is said about text that is not YAML; `composer` owns what YAML means.
"""

from __future__ import annotations

import yaml

from paceline.standards.composer import Composer, Source, StopError
from paceline.standards.faults import Code, Fault

__all__ = ["BYTES_MAX", "read_source"]

BYTES_MAX = 1 << 20

_WORDS: dict[str, object] = {"": None, "~": None, "true": True, "false": False}


def read_source(text: str) -> Source:
    """Read YAML text; never raises, whatever the text."""
    source = Source()
    if len(text.encode("utf-8", "replace")) > BYTES_MAX:
        source.faults.append(Fault(Code.TOO_LARGE, "", f"the file is over {BYTES_MAX >> 20} MiB", "Shorten it", 1, 1))
        source.broken = True
        return source
    source.broken = True
    composer = Composer(source)
    try:
        composer.run(yaml.parse(text, Loader=yaml.SafeLoader))
        source.broken = False
    except StopError:
        pass
    except yaml.MarkedYAMLError as error:
        source.faults.append(_syntax_fault(error))
    except yaml.reader.ReaderError as error:
        line, column = _position(text, error.position)
        message = f"the character U+{ord(text[error.position]):04X} is not allowed in YAML"
        source.faults.append(Fault(Code.SYNTAX, "", message, "Remove it", line, column))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.faults.append(Fault(Code.SYNTAX, "", f"not valid YAML: {type(error).__name__}", "", 1, 1))
    return source


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = (error.problem or error.context or "cannot be read").replace("<", "").replace(">", "")
    hint = "Check the indentation, the colons and the quotes around here"
    if "'\\t'" in problem:
        hint = "Indent with spaces; YAML does not allow tabs"
    elif "mapping values are not allowed" in problem:
        hint = "Put quotes around text that contains ': ', or check the indentation"
    return Fault(
        Code.SYNTAX,
        "",
        f"not valid YAML: {problem}",
        hint,
        (mark.line + 1) if mark else 1,
        (mark.column + 1) if mark else 1,
    )
