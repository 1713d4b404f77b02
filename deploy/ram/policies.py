"""The RAM policies, by the name of their file: each allows what is called, and nothing else.

The form of a policy: https://www.alibabacloud.com/help/en/ram/policy-structure-and-syntax
"""

import json
from collections.abc import Iterable, Mapping

from exporter.activation.activation import CDN, OPEN_CDN_SERVICE
from exporter.api.operation import ASSUME_ROLE, LIST_ACCOUNTS, Operation
from exporter.probes.table import OPERATIONS

ROLE = "acs:ram:*:*:role/dcdn-exporter"
_OF_THE_SOURCE = (ASSUME_ROLE, LIST_ACCOUNTS)


def policies() -> Mapping[str, str]:
    """The text of every policy."""
    polled = [operation for operation in OPERATIONS if operation not in _OF_THE_SOURCE]
    return {
        "read-only.json": _policy(_allow([*polled, LIST_ACCOUNTS]), _allow([ASSUME_ROLE], resource=ROLE)),
        "member-read-only.json": _policy(_allow(polled)),
        "open-cdn.json": _policy(_allow([CDN.operation, OPEN_CDN_SERVICE])),
    }


def _allow(operations: Iterable[Operation], *, resource: str = "*") -> Mapping[str, object]:
    actions = [operation.ram_action for operation in operations if operation.ram_action is not None]
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _policy(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "1", "Statement": statements}, indent=2) + "\n"
