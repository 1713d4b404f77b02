"""Single lines of the page: labels and numbers as the formats write them, and what is said of accounts."""

from collections.abc import Callable, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.utils import floatToGoString

from exporter.metrics.families import ACCOUNT_INFO_NAME, EXPIRY_NAME
from exporter.metrics.registry_page import text_page_of

number_text: Callable[[float], str] = floatToGoString


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as written between the braces of a sample line, escaped by the library."""
    family = GaugeMetricFamily("x", "", labels=list(labels))
    family.add_metric(list(labels.values()), 0)
    page = text_page_of(family).decode()
    return page[page.rindex("\nx{") + 3 : page.rindex("}")]


def account_line(account: str, labels: Mapping[str, str]) -> bytes:
    """The line of ``dcdn_account_info`` of an account with these labels beside its name."""
    return f"{ACCOUNT_INFO_NAME}{{{label_text({'account': account, **labels})}}} 1.0\n".encode()


class ExpiryLines:
    """The lines of when credentials expire; unchanged ones are kept. For one thread at a time."""

    def __init__(self) -> None:
        self._known: Mapping[str, float] = {}
        self._lines: Mapping[str, bytes] = {}
        self._block = b""

    def lines(self, known: Mapping[str, float]) -> bytes:
        """The lines of these accounts and moments."""
        if known != self._known:
            self._lines = {
                account: self._lines[account] if self._known.get(account) == at else _expiry_line(account, at)
                for account, at in known.items()
            }
            self._known, self._block = known, b"".join(self._lines.values())
        return self._block


def _expiry_line(account: str, at: float) -> bytes:
    return f"{EXPIRY_NAME}{{{label_text({'account': account})}}} {number_text(at)}\n".encode()
