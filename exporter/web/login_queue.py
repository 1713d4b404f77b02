"""The order in which logins are checked: clients that guess wait behind those that do not."""

import ipaddress
from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class LoginQueue(Generic[_Item]):
    """Items that wait, by network and user name.

    The networks take turns; in a network its user names do; of one name the items come in their order. So a new item
    waits for at most one of each other network, for one of each other name of its own network, and for those of its
    own place. When there are more than `limit`, the last item of the longest place leaves: of the network that has
    most items, the name that has most.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._networks: dict[str, dict[str, deque[_Item]]] = {}

    def __len__(self) -> int:
        return sum(map(_items_of, self._networks.values()))

    def put(self, network: str, name: str, item: _Item) -> _Item | None:
        """Add the item; returns the one that leaves, perhaps this one, when there are too many."""
        self._networks.setdefault(network, {}).setdefault(name, deque()).append(item)
        return self._drop() if len(self) > self._limit else None

    def take(self) -> _Item | None:
        """Remove the item whose turn it is; None when there is none."""
        if not self._networks:
            return None
        network, names = _first(self._networks)
        name, items = _first(names)
        item = items.popleft()
        # Behind all others from now on.
        if items:
            names[name] = items
        if names:
            self._networks[network] = names
        return item

    def _drop(self) -> _Item:
        # Of places of the same length, the one whose turn is last.
        network = max(reversed(self._networks), key=lambda each: _items_of(self._networks[each]))
        names = self._networks[network]
        name = max(reversed(names), key=lambda each: len(names[each]))
        item = names[name].pop()
        if not names[name]:
            del names[name]
        if not names:
            del self._networks[network]
        return item


def network_of(client: str) -> str:
    """What one client has for itself of an address: all of IPv4, the first 64 bits of IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        # A socket for both shows IPv4 in the form of IPv6.
        return str(address.ipv4_mapped or address.packed[:8].hex())
    return client


_Value = TypeVar("_Value")


def _first(mapping: dict[str, _Value]) -> tuple[str, _Value]:
    key = next(iter(mapping))
    return key, mapping.pop(key)


def _items_of(names: dict[str, deque[_Item]]) -> int:
    return sum(map(len, names.values()))
