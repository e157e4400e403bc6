"""Owners from other catalogues into the standards, changes of owners, and traffic nobody answers for."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot
from sqlalchemy import insert

from paceline.cli.importing import command as importing
from paceline.cli.owners import command as listing
from paceline.governance.owners import Claim, OwnersError, merged, ownerless
from paceline.governance.owners import backstage as catalogue
from paceline.governance.owners import codeowners as code
from paceline.governance.owners.writing import changed_text
from paceline.ledger import Ledger
from paceline.ledger.schema import minute, series
from paceline.standards import load

TEXT = """\
version: 1
providers: {openai: {}}
models: {small: [openai/a]}
tasks: {chat: small}
use_cases: {chat: {class: chat, task: chat}}
teams:
  support: {contact: "#support"}   # day and night

services:
  # the help desk
  helpdesk: {owner: support, use_cases: [chat]}  # first of all
  editor:
    use_cases: [chat]   # only one
    owner: support      # for now
  search:
    use_cases: [chat]
    owner: support
"""
STANDARDS = load(TEXT, env={})
CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: helpdesk-web, annotations: {paceline.dev/service: helpdesk}}
spec: {type: service, owner: "group:default/desk", lifecycle: production}
---
kind: Component
metadata: {name: editor}
spec: {owner: Ide}
---
kind: Component
metadata: {name: search}
spec: {owner: user:default/dana}
---
kind: Component
metadata: {name: website}
spec: {owner: web}
---
kind: API
metadata: {name: editor}
spec: {owner: other}
---
[1, 2]
"""


def test_a_backstage_catalogue_says_who_owns_what(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "catalog-info.yaml").write_text(CATALOG)
    found = catalogue.claims([tmp_path])
    assert [(claim.service, claim.team, claim.why_not, claim.is_marked) for claim in found] == [
        ("helpdesk", "desk", "", True),
        ("editor", "ide", "", False),
        ("search", "", "user:default/dana is no group", False),
        ("website", "web", "", False),
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"a: " + b"[" * 3000])
def test_what_is_no_catalogue_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalog-info.yaml").write_bytes(content)
    with pytest.raises(OwnersError, match=r"catalog-info\.yaml"):
        catalogue.claims([tmp_path / "catalog-info.yaml"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(OwnersError, match="there is no catalog-info"):
        catalogue.claims([tmp_path / "empty"])


CODEOWNERS = """\
# who answers for what
*                     @acme/everybody
/apps/helpdesk/       @acme/Desk   # the desk
docs/*                @acme/writers
[Section][2] @acme/ignored
/apps/**/editor       @acme/ide
/apps/search          dana@acme.example
/apps/two             @acme/one @acme/two
/apps/nobody
"""


@pytest.mark.parametrize(
    ("path", "team", "why_not"),
    [
        ("apps/helpdesk", "desk", ""),
        ("/apps/helpdesk/src/main.py", "desk", ""),
        ("apps/x/y/editor", "ide", ""),
        ("docs/a.md", "writers", ""),
        ("tools", "everybody", ""),
        ("apps/search", "", "dana@acme.example is no team"),
        ("apps/two", "", "apps/two has several teams: one, two"),
        ("apps/nobody", "", "no line of"),
    ],
)
def test_the_last_line_that_matches_a_path_counts(tmp_path: Path, path: str, team: str, why_not: str) -> None:
    file = tmp_path / "CODEOWNERS"
    file.write_text(CODEOWNERS)
    (claim,) = code.claims(file, {"service": path})
    assert claim.team == team
    assert claim.why_not.startswith(why_not)


def test_conflicts_are_told_and_not_guessed() -> None:
    claims = [
        Claim("helpdesk", "support", "a"),
        Claim("editor", "ide", "a"),
        Claim("editor", "web", "b"),
        Claim("search", "find", "a"),
        Claim("gone", "x", "a", is_marked=True),
        Claim("website", "web", "a"),
    ]
    found = merged(STANDARDS, claims)
    assert (found.changes, found.new_teams, found.same) == ({"search": ("support", "find")}, ("find",), 1)
    assert found.problems == (
        "gone: a names it, and the standards have no such service",
        "editor: two owners: ide in a; web in b",
    )
    assert found.others == ("website",)


def test_owners_are_written_and_everything_else_stays() -> None:
    owners = {"helpdesk": "desk", "editor": "ide", "search": "desk"}
    changed = changed_text(TEXT, owners, {"desk": {}, "ide": {}})
    assert changed == snapshot("""\
version: 1
providers: {openai: {}}
models: {small: [openai/a]}
tasks: {chat: small}
use_cases: {chat: {class: chat, task: chat}}
teams:
  support: {contact: "#support"}   # day and night
  desk: {}
  ide: {}

services:
  # the help desk
  helpdesk: {owner: desk, use_cases: [chat]}  # first of all
  editor:
    use_cases: [chat]   # only one
    owner: ide      # for now
  search:
    use_cases: [chat]
    owner: desk
""")
    assert {name: each.owner for name, each in load(changed, env={}).options.services.items()} == owners


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (TEXT.replace("services:\n", "services: &all\n"), "`services` is not written as a block"),
        (TEXT.replace("  editor:\n", "  editor: &it\n"), "`editor` is written in a way that is not known here"),
        (TEXT.replace("  editor:\n", "  ? editor\n  :\n"), "`editor` is not found on a line of its own"),
    ],
)
def test_where_it_is_not_sure_nothing_is_written(text: str, wrong: str) -> None:
    with pytest.raises(OwnersError) as error:
        changed_text(text, {"editor": "support"}, {})
    assert str(error.value) == wrong
    assert "nothing was written" in error.value.fix


