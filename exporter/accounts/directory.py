"""The members of a resource directory, by its last list."""

import logging
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from exporter.accounts.members import Member, parse_members
from exporter.api.call import Api, Caller
from exporter.api.errors import ApiError, MalformedReply
from exporter.api.operation import LIST_ACCOUNTS
from exporter.config import ResourceDirectory
from exporter.core.logger import Logger

# After a failure, if the refresh interval is not shorter: accounts may be missing.
RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a directory, replaced as a whole, so that readers need no lock."""

    listed: tuple[Member, ...] = ()
    members: tuple[Member, ...] = ()
    """The listed ones that include and exclude let through."""
    last_success_at: float = 0.0
    failed: tuple[object, ...] | None = None
    """The last failure as it was logged; None: the last attempt succeeded."""


class Directory:
    """The members to poll of one configured resource directory; any thread may read them.

    ``caller`` returns, at each refresh, on whose behalf to list. ``now`` returns Unix time. ``predecessor`` stood for
    this directory before the configuration changed: its list holds until the first one of its successor, so that a
    changed pattern, for instance, loses no member.
    """

    def __init__(
        self,
        configured: ResourceDirectory,
        *,
        caller: Callable[[], Caller],
        now: Callable[[], float],
        log: Logger,
        predecessor: "Directory | None" = None,
    ) -> None:
        self.configured = configured
        self._caller = caller
        self._now = now
        self._log = log
        self._include = _compiled(configured.include)
        self._exclude = _compiled(configured.exclude)
        self._attempted_at = -math.inf
        self._known = _Known()
        if predecessor is not None:
            known = predecessor._known  # noqa: SLF001 — of the same class
            self._known = replace(known, members=self._wanted(known.listed), failed=None)

    @property
    def members(self) -> tuple[Member, ...]:
        """The members to poll, in order of their ids; none before the first list."""
        return self._known.members

    @property
    def last_success_at(self) -> float:
        """The Unix time at which the last list was complete; 0 until the first."""
        return self._known.last_success_at

    @property
    def attempted(self) -> bool:
        """Whether an attempt to list has ended, be it in vain."""
        return self.failing or self.last_success_at > 0

    @property
    def failing(self) -> bool:
        """Whether the last attempt to list has failed."""
        return self._known.failed is not None

    def is_due(self) -> bool:
        """Whether it is time to list the members: after the refresh interval, or sooner when the last try failed."""
        pause_s = self.configured.refresh_interval_s
        if self.failing:
            pause_s = min(pause_s, RETRY_S)
        # A clock that was set back must not delay the next list.
        return not 0 <= self._now() - self._attempted_at < pause_s

    def refresh(self, api: Api) -> bool:
        """List the members; False when that failed, and the known ones stay. For one thread at a time."""
        self._attempted_at = self._now()
        try:
            reply = api.ask(LIST_ACCOUNTS, self._caller())
            listed = parse_members(reply.payload, reply.request_id)
            self._require_some(listed)
        except ApiError as error:
            self._log_failure(error)
            return False
        self._replace(listed)
        return True

    def _require_some(self, listed: Sequence[Member]) -> None:
        """Raise MalformedReply for an empty list while members are known.

        An empty list is most likely a fault or a lost right. To accept it would remove every account from /metrics,
        and resolve every alert that is firing. To refuse it costs polls that fail visibly if the members did leave.
        An operator removes a whole directory in the configuration.
        """
        if not listed and self._known.members:
            raise MalformedReply(
                f"the list of members is empty, where {len(self._known.members)} are known; they stay until this "
                "directory is removed from the configuration, or the exporter restarted",
                http_status=200,
            )

    def _wanted(self, listed: Iterable[Member]) -> tuple[Member, ...]:
        return tuple(
            member
            for member in listed
            if (not self._include or _matches(self._include, member)) and not _matches(self._exclude, member)
        )

    def _log_failure(self, error: ApiError) -> None:
        failed = (error.reason, error.code or error.explanation)
        self._log.log(
            logging.DEBUG if failed == self._known.failed else logging.WARNING,
            "members not listed",
            directory=self.configured.name,
            reason=error.reason.value,
            code=error.code,
            explanation=error.explanation,
            http_status=error.http_status,
            request_id=error.request_id,
        )
        self._known = replace(self._known, failed=failed)

    def _replace(self, listed: tuple[Member, ...]) -> None:
        before = self._known
        members = self._wanted(listed)
        self._known = _Known(listed, members, last_success_at=self._now())
        if before.failed is not None:
            self._log.log(logging.INFO, "members listed again", directory=self.configured.name, members=len(members))
        old = {member.account_id: member.name for member in before.members}
        new = {member.account_id: member.name for member in members}
        for account_id, name in new.items():
            if account_id not in old:
                self._log_member("member found", account_id, name=name)
            elif name != old[account_id]:
                self._log_member("member renamed", account_id, name=name, old=old[account_id])
        for account_id, name in old.items():
            if account_id not in new:
                self._log_member("member gone", account_id, name=name)

    def _log_member(self, event: str, account_id: str, **fields: str) -> None:
        self._log.log(logging.INFO, event, directory=self.configured.name, account_id=account_id, **fields)


def _compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


def _matches(patterns: Iterable[re.Pattern[str]], member: Member) -> bool:
    """Whether one of them matches the whole id or the whole name."""
    return any(pattern.fullmatch(member.account_id) or pattern.fullmatch(member.name) for pattern in patterns)
