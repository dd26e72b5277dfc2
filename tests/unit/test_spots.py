"""Lists of gateways in a setting."""

import pytest

from router.members import Listed
from router.settings import RouterSettings
from router.spots import Spot, parse_spots
from shared.settings import SettingsError, load


@pytest.mark.parametrize(
    ("text", "spots"),
    [
        ("", ()),
        ("10.0.0.1:8080", (Spot("10.0.0.1", 8080),)),
        (" a:1 , b:2*3,", (Spot("a", 1), Spot("b", 2, 3))),
        ("[2001:db8::1]:8080*16", (Spot("2001:db8::1", 8080, 16),)),
    ],
)
def test_lists_are_read(text: str, spots: tuple[Spot, ...]) -> None:
    assert parse_spots(text) == spots


@pytest.mark.parametrize("text", ["a", "a:", ":1", "a:0", "a:65536", "a:x", "a:1*0", "a:1*17", "a:1*x", "a:1 b:2"])
def test_what_is_no_list_is_refused_with_the_entry_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT") as refused:
        parse_spots(f"good:1,{text}")

    assert repr(text) in str(refused.value)


async def test_a_listed_gateway_is_called_by_its_place() -> None:
    members = await Listed({"read": parse_spots("[2001:db8::1]:8080*2")}).read("read")

    assert [(gateway.name, gateway.weight) for gateway in members] == [("[2001:db8::1]:8080", 2)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"membership": "list"}, "needs RINGPOST_READ_GATEWAYS"),
        ({"read_gateways": "a"}, "RINGPOST_READ_GATEWAYS"),
        ({"buckets": 5000}, "power of two"),
        ({"buckets": 2048}, "RINGPOST_BUCKETS"),
    ],
)
def test_a_router_refuses_settings_that_name_nobody_or_no_table(given: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(RouterSettings, **given)
