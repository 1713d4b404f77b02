"""The Alibaba Cloud account id of a configured account: the key of its budget, and a label."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from exporter.api.call import Api, Caller
from exporter.api.credentials.base import CredentialsProvider
from exporter.api.endpoints import Route
from exporter.api.errors import ApiError, MalformedReply
from exporter.api.operation import GET_CALLER_IDENTITY
from exporter.core.logger import Logger


class Identity:
    """The account id of one configured account: given, or learned once from GetCallerIdentity.

    ``routes`` are those of the account's site. Polls never wait for the id. ``look_up`` calls ``unite`` with the
    access key id, which had a budget of its own so far, and the account id; then, when ``caller`` has the id,
    ``learned`` with the account id.
    """

    def __init__(
        self,
        account: str,
        *,
        credentials: CredentialsProvider,
        account_id: str | None,
        routes: Mapping[str, Route] | None = None,
        unite: Callable[[str, str], None],
        learned: Callable[[str], None],
        log: Logger,
    ) -> None:
        self.account = account
        self._caller = Caller(credentials=credentials, account_id=account_id, routes=routes)
        self._unite = unite
        self._learned = learned
        self._log = log
        self._last_logged: str | None = None

    def caller(self) -> Caller:
        """On whose behalf the account is polled now."""
        return self._caller

    def look_up(self, api: Api) -> bool:
        """Call GetCallerIdentity; False when that failed and has to be tried again."""
        try:
            reply = api.ask(GET_CALLER_IDENTITY, self._caller)
            account_id = parse_account_id(reply.payload, reply.request_id)
        except ApiError as error:
            self._log_failure(error)
            return False
        self._unite(reply.access_key_id, account_id)
        self._caller = replace(self._caller, account_id=account_id)
        self._log.log(logging.INFO, "account id learned", account=self.account, account_id=account_id)
        self._learned(account_id)
        return True

    def _log_failure(self, error: ApiError) -> None:
        level = logging.DEBUG if error.explanation == self._last_logged else logging.WARNING
        self._last_logged = error.explanation
        self._log.log(
            level,
            "account id not learned",
            account=self.account,
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
        raise MalformedReply(
            "AccountId: accepted would be the digits of an account id", http_status=200, request_id=request_id
        )
    return account_id.strip()
