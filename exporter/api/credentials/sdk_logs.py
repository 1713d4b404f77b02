"""Nothing that the vendor's library says is heard: its logs repeat tokens and signed URLs."""

import logging

THREAD = "credentials"
"""The name of the threads that run the library."""

# "credentials" tells of refreshes with the whole answer or URL, "alibabacloud-tea" of requests where DEBUG=sdk is
# set. Both also write to standard error by handlers of their own.
_ITS_OWN = ("credentials", "alibabacloud-tea")
# Tell the path of a request, with an OIDC token in its query: of each at debug, of one with odd headers at warning.
_SHARED_WITH_US = ("urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry", "urllib3.poolmanager")


def silence() -> None:
    """Nothing is logged by the library, nor on its behalf in a thread called THREAD; can be repeated."""
    for name in _ITS_OWN:
        logging.getLogger(name).disabled = True
    for name in _SHARED_WITH_US:
        logging.getLogger(name).addFilter(_is_ours)


def _is_ours(record: logging.LogRecord) -> bool:
    return record.threadName != THREAD
