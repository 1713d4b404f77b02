"""A simulator of the vendor's API: a real HTTP server that checks signatures, throttles, and can misbehave.

It plays scenarios: accounts whose services are locked, released and change their billing method over time. It knows
nothing of the exporter, and any client of the API can be tried against it.
"""

from exporter.simulator.call import IssuedToken
from exporter.simulator.errors import REFUSALS
from exporter.simulator.faults import FAULT_KINDS, Fault, FaultKind
from exporter.simulator.journal import Journal, JournalEntry
from exporter.simulator.operations import LIMITS, WRITES
from exporter.simulator.reading import ScenarioError
from exporter.simulator.scenario import load_scenario, packaged_scenarios, parse_scenario
from exporter.simulator.simulator import UNSET, Simulator
from exporter.simulator.state import Balance, ChargeChange, Debt, Member, Opening, Role, ServiceState, role_arn
from exporter.simulator.timeline import Account, PlannedChange, PlannedService, Scenario, Step

__all__ = [
    "FAULT_KINDS",
    "LIMITS",
    "REFUSALS",
    "UNSET",
    "WRITES",
    "Account",
    "Balance",
    "ChargeChange",
    "Debt",
    "Fault",
    "FaultKind",
    "IssuedToken",
    "Journal",
    "JournalEntry",
    "Member",
    "Opening",
    "PlannedChange",
    "PlannedService",
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
