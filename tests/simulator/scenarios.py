"""A scenario of three steps and an end, to be read and to be spoilt."""

import pytest

from exporter.simulator import ScenarioError, parse_scenario

SCENARIO = """
description: three steps
accounts:
  - name: released
    account_id: "1000000000000002"
    access_key_id: LTAI5tReleased
    access_key_secret: made-up
    security_token: made-up-too
    repeat_every: 3m
    timeline:
      - at: 0s
        services: {dcdn_ipa: {charge_type: PayByTraffic, opening_time: "2020-01-01T00:00Z"}}
        announce: healthy
      - at: 30s
        services: {dcdn_ipa: {locks: [financial], change: {charge_type: PayByBandwidth, in: 30s}}}
        fault: {kind: latency, seconds: 2}
      - at: 1m15s
        services: {dcdn_ipa: {locks: []}}
      - at: 90s500ms
        services: {dcdn_ipa: {activated: false, instance_id: FP-1}}
        fault: null
"""


def error_of(old: str, new: str) -> ScenarioError:
    """The error of that scenario with the first ``old`` replaced by ``new``."""
    assert old in SCENARIO
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(SCENARIO.replace(old, new, 1))
    return caught.value
