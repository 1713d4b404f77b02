"""HTTP as uvicorn speaks it, with a limit to what one stranger can make it hold."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024


class LimitedProtocol(HttpToolsProtocol):
    """Closes a connection whose request has a head of more than HEAD_LIMIT bytes, answering 400.

    uvicorn's parser keeps whatever comes until the head is complete, and takes ever longer to add to it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes: int | None = 0  # None between the end of a head and the beginning of the next

    def data_received(self, data: bytes) -> None:
        """Count what belongs to a head before the parser keeps it."""
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT:
                if not self.transport.is_closing():
                    self.send_400_response("The head of the request is too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins, perhaps in the middle of the data."""
        self._head_bytes = self._head_bytes or 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is complete; what follows is a body or another request."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next bytes are those of another head."""
        self._head_bytes = 0
        super().on_message_complete()
