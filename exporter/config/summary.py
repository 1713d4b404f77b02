"""The configuration in a few lines for people; no secrets."""

from collections.abc import Iterable

from exporter.config.accounts import Account, ResourceDirectory
from exporter.config.credentials import Credentials, RamRoleCredentials
from exporter.config.models import Configuration
from exporter.config.values import format_duration

MAX_NAMED = 20


def summary(configuration: Configuration) -> str:
    """A few lines of plain text: accounts and directories (twenty at most of each), intervals, limits, endpoints."""
    poll, accounts = configuration.poll, configuration.accounts
    directories = configuration.discovery.resource_directories
    polled: tuple[Account | ResourceDirectory, ...] = (*accounts, *directories)
    lines = [
        _counted(len(accounts), "account", "accounts"),
        *_named(_account(account) for account in accounts),
    ]
    if directories:
        lines.append(_counted(len(directories), "resource directory", "resource directories"))
        lines += _named(_directory(directory) for directory in directories)
    lines += [
        f"polled every {format_duration(poll.interval_s)}",
        f"  while locked every {format_duration(poll.locked_interval_s)}",
        f"  while failing at least every {format_duration(poll.failing_interval_s)}",
        *(
            [f"balances every {format_duration(poll.balance_interval_s)}"]
            if any(each.switches.get("balance") for each in polled)
            else []
        ),
        f"inventories every {format_duration(poll.inventory_interval_s)}",
        f"one call takes at most {format_duration(poll.timeout_s)}; {_calls(poll.max_workers)} at a time",
        f"answers are stale after {format_duration(poll.stale_after_s)}",
        f"share of the vendor's limits: {configuration.rate_limit.share:g}",
        *(
            f"  {operation}: at most {_calls(limit)} a second"
            for operation, limit in sorted(configuration.rate_limit.calls_per_second.items())
        ),
        *(f"endpoint of {name}: {url}" for name, url in configuration.endpoints if url is not None),
    ]
    return "\n".join(lines)


def _named(items: Iterable[str]) -> list[str]:
    lines = [f"  {item}" for item in items]
    more = len(lines) - MAX_NAMED
    return [*lines[:MAX_NAMED], f"  and {more} more"] if more > 0 else lines


def _counted(count: float, one: str, several: str) -> str:
    return f"{count:g} {one if count == 1 else several}"


def _calls(count: float) -> str:
    return _counted(count, "call", "calls")


def _directory(directory: ResourceDirectory) -> str:
    patterns = "".join(
        f", {_counted(len(given), f'pattern to {verb}', f'patterns to {verb}')}"
        for verb, given in (("include", directory.include), ("exclude", directory.exclude))
        if given
    )
    members = f"role {directory.role_name} of each member{patterns}"
    refresh = f"listed every {format_duration(directory.refresh_interval_s)}"
    credentials = f"credentials: {_credentials(directory.credentials)}"
    return f"{directory.name} ({directory.site}): {_polled(directory)}; {members}; {refresh}; {credentials}"


def _account(account: Account) -> str:
    account_id = account.known_account_id
    facts = account.site if account_id is None else f"{account.site}, {account_id}"
    return f"{account.name} ({facts}): {_polled(account)}; credentials: {_credentials(account.credentials)}"


def _credentials(credentials: Credentials) -> str:
    if isinstance(credentials, RamRoleCredentials):
        return f"{credentials.type} from {credentials.source.type}"
    return credentials.type


def _polled(polled: Account | ResourceDirectory) -> str:
    also = (switch.replace("_", " ") for switch, on in polled.switches.items() if on)
    return ", ".join(polled.products) + "".join(f" + {words}" for words in also)
