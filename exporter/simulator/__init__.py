"""A simulator of the vendor's API: a real HTTP server that checks signatures, throttles, and can misbehave.

It plays scenarios: accounts whose services are locked, released and change their billing method over time. It knows
nothing of the exporter, and any client of the API can be tried against it.

simulator               a scenario played by an HTTP server
├── scenario                scenario files: YAML in, Scenario out
│   └── reading                 strict YAML, durations, problems with their place
├── timeline                what happens to an account over time
│   └── state                   what an account consists of
├── overrides               what is set by hand, above the timeline
├── alterations             what is missing in answers, or has another value
├── gateway                 the answer to each request
│   ├── call                    a call on its way, and who makes it
│   ├── signature_check         both forms of a signature
│   ├── operations              the table of operations
│   │   ├── operation               what one is
│   │   ├── certificates            how many have expired, or will
│   │   ├── domains                 domains, a page at a time
│   │   ├── packages                resource packages, by their status
│   │   ├── esa                     plans of Edge Security Acceleration, a page at a time
│   │   ├── sts                     who may have credentials of which role
│   │   └── directory               members, a page at a time
│   ├── errors                  the refusals, and their bodies
│   └── faults, fault_effects   how it can misbehave
├── credential_services     credentials outside of the API
├── http_server             a thread for each connection
│   └── http_messages           requests and answers as values
└── journal                 the record of every request
"""

from exporter.simulator.alterations import Alteration
from exporter.simulator.call import IssuedToken
from exporter.simulator.certificates import Certificates
from exporter.simulator.domains import Domains
from exporter.simulator.errors import REFUSALS
from exporter.simulator.esa import EsaPlan
from exporter.simulator.faults import FAULT_KINDS, Fault, FaultKind
from exporter.simulator.http_server import OutOfThreadsError
from exporter.simulator.journal import Journal, JournalEntry
from exporter.simulator.operations import LIMITS, WRITES
from exporter.simulator.packages import ResourcePackage
from exporter.simulator.reading import ScenarioError
from exporter.simulator.scenario import load_scenario, packaged_scenarios, parse_scenario
from exporter.simulator.simulator import UNSET, Simulator
from exporter.simulator.state import (
    Balance,
    ChargeChange,
    Component,
    Debt,
    Member,
    Opening,
    Role,
    ServiceState,
    role_arn,
)
from exporter.simulator.timeline import Account, PlannedChange, PlannedService, Scenario, Step

__all__ = [
    "FAULT_KINDS",
    "LIMITS",
    "REFUSALS",
    "UNSET",
    "WRITES",
    "Account",
    "Alteration",
    "Balance",
    "Certificates",
    "ChargeChange",
    "Component",
    "Debt",
    "Domains",
    "EsaPlan",
    "Fault",
    "FaultKind",
    "IssuedToken",
    "Journal",
    "JournalEntry",
    "Member",
    "Opening",
    "OutOfThreadsError",
    "PlannedChange",
    "PlannedService",
    "ResourcePackage",
    "Role",
    "Scenario",
    "ScenarioError",
    "ServiceState",
    "Simulator",
    "Step",
    "load_scenario",
    "packaged_scenarios",
    "parse_scenario",
    "role_arn",
]
