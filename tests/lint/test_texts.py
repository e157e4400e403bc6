"""Where the text of a prompt is written, and the pieces it is made of: names, functions, templates that are filled."""

from __future__ import annotations

from pathlib import Path

import pytest

from paceline.catalogue import load
from paceline.lint import fronts
from paceline.lint.python import sites
from paceline.lint.sites import Kind, State

HEAD = """\
from datetime import date, datetime
from string import Template
BRIEF = "Be brief. It is {now}."
TODAY = Template("Be brief. It is ${day}. $$ is money.")
"""


def grains(code: str) -> list[str | None]:
    """Say of each prompt how it changes; None where that is not decided."""
    found = [each for each in sites((HEAD + code).encode(), "x.py", load()) if each.kind is Kind.PROMPT]
    facts = [each.fact("stable") for each in found]
    return [fact.value if fact.state is State.NO else None for fact in facts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BRIEF.format(now=datetime.now())", "fine"),
        ("BRIEF.format(now=date.today())", "day"),
        ("BRIEF.format(now=who)", None),
        ("BRIEF.strip().format(now=datetime.now())", "fine"),
        ("'{{x}} {}, {}'.format(who, datetime.now())", "fine"),
        ("'{1} {0}'.format(datetime.now(), who)", "fine"),
        ("'{now:%d %B}'.format(now=datetime.now())", "day"),
        ("'{now.hour}'.format(now=datetime.now())", "fine"),
        ("'{'.format(now=datetime.now())", None),
        ("'It is %s, %d %%.' % (datetime.now(), who)", "fine"),
        ("'It is %s.' % date.today()", "day"),
        ("'It is %(now)s.' % {'now': datetime.now()}", "fine"),
        ("who % datetime.now()", None),
        ("TODAY.substitute(day=date.today())", "day"),
        ("TODAY.safe_substitute(day=who)", None),
        ("Template('$now').substitute(now=datetime.now())", "fine"),
        ("BRIEF.replace('{now}', str(datetime.now()))", "fine"),
        ("BRIEF.replace('{day}', str(datetime.now()))", None),
        ("('x' * 3 + '{now}').format(now=datetime.now())", None),
        (f"('{'x' * 5000}{{now}}').format(now=datetime.now())", None),
        ("f'{datetime.now().strftime(FORM)} {who}'", "day"),
        ("f'{clock()} {who}'", "fine"),
        ("f'{datetime.now() if who else date.today()}'", "day"),
        ("f'{datetime.now() if who else who}'", None),
    ],
)
def test_what_a_text_is_made_of(text: str, expected: str | None) -> None:
    function = "def clock(): return datetime.now().isoformat()\n"
    assert grains(f"{function}def f(who):\n  system_prompt = {text}\n") == [expected]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f():\n  text = f'It is {datetime.now()}.'\n  ask(system=text)", ["fine"]),
        ("def f():\n  text = f'It is {datetime.now()}.'\n  ask(user=text)", []),
        ("def f():\n  text = f'It is {datetime.now()}.'\n  return [{'role': 'system', 'content': text}]", ["fine"]),
        ("def f():\n  text = f'It is {datetime.now()}.'\n  return ChatMessage(role='system', content=text)", ["fine"]),
        ("def f():\n  text = f'It is {datetime.now()}.'\n  return ChatMessage(role='user', content=text)", []),
        ("def f(): return [('system', f'It is {datetime.now()}.')]", ["fine"]),
        ("def f(): ask(system=[{'type': 'text', 'text': f'It is {datetime.now()}.'}])", ["fine"]),
        ("def f(a):\n  text = f'{datetime.now()}' if a else f'{date.today()}'\n  ask(system=text)", ["fine", "day"]),
        ("def f(a):\n  t = f'{date.today()}'\n  if a: t = f'{datetime.now()}'\n  ask(system=t)", ["day", "fine"]),
        ("def made(): return f'It is {datetime.now()}.'\ndef f(): ask(system=made())", ["fine"]),
        ("async def made(): return f'It is {datetime.now()}.'\nasync def f(): ask(system=await made())", ["fine"]),
        ("def made(): return f'It is {datetime.now()}.'\nAgent(instructions=made())", []),
        ("@cache\ndef made(): return f'It is {datetime.now()}.'\ndef f(): ask(system=made())", []),
        ("def made(*_): return f'It is {datetime.now()}.'\nAgent(instructions=made)", ["fine"]),
        ("Agent(instructions=lambda *_: f'It is {datetime.now()}.')", ["fine"]),
        ("import streamlit\ndef made(): return f'It is {datetime.now()}.'\nAgent(instructions=made())", ["fine"]),
        ("TEXT = f'It is {datetime.now()}.'\ndef f(): ask(system=TEXT)", []),
        ("def f(text): ask(system=text)", []),
        ("def f():\n  system = f()\n  ask(system=system)", []),
    ],
)  # fmt: skip
def test_where_a_text_is_written(code: str, expected: list[str]) -> None:
    assert grains(code) == expected


def test_a_template_and_a_clock_of_files_beside(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "texts.py").write_text("SYSTEM = 'Be brief. It is {now}.'\n")
    (tmp_path / "app" / "clock.py").write_text(
        "from datetime import datetime\ndef told(): return f'{datetime.now()}'\n"
    )
    code = b"from app.texts import SYSTEM\nfrom app.clock import told\ndef f(): ask(system=SYSTEM.format(now=told()))\n"
    with fronts.recording(tmp_path):
        (site,) = sites(code, "app/x.py", load())
    fact = site.fact("stable")
    assert (fact.state, fact.value, fact.place and fact.place.line) == (State.NO, "fine", 3)
    assert "after 16 characters" in fact.because
