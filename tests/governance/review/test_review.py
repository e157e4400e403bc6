"""The review of a rich case, to the letter, and what it says where there is nothing to say. On each database."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

from case import Case, at, standards
from inline_snapshot import external_file, snapshot

from paceline.governance.review import FORMATS, Period, Review, brief, gather, rendered, span_ending, write_review
from paceline.ledger import Ledger

NOW = at(date(2026, 11, 23), 9)
FIRST_WEEK = span_ending(Period.WEEK, date(2026, 11, 15))


def both(case: Case) -> tuple[Review, Review]:
    """Write the review of the second week, let a week pass, and write that of the third."""
    first = write_review(case.ledger, standards(), Period.WEEK, date(2026, 11, 15), NOW - 7 * 86_400)
    case.go_on()
    return first, write_review(case.ledger, standards(), Period.WEEK, None, NOW)


def test_it_reads_as_it_should(case: Case) -> None:
    _, review = both(case)
    assert rendered(review, "markdown") == external_file("week.md", format=".txt")
    assert rendered(review, "html") == external_file("week.html", format=".txt")


def test_the_week_before_says_what_was_broken(case: Case) -> None:
    first, _ = both(case)
    assert first.summary[1] == (
        "1 of 4 budgets was broken; it is helpdesk / support-chat (team support), "
        "where 27 % of requests were over ttft p95 ≤ 800 ms and 5 % may be."
    )
    assert [action.id for action in first.actions] == snapshot(
        ["incident i_slow", "spend agent", "waiver forum/: ttft p95", "prices forum", "owner ghost"]
    )
    worst = first.services[0]
    assert (worst.service, worst.state, worst.limits[0].text) == ("helpdesk", "over", "ttft p95 ≤ 800 ms")
    assert worst.limits[0].share is not None
    assert worst.limits[0].share > 0.2


def test_a_waived_breach_is_shown_and_asks_for_nothing(case: Case) -> None:
    case.waiver("w_slow", "helpdesk", "ttft_ms", date(2026, 12, 4))
    review = gather(case.ledger, standards(), FIRST_WEEK)
    assert review.services[0].state == "over"
    assert "| over, waived until 2026-12-04 |" in rendered(review, "markdown").replace("**", "")
    assert not [one for one in review.actions if one.kind == "budget"]
    again = gather(case.ledger, standards(), span_ending(Period.WEEK, date(2026, 12, 20)))
    assert [one.what for one in again.waivers] == [], "it is over by then, and did not end in that week"


def test_what_became_of_the_actions_is_found_in_the_data(case: Case) -> None:
    _, review = both(case)
    assert {one.action.id: (one.result, one.why) for one in review.outcomes} == snapshot(
        {
            "incident i_slow": ("done", "resolved, reason deploy"),
            "spend agent": ("not done", "over: $167 of $90 by the month's end"),
            "waiver forum/: ttft p95": ("done", "it has ended"),
            "prices forum": ("not done", "the cost of 94 % is known"),
            "owner ghost": ("not done", "nobody owns it"),
        }
    )


def test_the_same_period_gives_the_same_bytes(case: Case) -> None:
    _, review = both(case)
    again = write_review(case.ledger, standards(), Period.WEEK, date(2026, 11, 28), NOW + 600, save=False)
    for form in FORMATS:
        assert rendered(again, form) == rendered(review, form)
    assert gather(case.ledger, standards(), span_ending(Period.WEEK, date(2026, 11, 22))) == review


def test_what_happened_later_does_not_change_the_past(case: Case) -> None:
    first, _ = both(case)
    again = gather(case.ledger, standards(), FIRST_WEEK)
    assert [(one.id, one.ended) for one in again.incidents] == [("i_slow", None)]
    assert again.incidents[0].state == "open", "it ended after the week"
    assert again.spend == first.spend
    assert again.services == first.services


def test_it_is_kept_once_unless_told_not_to(case: Case) -> None:
    both(case)
    write_review(case.ledger, standards(), Period.WEEK, None, NOW + 600)
    kept = case.ledger.reviews.list()
    assert [one.id for one in kept] == ["week-2026-11-16", "week-2026-11-09"]
    assert kept[0].made_us == int((NOW + 600) * 1e6)
    month = write_review(case.ledger, standards(), Period.MONTH, date(2026, 10, 31), NOW, save=False)
    assert case.ledger.reviews.get(month.id) is None


def test_a_period_that_is_not_over_is_not_reviewed(case: Case) -> None:
    review = write_review(case.ledger, standards(), Period.MONTH, date(2026, 12, 31), NOW, save=False)
    assert review.words == "October 2026"


def test_in_short_it_is_the_summary_and_what_to_do(case: Case) -> None:
    first, _ = both(case)
    head, text = brief(first)
    assert head == "Acme <b>& Co</b>: review of the week of 9 to 15 November 2026"
    lines = text.splitlines()
    assert lines[:5] == list(first.summary)
    assert lines[5:7] == ["", "To do:"]
    assert lines[-1] == "- Name the team that owns ghost (nobody)"
    assert len(brief(replace(first, actions=first.actions * 3))[1].splitlines()) == 5 + 2 + 10 + 1


def test_json_holds_everything_and_no_infinity(case: Case) -> None:
    _, review = both(case)
    text = rendered(review, "json")
    assert "Infinity" not in text
    found = json.loads(text)
    assert found["version"] == 1
    assert list(found) == snapshot(
        [
            "version",
            "id",
            "period",
            "words",
            "since",
            "until",
            "organisation",
            "summary",
            "services",
            "classes",
            "incidents",
            "spend",
            "movers",
            "budgets",
            "overhead",
            "coverage",
            "unidentified",
            "waivers",
            "outcomes",
            "actions",
            "has_last",
        ]
    )
    assert {one["class"] for one in found["services"]} == {"agent", "autocomplete", "chat", "extraction"}
    assert len(found["actions"]) == len(review.actions)


class _Page(HTMLParser):
    """Collects tags, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "style"}]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_needs_nothing_else_and_no_text_becomes_markup(case: Case) -> None:
    case.incident("i_evil", "forum", "support-chat", "page", date(2026, 11, 19), "<script>alert(1)</script> & <b>")
    _, review = both(case)
    text = rendered(review, "html")
    page = _Page()
    page.feed(text)
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags)
    assert {address[0] for address in page.addresses} == {"#"}, "anchors within the page alone"
    assert re.findall(r"url\(|@import|https?://|\son\w+=", text) == []
    assert "<script>alert(1)</script> & <b>" in "".join(page.text).replace("\u00a0", " ")
    names = {address[1:] for address in page.addresses}
    assert names == set(re.findall(r'<section id="([\w-]+)"', text))
    assert page.tags.count("svg") == 2


def test_markdown_shows_text_as_it_is(case: Case) -> None:
    case.incident(
        "i_evil", "forum", "support-chat", "page", date(2026, 11, 19), "a|b <i>*c*</i> `d` [e](f) _g_ h_i &lt;"
    )
    _, review = both(case)
    line = next(line for line in rendered(review, "markdown").splitlines() if line.startswith("| i_evil"))
    assert r"a\|b \<i\>\*c\*\</i\> \`d\` \[e\](f) \_g\_ h_i \&lt;" in line


def test_an_empty_ledger_has_a_review_too(ledger: Ledger) -> None:
    review = write_review(ledger, standards(), Period.WEEK, date(2026, 11, 22), NOW)
    assert review.is_empty
    assert rendered(review, "markdown") == external_file("empty.md", format=".txt")
    assert "<svg" not in rendered(review, "html"), "there is nothing to draw"
    assert write_review(ledger, standards(), Period.WEEK, date(2026, 11, 22), NOW + 60) == review
