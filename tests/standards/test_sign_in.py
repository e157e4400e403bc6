"""The proxy that signs people in: what is read, and what is said of what is wrong."""

from __future__ import annotations

import pytest

from paceline.standards import Standards, load


def read(written: str) -> Standards:
    return load(f"version: 1\nteams: {{support: {{}}}}\nsign_in: {written}\n", env={})


def test_it_is_off_by_default_and_has_usual_headers() -> None:
    assert load("version: 1\n", env={}).options.sign_in is None
    found = read("{proxies: 10.0.0.5, owners: {leads: support}}")
    assert found.faults == ()
    assert found.options.sign_in is not None
    assert found.options.sign_in.proxies == ["10.0.0.5"]
    assert (found.options.sign_in.user_header, found.options.sign_in.groups_header) == (
        "x-forwarded-user",
        "x-forwarded-groups",
    )


@pytest.mark.parametrize(
    ("written", "path", "message"),
    [
        ("{}", "sign_in", "`proxies` is missing"),
        ("{proxies: []}", "sign_in", "no proxy is named, so nobody would be believed"),
        ("{proxies: [0.0.0.0/0]}", "sign_in.proxies[0]", "`0.0.0.0/0` is everybody: anyone could say who they are"),
        ("{proxies: ['::/0']}", "sign_in.proxies[0]", "`::/0` is everybody: anyone could say who they are"),
        ("{proxies: [proxy.acme]}", "sign_in.proxies[0]", "`proxy.acme` is not an address or a network"),
        ("{proxies: 10.0.0.5, owners: {leads: suport}}", "sign_in.owners.leads", "there is no team `suport`"),
        (
            "{proxies: 10.0.0.5, user_header: Authorization}",
            "sign_in.user_header",
            "`Authorization` is not a header that can name people",
        ),
    ],
)
def test_what_would_believe_anybody_is_refused(written: str, path: str, message: str) -> None:
    (fault,) = read(written).faults
    assert (fault.path, fault.message.replace("'", "`")) == (path, message)
