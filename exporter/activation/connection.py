"""A client that may activate CDN, for one account of the configuration: the one place where such a client is made."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from exporter.accounts.credentials import Providers
from exporter.activation.activation import CDN, OPEN_CDN_SERVICE
from exporter.api.call import Caller, Unobserved
from exporter.api.client import Client
from exporter.api.credentials.roles import Roles
from exporter.api.endpoints import ca_bundle, routes_of
from exporter.api.operation import ASSUME_ROLE, GET_CALLER_IDENTITY
from exporter.api.rate_limit import Budgets
from exporter.api.request import USER_AGENT
from exporter.config import Account, Configuration
from exporter.core.logger import Logger

_OPERATIONS = (OPEN_CDN_SERVICE, CDN.operation, GET_CALLER_IDENTITY, ASSUME_ROLE)


@contextmanager
def connected(
    configuration: Configuration, account: Account, *, environ: Mapping[str, str], log: Logger
) -> Iterator[tuple[Client, Caller]]:
    """A client that may call OpenCdnService and nothing else that changes something, and the account as its caller.

    Both are closed in the end.
    """
    routes = routes_of(account.site, configuration.endpoints.model_dump(exclude_none=True), environ)
    client = Client(
        routes,
        budgets=Budgets({each.action: each.calls_per_second for each in _OPERATIONS}, clock=time.monotonic),
        observer=Unobserved(),
        deadline_s=configuration.poll.timeout_s,
        pool_size=1,
        user_agent=f"{USER_AGENT} open-cdn",
        verify=ca_bundle(environ),
        writes=frozenset({OPEN_CDN_SERVICE.action}),
    )
    roles = Roles(client, log=log)
    providers = Providers(
        assume=lambda _, role, source: roles.provider(role, Caller(source, routes=routes), renewed=lambda: None),
        sts_endpoint=configuration.endpoints.sts,
    )
    try:
        yield client, Caller(providers.of(account.credentials), account_id=account.known_account_id)
    finally:
        client.close()
        providers.close()
        roles.close()
