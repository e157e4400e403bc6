"""Backstage's catalogue as new services and teams, by the shapes of its examples; the change is shown, and sound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot

from paceline.cli.importing import command
from paceline.imports import ImportsError
from paceline.imports.backstage import Additions, additions
from paceline.standards import load

TEXT = """\
version: 1
providers: {openai: {key: env:OPENAI_API_KEY}}
models: {small: openai/gpt-5.4-mini}
tasks: {chat: small}
use_cases:
  support-chat: {class: chat, task: chat}
  digest: {class: batch, task: chat}
teams:
  support: {contact: "#support"}  # day and night
services:
  helpdesk: {owner: support, use_cases: [support-chat, digest]}  # the first
"""

# packages/catalog-model/examples of backstage/backstage: components, systems, groups with users
CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: artist-lookup
  description: Artist Lookup
  annotations: {backstage.io/techdocs-ref: "dir:."}
spec: {type: service, lifecycle: experimental, owner: team-a, system: artists, dependsOn: ["resource:artists-db"]}
---
kind: Component
metadata: {name: playback-lib, description: A library}
spec: {type: library, lifecycle: experimental, owner: team-c}
---
kind: Component
metadata:
  name: www-artist
  annotations: {paceline.dev/service: Artist Web, paceline.dev/use-cases: "support-chat, digest, none"}
spec: {type: website, lifecycle: production, owner: "group:default/Team_A"}
---
kind: Component
metadata: {name: searcher, namespace: other}
spec: {type: service, owner: guest}
---
kind: Component
metadata: {name: shuffle-api}
spec: {type: service, owner: "user:default/guest"}
---
kind: Component
metadata: {name: helpdesk}
spec: {type: service, owner: support}
---
kind: Group
metadata: {name: team-a, description: Team A}
spec:
  {type: team, profile: {email: team-a@example.com, picture: "https://example.com/a"}, parent: infra, children: []}
---
kind: System
metadata: {name: audio-playback}
spec: {owner: team-c, domain: playback}
---
kind: User
metadata: {name: guest}
spec: {memberOf: [team-a]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "paceline.yaml").write_text(TEXT)
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "catalog-info.yaml").write_text(CATALOG)
    return tmp_path


def found(place: Path, *use_cases: str) -> Additions:
    return additions(load(TEXT, env={}).sound(), [place / "apps"], use_cases)


def test_components_become_services_and_their_groups_teams(place: Path) -> None:
    made = found(place, "support-chat")
    assert made.services == snapshot(
        {
            "artist-lookup": {
                "owner": "team-a",
                "use_cases": ["support-chat"],
                "description": "Artist Lookup",
            },
            "artist-web": {"owner": "team_a", "use_cases": ["support-chat", "digest"]},
            "other-searcher": {"owner": "guest", "use_cases": ["support-chat"]},
        }
    )
    assert made.teams == {"team-a": {"contact": "team-a@example.com"}, "team_a": {}, "guest": {}}


def test_what_is_left_out_is_said(place: Path) -> None:
    told = {(each.kind, each.path.partition(": ")[2]): each.why for each in found(place).findings}
    assert told == snapshot(
        {
            (
                "changed",
                "Component www-artist",
            ): "this name of a service has characters, or a length, that ours cannot have; it is `artist-web` now",
            ("left out", "Group team-a.spec.profile.picture"): "a team has one contact",
            ("left out", "Group team-a.spec.type"): "teams are of one kind",
            ("left out", "Group team-a.spec.parent"): "teams stand alone",
            ("left out", "Group team-a.spec.children"): "teams stand alone",
            ("left out", "Component artist-lookup"): "it says no use case",
            (
                "left out",
                "Component playback-lib",
            ): "a component of type library is taken for no service that calls models",
            ("left out", "Component www-artist.metadata.annotations"): "the standards have no such use case",
            (
                "left out",
                "Component www-artist.spec.lifecycle",
            ): "a service's mode says how strictly the standards apply to it",
            ("left out", "Component searcher"): "it says no use case",
            ("left out", "Component shuffle-api"): "user:default/guest is no group",
            ("left out", "System audio-playback"): "the standards have nothing like this kind of Backstage's entities",
            ("left out", "User guest"): "the standards have nothing like this kind of Backstage's entities",
        }
    )


def test_a_use_case_must_be_there(place: Path) -> None:
    with pytest.raises(ImportsError, match="no use case 'chat'") as told:
        found(place, "chat")
    assert "support-chat" in told.value.fix


def run(place: Path, *arguments: str) -> Result:
    where = ["--standards", str(place / "paceline.yaml")]
    return CliRunner().invoke(command, ["backstage", str(place / "apps"), *arguments, *where])


def test_the_change_is_shown_and_made_when_asked(place: Path) -> None:
    file = place / "paceline.yaml"
    done = run(place, "--new", "--use-case", "support-chat")
    assert (done.exit_code, file.read_text()) == (0, TEXT)
    assert "new service: artist-lookup, of team-a" in done.stdout
    assert "+  team-a: {contact: team-a@example.com}" in done.stdout
    assert "Nothing is written; --write does it." in done.stdout
    assert "left out: " in done.stderr
    assert run(place, "--new", "--use-case", "support-chat", "--write").exit_code == 0
    written = file.read_text()
    assert load(written, env={}).sound().options.services["artist-web"].owner == "team_a"
    assert "# the first" in written
    again = run(place, "--new", "--use-case", "support-chat", "--write")
    assert (again.exit_code, file.read_text()) == (0, written)
    assert "Nothing changes" in again.stdout


def test_what_is_added_stands_above_the_comment_of_the_next_section(place: Path) -> None:
    file = place / "paceline.yaml"
    file.write_text(TEXT.replace("services:\n", "# services: applications that call models.\nservices:\n"))
    assert run(place, "--new", "--use-case", "support-chat", "--write").exit_code == 0
    lines = file.read_text().splitlines()
    assert lines[lines.index("services:") - 1] == "# services: applications that call models."


def test_json_tells_all_of_it(place: Path) -> None:
    document = json.loads(run(place, "--new", "--use-case", "digest", "--format", "json").stdout)
    assert list(document["services"]) == ["artist-lookup", "artist-web", "other-searcher"]
    assert (document["written"], document["problems"], document["owners"]) == (False, [], {})
    assert {each["kind"] for each in document["findings"]} == {"changed", "left out"}


def test_sections_that_are_not_there_are_made(place: Path) -> None:
    bare = "".join(line for line in TEXT.splitlines(keepends=True) if "support" not in line and "services" not in line)
    (place / "paceline.yaml").write_text(
        bare.replace("teams:\n", "").replace("use_cases:\n", "use_cases:\n  support-chat: {class: chat, task: chat}\n")
    )
    done = run(place, "--new", "--use-case", "support-chat", "--use-case", "digest", "--write")
    assert done.exit_code == 0, done.output
    assert len(load((place / "paceline.yaml").read_text(), env={}).sound().options.services) == 4
