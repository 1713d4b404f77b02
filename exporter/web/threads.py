"""The threads in which the web server works, all of which run before it listens: no scrape fails for want of one."""

import time
from dataclasses import dataclass, field

from exporter.core.threads import FixedThreads


@dataclass(frozen=True, slots=True)
class WebThreads:
    """All threads that the answers of one server need, apart from its event loop."""

    pages: FixedThreads = field(default_factory=lambda: FixedThreads(2, name="web-page"))
    """Make and compress pages; of the status at most one at a time, so that it holds up no scrape."""
    passwords: FixedThreads = field(default_factory=lambda: FixedThreads(1, name="web-password"))
    reloads: FixedThreads = field(default_factory=lambda: FixedThreads(1, name="web-reload"))
    """Reads files anew: the configuration, the web configuration."""

    def start(self) -> None:
        """Start all; raises NoThread."""
        for each in (self.pages, self.passwords, self.reloads):
            each.start()

    def stop(self, *, within_s: float) -> None:
        """End all, within so many seconds unless one is in the middle of a long call."""
        ends_at = time.monotonic() + within_s
        for each in (self.pages, self.passwords, self.reloads):
            each.stop()
        for each in (self.pages, self.passwords, self.reloads):
            each.wait(within_s=ends_at - time.monotonic())
