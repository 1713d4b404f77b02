"""Whether a request comes from a page of another origin, which a browser sends in its user's name."""

from urllib.parse import SplitResult, urlsplit

_OWN_SITES = frozenset({"same-origin", "none"})  # none: the user's own doing, such as a bookmark
_PORTS = {"http": 80, "https": 443}


def is_foreign(*, fetch_site: str | None, origin: str | None, host: str) -> bool:
    """Whether these headers (Sec-Fetch-Site, Origin, Host) are those of a request from a page of another origin.

    Programs that are no browsers send neither of the first two. Browsers send Sec-Fetch-Site to addresses that they
    trust (https, this machine), and Origin to all: https://www.w3.org/TR/fetch-metadata/.
    """
    if fetch_site is not None:
        return fetch_site not in _OWN_SITES
    if origin is None:
        return False
    try:
        page = urlsplit(origin)
        usual = _PORTS[page.scheme]
        return not page.hostname or _place(page, usual) != _place(urlsplit(f"//{host}"), usual)
    except (KeyError, ValueError):  # no origin that could be ours, such as `null`
        return True


def _place(address: SplitResult, usual_port: int) -> tuple[str | None, int]:
    """Host and port; without a port, the usual one of the page's scheme: a proxy may end TLS for us."""
    return address.hostname, address.port or usual_port
