"""The configuration in a few lines for people; no secrets."""

from exporter.config.accounts import Account
from exporter.config.credentials import Credentials, RamRoleCredentials
from exporter.config.durations import format_duration
from exporter.config.models import Configuration

MAX_ACCOUNTS = 20


def summary(configuration: Configuration) -> str:
    """A few lines of plain text: accounts (twenty at most), intervals, limits, endpoints."""
    poll, accounts = configuration.poll, configuration.accounts
    lines = [
        f"{len(accounts)} {'account' if len(accounts) == 1 else 'accounts'}",
        *(f"  {_account(account)}" for account in accounts[:MAX_ACCOUNTS]),
    ]
    if len(accounts) > MAX_ACCOUNTS:
        lines.append(f"  and {len(accounts) - MAX_ACCOUNTS} more")
    lines += [
        f"polled every {format_duration(poll.interval_s)}",
        f"  while locked every {format_duration(poll.locked_interval_s)}",
        f"  while failing at least every {format_duration(poll.failing_interval_s)}",
        *(
            [f"balances every {format_duration(poll.balance_interval_s)}"]
            if any(account.balance for account in accounts)
            else []
        ),
        f"one call takes at most {format_duration(poll.timeout_s)}; {poll.max_workers} calls at a time",
        f"answers are stale after {format_duration(poll.stale_after_s)}",
        f"share of the vendor's limits: {configuration.rate_limit.share:g}",
        *(
            f"  {operation}: at most {limit:g} calls a second"
            for operation, limit in sorted(configuration.rate_limit.calls_per_second.items())
        ),
        *(f"endpoint of {name}: {url}" for name, url in configuration.endpoints if url is not None),
    ]
    return "\n".join(lines)


def _account(account: Account) -> str:
    account_id = account.known_account_id
    facts = account.site if account_id is None else f"{account.site}, {account_id}"
    return f"{account.name} ({facts}): {_polled(account)}; credentials: {_credentials(account.credentials)}"


def _credentials(credentials: Credentials) -> str:
    if isinstance(credentials, RamRoleCredentials):
        return f"{credentials.type} from {credentials.source.type}"
    return credentials.type


def _polled(account: Account) -> str:
    also = [words for wanted, words in ((account.debt_status, "debt status"), (account.balance, "balance")) if wanted]
    return ", ".join(account.products) + "".join(f" + {words}" for words in also)
