"""The Alibaba Cloud account id of a configured account: the key of its budget, and a label."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.api.call import Api, Caller
from exporter.api.errors import ApiError
from exporter.api.fields import AnswerFields, described
from exporter.api.operation import GET_CALLER_IDENTITY
from exporter.core.logger import Logger


@dataclass(frozen=True, slots=True)
class LearnedId:
    """The id of the account that a configured one, which called as ``caller``, turned out to be.

    Until it is known, calls count in a budget of the access key id.
    """

    account: str
    caller: Caller
    account_id: str
    access_key_id: str


class AccountIds:
    """Learns account ids from GetCallerIdentity; polls never wait for them. Safe to use from any thread."""

    def __init__(self, api: Api, *, log: Logger) -> None:
        self._api = api
        self._log = log
        self._learned: deque[LearnedId] = deque()
        self._last_logged: dict[str, str] = {}

    def look_up(self, account: str, caller: Caller) -> None:
        """Learn the id of the caller's account, or log why not; the same failure is logged once."""
        try:
            reply = self._api.ask(GET_CALLER_IDENTITY, caller)
            account_id = parse_account_id(reply.payload, reply.request_id)
        except ApiError as error:
            self._log_failure(account, error)
            return
        self._last_logged.pop(account, None)
        self._log.log(logging.INFO, "account id learned", account=account, account_id=account_id)
        self._learned.append(LearnedId(account, caller, account_id, reply.access_key_id))

    def take_learned(self) -> list[LearnedId]:
        """The ids that were learned since the last call, in their order."""
        return [self._learned.popleft() for _ in range(len(self._learned))]

    def _log_failure(self, account: str, error: ApiError) -> None:
        level = logging.DEBUG if error.explanation == self._last_logged.get(account) else logging.WARNING
        self._last_logged[account] = error.explanation
        self._log.log(
            level,
            "account id not learned",
            account=account,
            reason=error.reason.value,
            explanation=error.explanation,
            request_id=error.request_id,
        )


def parse_account_id(payload: Mapping[str, object], request_id: str | None) -> str:
    """The AccountId of GetCallerIdentity's answer: https://help.aliyun.com/document_detail/43767.html.

    Raises MalformedReply when it holds none.
    """
    account_id = payload.get("AccountId")
    if isinstance(account_id, int) and not isinstance(account_id, bool):
        account_id = str(account_id)
    if not isinstance(account_id, str) or not account_id.strip().isdecimal() or not account_id.isascii():
        raise AnswerFields(payload, request_id).malformed(
            "AccountId", described(account_id), "the digits of an account id"
        )
    return account_id.strip()
