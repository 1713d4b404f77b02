"""Objects that the garbage collector leaves alone."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from exporter.cli.long_lived import set_aside


class Node:
    """Holds itself, so that nothing but the collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Other tests have a collector that looks at everything."""
    yield
    gc.unfreeze()


def test_what_lives_is_looked_at_no_more() -> None:
    """What was there is out of every later collection, and what came since is in it."""
    before = Node()
    set_aside()
    since = Node()
    looked_at = {id(each) for each in gc.get_objects()}

    assert id(since) in looked_at
    assert id(before) not in looked_at


def test_nothing_is_kept_for_good() -> None:
    """Garbage of before is freed, also that of what was set aside once."""
    set_aside_once = Node()
    set_aside()
    garbage = Node()
    gone = [weakref.ref(set_aside_once), weakref.ref(garbage)]
    del set_aside_once, garbage
    set_aside()

    assert [each() for each in gone] == [None, None]
