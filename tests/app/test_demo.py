"""What the demo says of itself."""

import pytest

from exporter.app.demo import reachable


@pytest.mark.parametrize(
    ("bound", "copied"),
    [
        ("[::]:10520", "localhost:10520"),
        ("0.0.0.0:10520", "localhost:10520"),
        ("127.0.0.1:10520", "127.0.0.1:10520"),
        ("[::1]:10520", "[::1]:10520"),
    ],
)
def test_an_address_works_when_it_is_copied(bound: str, copied: str) -> None:
    """What stands for every address of the machine is none to open in a browser."""
    assert reachable(bound) == copied
