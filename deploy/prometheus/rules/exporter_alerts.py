"""Alerts about the exporter itself: who watches the watcher."""

from deploy.prometheus.rules.expressions import MISSING_SHARDS, OUTDONE, routed, within
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.thresholds import (
    CLOCK_SKEW_S,
    CREDENTIAL_LEFT_S,
    DISCOVERY_STALE_S,
    JOB,
    MINUTE_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
    UNKNOWN_VALUES_S,
)
from exporter.config.values import format_duration

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S

# Newest wins among the replicas of a shard; each shard looks for its own accounts.
_discovery = f"""
time() - max by (job, directory, shard) (
  dcdn_exporter_discovery_last_success_timestamp_seconds
    * on (job, instance) group_left (shard)
  count_values by (job, instance) ("shard", dcdn_exporter_shard_ordinal)
) > {DISCOVERY_STALE_S}"""

# An unsharded exporter answers for all of its accounts by itself; shards answer together. The count is of what is
# polled, and 0 where nothing is.
_missing = """
max by (job) (
  max by (job, instance) (dcdn_exporter_configured_accounts)
    -
  (
    count by (job, instance) (count by (job, instance, account) (dcdn_poll_success))
      or
    0 * max by (job, instance) (dcdn_exporter_configured_accounts)
  )
    and on (job, instance)
  dcdn_exporter_total_shards == 1
) > 0
  or
max by (job) (dcdn_exporter_configured_accounts and on (job, instance) dcdn_exporter_total_shards > 1)
  -
(
  count by (job) (
    count by (job, account) (dcdn_poll_success and on (job, instance) dcdn_exporter_total_shards > 1)
  )
    or
  0 * max by (job) (dcdn_exporter_configured_accounts)
) > 0"""

_replica = f"""
max by (job, instance) (up{{job="{JOB}"}}) == 0
  and on (job)
max by (job) (up{{job="{JOB}"}}) == 1
  or
count by (job, instance) ({OUTDONE})"""

