"""Keys of a configuration that have no effect: no mistake, but seldom what was meant."""

from collections.abc import Iterator

from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY, LIST_ACCOUNTS
from exporter.config.accounts import Account, ResourceDirectory
from exporter.config.calls import called_operations
from exporter.config.models import Configuration
from exporter.config.problems import Problem, path_of
from exporter.config.summary import interval_keys
from exporter.config.vocabulary import Vocabulary

_OTHER_CALLS = {
    ASSUME_ROLE.action: "credentials of type ram_role and for members of directories",
    GET_CALLER_IDENTITY.action: "accounts without account_id",
    LIST_ACCOUNTS.action: "discovery",
}


def unused_keys(configuration: Configuration, vocabulary: Vocabulary) -> list[Problem]:
    """Switches at the top, limits and intervals that no account uses; each says what it would be for."""
    directories = configuration.discovery.resource_directories
    polled: tuple[Account | ResourceDirectory, ...] = (*configuration.accounts, *directories)
    called = called_operations(configuration.accounts, directories, vocabulary)
    return [
        *_switches(configuration, polled, vocabulary),
        *_intervals(configuration, polled, vocabulary),
        *(
            _unused(f"it is for {_use(operation, vocabulary)}", "rate_limit", "calls_per_second", operation)
            for operation in configuration.rate_limit.calls_per_second
            if operation not in called
        ),
    ]


def _unused(reason: str, *location: str) -> Problem:
    return Problem(path_of(location), None, f"this key has no effect: {reason}")


def _switches(
    configuration: Configuration, polled: tuple[Account | ResourceDirectory, ...], vocabulary: Vocabulary
) -> Iterator[Problem]:
    used = {switch for each in polled for switch in vocabulary.switched_on(each.products, each.switches)}
    products = {product for each in polled for product in each.products}
    for switch, on in configuration.switches.items():
        if not on or switch in used:
            continue
        fitting = vocabulary.switch_products.get(switch)
        if fitting is not None and products.isdisjoint(fitting):
            here = [product for product in vocabulary.products if product in products]
            yield _unused(f"it is for {', '.join(fitting)}; the products here are {', '.join(here)}", switch)
        else:
            yield _unused("every account that it is for turns it off", switch)


def _intervals(
    configuration: Configuration, polled: tuple[Account | ResourceDirectory, ...], vocabulary: Vocabulary
) -> Iterator[Problem]:
    used = {key for each in polled for key in interval_keys(each, vocabulary)}
    for key in ("balance_interval", "inventory_interval"):
        names = [name for name, interval in vocabulary.intervals.items() if interval == key]
        if names and key not in used and f"{key}_s" in configuration.poll.model_fields_set:
            yield _unused(f"it is for {', '.join(names)}, and no account has it", "poll", key)


def _use(operation: str, vocabulary: Vocabulary) -> str:
    """What calls the operation, for a message."""
    if operation in _OTHER_CALLS:
        return _OTHER_CALLS[operation]
    product, switch = vocabulary.operations[operation]
    return " with ".join(filter(None, (f"{product}" if product else "any product", switch)))
