"""The configuration in a few lines for people; no secrets."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from exporter.config.accounts import Account, ResourceDirectory
from exporter.config.credentials import Credentials, RamRoleCredentials
from exporter.config.models import Configuration, Poll
from exporter.config.values import format_duration
from exporter.config.vocabulary import Vocabulary
from exporter.core.counts import counted

MAX_NAMED = 20
_INVENTORY = "inventory_interval"
_WORDS = {"interval": "polled", "balance_interval": "balances", _INVENTORY: "inventories"}


def summary(configuration: Configuration, vocabulary: Vocabulary) -> str:
    """A few lines of plain text: accounts and directories (twenty at most of each), intervals, limits, endpoints."""
    poll, accounts = configuration.poll, configuration.accounts
    directories = configuration.discovery.resource_directories
    lines = [
        counted(len(accounts), "account", "accounts"),
        *_named(_account(account, vocabulary) for account in accounts),
    ]
    if directories:
        lines.append(counted(len(directories), "resource directory", "resource directories"))
        lines += _named(_directory(directory, vocabulary) for directory in directories)
    polled: tuple[Account | ResourceDirectory, ...] = (*accounts, *directories)
    keys = {key for each in polled for key in interval_keys(each, vocabulary)}
    lines += [
        *_intervals(poll, keys),
        f"one call takes at most {format_duration(poll.timeout_s)}; {_calls(poll.max_workers)} at a time",
        *_ages(poll, keys),
        f"share of the vendor's limits: {configuration.rate_limit.share:g}",
        *(
            f"  {operation}: at most {_calls(limit)} a second"
            for operation, limit in sorted(configuration.rate_limit.calls_per_second.items())
        ),
        *(f"endpoint of {name}: {url}" for name, url in configuration.endpoints if url is not None),
    ]
    return "\n".join(lines)


def _intervals(poll: Poll, keys: AbstractSet[str]) -> Iterator[str]:
    """How often probes run that have these keys of ``poll``; others are not named."""
    for place, key in enumerate(key for key in _WORDS if key in keys):
        yield f"{_WORDS[key]} every {format_duration(getattr(poll, f'{key}_s'))}"
        if key == "interval":
            yield f"  while locked every {format_duration(poll.locked_interval_s)}"
        if place == 0:
            yield f"  while failing at least every {format_duration(poll.failing_interval_s)}"


def _ages(poll: Poll, keys: AbstractSet[str]) -> Iterator[str]:
    if keys - {_INVENTORY}:
        yield f"answers are stale after {format_duration(poll.stale_after_s)}"
    if _INVENTORY in keys:
        yield f"answers of inventories are stale after {format_duration(poll.inventory_stale_after_s)}"


def interval_keys(polled: Account | ResourceDirectory, vocabulary: Vocabulary) -> Iterator[str]:
    """The keys below `poll` by which the probes of this section run."""
    for name in (*polled.products, *vocabulary.switched_on(polled.products, polled.switches)):
        yield vocabulary.intervals.get(name, "interval")


def _named(items: Iterable[str]) -> list[str]:
    lines = [f"  {item}" for item in items]
    more = len(lines) - MAX_NAMED
    return [*lines[:MAX_NAMED], f"  and {more} more"] if more > 0 else lines


def _calls(count: float) -> str:
    return counted(count, "call", "calls")


def _directory(directory: ResourceDirectory, vocabulary: Vocabulary) -> str:
    patterns = "".join(
        f", {counted(len(given), f'pattern to {verb}', f'patterns to {verb}')}"
        for verb, given in (("include", directory.include), ("exclude", directory.exclude))
        if given
    )
    members = f"role {directory.role_name} of each member{patterns}"
    refresh = f"listed every {format_duration(directory.refresh_interval_s)}"
    credentials = f"credentials: {_credentials(directory.credentials)}"
    return (
        f"{directory.name} ({directory.site}): {_polled(directory, vocabulary)}; {members}; {refresh}; {credentials}"
    )


def _account(account: Account, vocabulary: Vocabulary) -> str:
    account_id = account.known_account_id
    facts = account.site if account_id is None else f"{account.site}, {account_id}"
    return (
        f"{account.name} ({facts}): {_polled(account, vocabulary)}; credentials: {_credentials(account.credentials)}"
    )


def _credentials(credentials: Credentials) -> str:
    if isinstance(credentials, RamRoleCredentials):
        return f"{credentials.type} from {credentials.source.type}"
    return credentials.type


def _polled(polled: Account | ResourceDirectory, vocabulary: Vocabulary) -> str:
    also = vocabulary.switched_on(polled.products, polled.switches)
    return ", ".join(polled.products) + "".join(f" + {switch.replace('_', ' ')}" for switch in also)