EXPORTER_ALERTS = (
    Alert(
        "DcdnUnknownApiValue",
        Severity.INFO,
        f"sum by (field) (increase(dcdn_exporter_unknown_values_total{within(UNKNOWN_VALUES_S)})) > 0",
        fires_when="the API answers with a value that its documentation does not name",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "it is shown as it came, and nothing has to be waited for"),
        summary="The API knows a new {{ $labels.field }}",
        description="The exporter shows the value as it came. Tell the project, so that the next version knows it.",
    ),
    Alert(
        "DcdnClockSkew",
        Severity.WARNING,
        f"max by (job) (abs(dcdn_exporter_clock_skew_seconds)) > {CLOCK_SKEW_S}",
        fires_when=f"the clock of an exporter's machine is off by more than {CLOCK_SKEW_S} seconds",
        learned_after_s=_POLLED_S,
        waits=Pause(10 * MINUTE_S, "a machine that has just started may still set its clock"),
        summary="The exporter's clock is off by {{ $value | humanizeDuration }}",
        description="The API refuses every call beyond 15 minutes, and times left are wrong by that much already. "
        "Mend the time service of the machine.",
    ),
    Alert(
        "DcdnCredentialExpiring",
        Severity.CRITICAL,
        routed(
            f"max by (account) (dcdn_exporter_credential_expiry_timestamp_seconds) - time() < {CREDENTIAL_LEFT_S}",
        ),
        fires_when=f"no replica has credentials for the account that last {format_duration(CREDENTIAL_LEFT_S)} more",
        learned_after_s=0,
        waits=Pause(MINUTE_S, "a renewal under way may be met once"),
        summary="The credentials of {{ $labels.account }} are not being renewed",
        description="{{ if gt $value 0.0 }}They end in {{ $value | humanizeDuration }}{{ else }}They have ended"
        "{{ end }}, and should have been replaced long before. Every poll of the account fails after that.",
    ),
    Alert(
        "DcdnDiscoveryStale",
        Severity.WARNING,
        _discovery,
        fires_when=f"a resource directory was not read for {format_duration(DISCOVERY_STALE_S)}, by any replica of a "
        "shard",
        learned_after_s=DISCOVERY_STALE_S,
        waits=Pause(RESTART_S, "an exporter that has just started has not read it yet"),
        summary="New accounts of directory {{ $labels.directory }} are not found",
        description="The accounts known so far are still polled. Accounts that joined since "
        "{{ if gt $value 1e9 }}the exporter's start{{ else }}{{ $value | humanizeDuration }} ago"
        "{{ end }} are not watched.",
    ),
    Alert(
        "DcdnAccountMissing",
        Severity.CRITICAL,
        _missing,
        fires_when="fewer accounts are polled than are configured, over all shards",
        learned_after_s=0,
        waits=Pause(15 * MINUTE_S, "shards learn of a new configuration one after another"),
        summary="{{ $value }} accounts are not polled by {{ $labels.job }}",
        description="They are configured, or were discovered, but no probe of theirs exists: a shard is missing, or "
        "shards disagree about how many they are.",
    ),
    Alert(
        "DcdnShardMissing",
        Severity.CRITICAL,
        MISSING_SHARDS,
        fires_when="no replica of a shard can be scraped, or none runs with its ordinal",
        learned_after_s=0,
        waits=Pause(5 * MINUTE_S, "a rolling update takes one shard after another away, each for less than a minute"),
        summary="Shards of {{ $labels.job }} are missing: {{ $value }}",
        description="No replica with their ordinals is scraped: locks of their accounts would not be seen. The other "
        "shards do not take over what is theirs.",
    ),
    Alert(
        "DcdnConfigReloadFailed",
        Severity.WARNING,
        "min by (job) (dcdn_exporter_config_last_reload_successful) == 0",
        fires_when="an exporter could not read its configuration when it last tried",
        learned_after_s=0,
        waits=Pause(5 * MINUTE_S, "whoever changes the file may be at it still"),
        summary="{{ $labels.job }} runs with an old configuration",
        description="The last reload was refused, and the configuration before it is in use. A restart would fail.",
    ),
    Alert(
        "DcdnReplicaFailing",
        Severity.WARNING,
        _replica,
        fires_when="a replica cannot be scraped, or fails polls that another one succeeds with",
        learned_after_s=_POLLED_S,
        waits=Pause(15 * MINUTE_S, "replicas poll at different moments, and one that restarts is soon back"),
        summary="Replica {{ $labels.instance }} of {{ $labels.job }} fails",
        description="{{ if $value }}{{ $value }} probes fail on this one only: another one still answers, so nothing "
        "is lost yet.{{ else }}It cannot be scraped. Nothing is lost if another one polls its accounts; those of a "
        "shard are not watched.{{ end }}",
    ),
    Alert(
        "DcdnExporterDown",
        Severity.CRITICAL,
        f'max by (job) (up{{job="{JOB}"}}) == 0',
        fires_when="no replica of the exporter can be scraped",
        learned_after_s=0,
        waits=Pause(2 * MINUTE_S, "a restart takes less"),
        summary="{{ $labels.job }} is down",
        description="No replica can be scraped: nothing is known of any service. Locks would not be seen.",
    ),
    Alert(
        "DcdnExporterAbsent",
        Severity.CRITICAL,
        f'absent(up{{job="{JOB}"}})',
        fires_when="Prometheus knows no target of the exporter",
        learned_after_s=0,
        waits=Pause(10 * MINUTE_S, "Prometheus finds its targets anew after a restart"),
        summary="Prometheus scrapes no {{ $labels.job }}",
        description=f"No target has the job {JOB}: the exporter was removed, or its scrape configuration was. "
        "Nothing is known of any service.",
    ),
)
