"""Which pages may call."""

import pytest

from shared.web.origins import Origins, default_origins, parse_origins, serialize

ORIGINS = Origins(default_origins("http://localhost:8000", "http://localhost:8001"))


@pytest.mark.parametrize(
    "origin", ["http://localhost:8000", "http://127.0.0.1:8000", "http://localhost:8001", "http://127.0.0.1:8001", None]
)
def test_the_two_services_on_this_machine_and_programs_may_call(origin: str | None) -> None:
    assert ORIGINS.is_allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "http://localhost",
        "http://localhost:80",
        "http://localhost:8002",
        "https://localhost:8000",
        "http://localhost:8000/",
        "http://localhost:8000.evil.example",
        "http://localhost:80000",
        "http://evil.example/http://localhost:8000",
        "http://evil.localhost:8000",
        "http://notlocalhost:8000",
        "http://user@localhost:8000",
        "http://LOCALHOST:8000",
        "http://localhost:8000, http://localhost:8000",
        " http://localhost:8000",
        "http://[::1]:8000",
        "file://",
    ],
)
def test_a_look_alike_may_not(origin: str) -> None:
    assert not ORIGINS.is_allowed(origin)


def test_a_public_url_elsewhere_is_its_own_origin_alone() -> None:
    assert default_origins("https://chat.example/api/") == ["https://chat.example"]


def test_an_origin_is_written_as_browsers_write_it() -> None:
    assert serialize("HTTPS://Chat.Example:443/x?y") == "https://chat.example"
    assert serialize("http://[::1]:8000") == "http://[::1]:8000"


def test_the_setting_is_a_list_with_commas() -> None:
    assert parse_origins(" https://a.example , http://b.example:81,") == ["https://a.example", "http://b.example:81"]


@pytest.mark.parametrize(
    "text", ["*", "null", "chat.example", "ftp://a.example", "https://", "https://u:p@a.example", "http://a:x"]
)
def test_a_setting_that_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_origins(text)