def test_a_service_without_an_owner_gets_one() -> None:
    text = TEXT.replace("    owner: support      # for now\n", "").replace("{owner: support, use", "{use")
    changed = changed_text(text, {"editor": "support", "helpdesk": "support"}, {})
    assert "  editor:\n    owner: support\n    use_cases" in changed
    assert "helpdesk: {owner: support, use_cases: [chat]}  # first of all" in changed


def test_changes_of_owners_are_audited_once(ledger: Ledger) -> None:
    assert ledger.owners.follow({"helpdesk": "support", "editor": ""}) == {}, "nothing to compare with"
    now = {"helpdesk": "desk", "editor": "", "search": "find"}
    assert ledger.owners.follow(now) == {"helpdesk": ("support", "desk"), "search": ("", "find")}
    assert ledger.owners.follow(now) == {}
    assert [(entry.subject, entry.text) for entry in ledger.audit.list()] == [
        ("service search", "nobody → find"),
        ("service helpdesk", "support → desk"),
    ]


def test_calls_that_nobody_answers_for_are_listed(ledger: Ledger) -> None:
    rows = [("helpdesk", 100, 7), ("ghost", 40, 0), ("", 9, 9)]
    with ledger.engine.begin() as connection:
        for service, n, untagged in rows:
            names = {"service": service, "use_case": "chat", "model": "m", "deployment": "d", "plan": "p"}
            number = connection.execute(insert(series).values(**names, last_minute=1 << 40)).inserted_primary_key
            assert number is not None
            counted = dict.fromkeys((column.name for column in minute.columns), 0)
            counted |= {
                "minute": 29_000_000,
                "series": number[0],
                "n": n,
                "n_untagged": untagged,
                "cost_nanousd": n * 10**9,
            }
            connection.execute(insert(minute).values(counted))
    found = ownerless(ledger, STANDARDS, 28_999_000 * 60.0, 29_001_000 * 60.0)
    assert [(one.service, one.why, one.requests, one.cost_usd) for one in found] == [
        ("ghost", "not in the standards", 40, 40.0),
        ("", "no service", 9, 9.0),
        ("helpdesk", "no tag", 7, 0.0),
    ]


def test_the_commands(tmp_path: Path) -> None:
    file = tmp_path / "paceline.yaml"
    file.write_text(TEXT)
    (tmp_path / "catalog-info.yaml").write_text(CATALOG)
    where = ["--standards", str(file)]

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(importing, [*arguments, *where])
        return done.exit_code, done.output.replace(str(file), "FILE")

    code, said = run("backstage", str(tmp_path))
    assert (code, file.read_text()) == (1, TEXT), "a person has to decide about one"
    assert said == snapshot("""\
editor: support → ide
helpdesk: support → desk
not clear: search: user:default/dana is no group
new teams: desk, ide
1 components are no service of the standards: website
--- FILE
+++ FILE
@@ -7,2 +7,4 @@
   support: {contact: "#support"}   # day and night
+  desk: {}
+  ide: {}
 \n\
@@ -10,6 +12,6 @@
   # the help desk
-  helpdesk: {owner: support, use_cases: [chat]}  # first of all
+  helpdesk: {owner: desk, use_cases: [chat]}  # first of all
   editor:
     use_cases: [chat]   # only one
-    owner: support      # for now
+    owner: ide      # for now
   search:
Nothing is written; --write does it.
""")
    assert run("backstage", str(tmp_path), "--write")[1].endswith("FILE is changed.\n")
    assert load(file.read_text(), env={}).options.services["editor"].owner == "ide"
    (tmp_path / "CODEOWNERS").write_text("/apps/search @acme/find\n")
    code, said = run("codeowners", str(tmp_path / "CODEOWNERS"), "--service", "search=apps/search", "--write")
    assert (code, "search: support → find" in said) == (0, True)
    assert run("codeowners", str(tmp_path / "CODEOWNERS"), "--service", "search")[0] == 2
    done = CliRunner().invoke(listing, [*where, "--data", str(tmp_path / "data")])
    assert (done.exit_code, done.output.split()) == (0, ["editor", "ide", "helpdesk", "desk", "search", "find"])
