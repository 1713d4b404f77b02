"""Alerts about polls: what stands between us and the state of a service.

While one replica is answered, the state is known, and only DcdnReplicaFailing tells of the other.
"""

from deploy.prometheus.rules.expressions import (
    BUDGET_USED,
    FAILING_SINCE,
    FLEET,
    FLEET_FAILING,
    POLLED,
    SKIPPED_POLLS,
    STALE,
    THROTTLED_POLLS,
    firing,
    routed,
    within,
    written,
)
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.texts import DURATION, PERCENT, PROBE, PRODUCT, REASON, REASON_ZH, WHO, WHO_ZH
from deploy.prometheus.rules.thresholds import (
    BUDGET_SHARE,
    FAILING_S,
    FAILURES_S,
    FLEET_LEAST,
    FLEET_SHARE,
    MINUTE_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
    SKIPPED_SHARE,
    STALE_AFTER_S,
    THROTTLED_SHARE,
    UNSTEADY_CHANGES,
    UNSTEADY_S,
    UNSTEADY_SHARE,
)
from exporter.config.values import format_duration

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S
_PROBE = "account, product, probe"

# One lost poll of a probe that is polled seldom is no incident either.
_failing = f"""
{POLLED} == 0
  unless on ({_PROBE})
(
  time() - {FAILING_SINCE}
    < on (product, probe) group_left ()
  max by (product, probe) (dcdn_exporter_probe_interval_seconds > {FAILING_S})
)"""

_unsteady = f"""
avg_over_time({POLLED}{within(UNSTEADY_S)}) < {UNSTEADY_SHARE}
  and
changes({POLLED}{within(UNSTEADY_S)}) >= {UNSTEADY_CHANGES}"""


def _failed_for(reason: str, probe: str = "") -> str:
    """Polls of these failed for the reason lately, and the last ones still fail on every replica."""
    matchers = ", ".join(filter(None, (f'reason="{reason}"', probe)))
    return f"""
sum by ({_PROBE}) (increase(dcdn_poll_failures_total{{{matchers}}}{within(FAILURES_S)})) > 0
  and on ({_PROBE})
{POLLED} == 0"""


def _fleet(probe: str) -> str:
    return f"""
{FLEET_FAILING}{{{probe}}} >= {FLEET_LEAST}
  and
{FLEET_FAILING} > {FLEET_SHARE} * {FLEET}"""


_FLEET_ALERT = "DcdnFleetFailing"


def _of_few(alert: str, probes: str) -> str:
    """These probes, but those of a fleet that fires already, unless their own alert did before.

    Alertmanager would mute them: of 10,000 accounts they would be 30,000 alerts, which took Prometheus as much CPU as
    all other rules together.
    """
    fired_before = f"{written(probes)}\n  and on (job, {_PROBE})\n{firing(alert)}"
    return written(f"""
{routed(probes)}
  unless on (job, site, product, probe)
{firing(_FLEET_ALERT)}
  or
{routed(fired_before)}""")


_OF_ALL = (
    f'{{{{ with query (printf "{FLEET}{{job=%q,site=%q,product=%q,probe=%q}}" '
    "$labels.job $labels.site $labels.product $labels.probe) }}{{ . | first | value }}{{ end }}"
)
_MOST_REASON = f"Most frequent reason, over all sites: {REASON}"
_IN_CHINA, _ABROAD = ('{{ if eq $labels.site "china" }}中国站', '{{ else if eq $labels.site "international" }}国际站')
_SITE_ZH = f"{_IN_CHINA}{_ABROAD}{{{{ else }}}}{{{{ $labels.site }}}}{{{{ end }}}}"
_FLEET_PAUSE = Pause(2 * MINUTE_S, "longer than most hiccups of the API, and less than any alert waits that it mutes")
_FLEET_KEEPS = Pause(10 * MINUTE_S, "what is left when half of them are answered again is no news of its own yet")
_FLEET_SUMMARY = f"{{{{ $value }}}} of {_OF_ALL} accounts: polls of {PROBE} fail ({{{{ $labels.site }}}} site)"
_FLEET_SUMMARY_ZH = f"{_OF_ALL} 个账号中有 {{{{ $value }}}} 个的 {PROBE} 轮询失败（{_SITE_ZH}）"
_STALE_PAUSE = Pause(3 * MINUTE_S, "an outage of many accounts fires first, and mutes it")
_STALE_DESCRIPTION = f"There has been no answer for {DURATION} longer than `stale_after` allows."
_STALE_DESCRIPTION_ZH = f"没有响应的时间比 `stale_after` 允许的时限多出 {DURATION}。"
_OF_LOCKS = '"service|debt_status"'
_NEW_KEYS = Pause(5 * MINUTE_S, "keys that were just made, and tokens just renewed, may need some minutes")
_REFUSED = f"{WHO}: the credentials are not accepted ({PROBE})"
_REFUSED_ZH = f"{WHO_ZH}：凭证不被接受（{PROBE}）"
_WHY_REFUSED = (
    "Nothing recovers by itself: the key was deleted, disabled or replaced, its secret is wrong, or the clock is."
)
_WHY_REFUSED_ZH = "不会自行恢复：密钥被删除、禁用或更换，Secret 有误，或时钟不准。"
_FAILING = Pause(FAILING_S, "one lost poll is no incident; the data are not stale yet")

POLL_ALERTS = (
    Alert(
        _FLEET_ALERT,
        Severity.CRITICAL,
        _fleet('probe="service"'),
        fires_when=f"polls of `service` fail, or answers are too old, for more than half and at least {FLEET_LEAST} "
        "of the accounts of a product and site",
        learned_after_s=_POLLED_S,
        waits=_FLEET_PAUSE,
        keeps=_FLEET_KEEPS,
        summary=_FLEET_SUMMARY,
        description=f"{_MOST_REASON}. Locks of these accounts would not be seen. This message stands for those of "
        "the single accounts: look at the vendor's status, the network and the credentials that they share.",
        summary_zh=_FLEET_SUMMARY_ZH,
        description_zh=f"最常见原因（所有站点合计）：{REASON_ZH}。这些账号若被锁定将无法发现。本消息代替各账号的单独告警："
        "请检查阿里云状态、"
        "网络以及这些账号共用的凭证。",
    ),
    Alert(
        _FLEET_ALERT,
        Severity.WARNING,
        _fleet('probe!="service"'),
        fires_when="the same of another probe",
        learned_after_s=_POLLED_S,
        waits=_FLEET_PAUSE,
        keeps=_FLEET_KEEPS,
        summary=_FLEET_SUMMARY,
        description=f"{_MOST_REASON}. This probe shows no locks. This message stands for those of the single "
        "accounts: look at the vendor's status, the network, and the rights that they share.",
        summary_zh=_FLEET_SUMMARY_ZH,
        description_zh=f"最常见原因（所有站点合计）：{REASON_ZH}。该探测项不涉及锁定。本消息代替各账号的单独告警："
        "请检查阿里云状态、"
        "网络以及这些账号共用的权限。",
    ),
    Alert(
        "DcdnPollFailing",
        Severity.WARNING,
        _of_few("DcdnPollFailing", _failing),
        fires_when="no replica's last poll of a probe got an answer, nor did the one before if that was over "
        f"{format_duration(FAILING_S)} earlier",
        learned_after_s=_POLLED_S,
        waits=_FAILING,
        summary=f"{WHO}: polls of {PROBE} fail",
        description="The last known state is still shown, and goes stale if this lasts. The runbook tells by the "
        "reason of the failures what to do.",
        summary_zh=f"{WHO_ZH}：{PROBE} 轮询失败",
        description_zh="仍显示最后一次已知状态；若持续失败，数据将过期。请按失败原因查阅手册处理。",
    ),
    Alert(
        "DcdnDataStale",
        Severity.CRITICAL,
        _of_few("DcdnDataStale", f'{STALE}{{probe="service"}}'),
        fires_when="no replica has an answer of `service` that is younger than its `stale_after`",
        learned_after_s=STALE_AFTER_S,
        waits=_STALE_PAUSE,
        summary=f"{WHO}: the state of {PRODUCT} is not known",
        description=f"{_STALE_DESCRIPTION} A lock would not be seen: do not trust silence, look at the vendor's "
        "console.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 的状态未知",
        description_zh=f"{_STALE_DESCRIPTION_ZH}锁定将无法发现：没有告警不代表正常，请到阿里云控制台查看。",
    ),
    Alert(
        "DcdnDataStale",
        Severity.WARNING,
        _of_few("DcdnDataStale", f'{STALE}{{probe!="service"}}'),
        fires_when="the same of another probe",
        learned_after_s=STALE_AFTER_S,
        waits=_STALE_PAUSE,
        summary=f"{WHO}: {PROBE} is out of date",
        description=f"{_STALE_DESCRIPTION} This probe shows no locks; what it shows is not known.",
        summary_zh=f"{WHO_ZH}：{PROBE} 数据已过期",
        description_zh=f"{_STALE_DESCRIPTION_ZH}该探测项不涉及锁定，但其内容目前未知。",
    ),
    Alert(
        "DcdnAuthFailing",
        Severity.CRITICAL,
        routed(_failed_for("auth", f"probe=~{_OF_LOCKS}")),
        fires_when="the API does not accept the account's credentials for `service` or `debt_status`, on any replica",
        learned_after_s=_POLLED_S,
        waits=_NEW_KEYS,
        summary=_REFUSED,
        description=f"{_WHY_REFUSED} Until then nothing is known of the account's services.",
        summary_zh=_REFUSED_ZH,
        description_zh=f"{_WHY_REFUSED_ZH}修复之前，该账号的服务状态未知。",
    ),
    Alert(
        "DcdnAuthFailing",
        Severity.WARNING,
        routed(_failed_for("auth", f"probe!~{_OF_LOCKS}")),
        fires_when="the same of another probe",
        learned_after_s=_POLLED_S,
        waits=_NEW_KEYS,
        summary=_REFUSED,
        description=f"{_WHY_REFUSED} This probe shows no locks; what it shows is not known.",
        summary_zh=_REFUSED_ZH,
        description_zh=f"{_WHY_REFUSED_ZH}该探测项不涉及锁定，但其内容目前未知。",
    ),
    Alert(
        "DcdnPermissionMissing",
        Severity.WARNING,
        routed(_failed_for("permission")),
        fires_when="the account may not call a probe's operation",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "a policy that was just attached needs some minutes"),
        summary=f"{WHO}: the right to poll {PROBE} is missing",
        description="The RAM policy of the account's credentials does not allow the operation, or their role may not "
        "be assumed. Attach the policy or mend the role's trust, or do not poll what is not needed.",
        summary_zh=f"{WHO_ZH}：缺少轮询 {PROBE} 的权限",
        description_zh="该账号凭证的 RAM 策略不允许此操作，或其角色无法被扮演。请授予策略或修正角色的信任策略；"
        "不需要的内容请不要轮询。",
    ),
    Alert(
        "DcdnPollsUnsteady",
        Severity.WARNING,
        routed(_unsteady),
        fires_when=f"more than half of a probe's polls fail over {format_duration(UNSTEADY_S)}, and others do not",
        learned_after_s=UNSTEADY_S,
        waits=Pause(10 * MINUTE_S, "the first minutes after a start are too few to tell"),
        summary=f"{WHO}: polls of {PROBE} fail more often than not",
        description=f"Only {PERCENT} of the last {format_duration(UNSTEADY_S)} had an answer, with failures in "
        "between: a lock is seen late. Look up their reasons: throttling, timeouts and an unsteady network are "
        "likely.",
        summary_zh=f"{WHO_ZH}：{PROBE} 轮询时好时坏",
        description_zh=f"最近 {UNSTEADY_S // MINUTE_S} 分钟内只有 {PERCENT} 的时间有响应，其间反复失败："
        "锁定会发现得晚。"
        "请查看失败原因，常见的是限流、超时和网络不稳。",
    ),
)
SHARE_ALERTS = (
    Alert(
        "DcdnThrottled",
        Severity.WARNING,
        routed(f"{THROTTLED_POLLS} > {THROTTLED_SHARE}"),
        fires_when=f"more than {THROTTLED_SHARE:.0%} of a probe's polls are throttled",
        learned_after_s=_POLLED_S,
        waits=Pause(20 * MINUTE_S, "a short burst of another tool passes, and is forgotten after 15 minutes"),
        keeps=Pause(RESTART_S, "it comes and goes with the other tool's work"),
        summary=f"{WHO}: polls of {PROBE} are throttled",
        description=f"{PERCENT} of the polls meet the vendor's limit, which is one for the whole account: something "
        "else calls the same operation, or replicas do not share the budget.",
        summary_zh=f"{WHO_ZH}：{PROBE} 轮询被限流",
        description_zh=f"{PERCENT} 的轮询触及阿里云的限流值，它由整个账号共用：有其他工具在调用同一操作，"
        "或多个副本没有分摊调用配额。",
    ),
    Alert(
        "DcdnBudgetNearLimit",
        Severity.WARNING,
        f"{BUDGET_USED} > {BUDGET_SHARE}",
        fires_when=f"more than {BUDGET_SHARE:.0%} of an operation's budget for an account id is used",
        learned_after_s=0,
        waits=Pause(15 * MINUTE_S, "a reload polls everything at once, which is meant"),
        summary=f"{{{{ $labels.operation }}}} uses {PERCENT} of its budget for account id "
        f"{{{{ $labels.account_id }}}}",
        description="Polls will soon wait for their turn, and data will become older than the interval. Poll less "
        "often, or less.",
        summary_zh=f"账号 ID {{{{ $labels.account_id }}}}：{{{{ $labels.operation }}}} 已用去调用配额的 {PERCENT}",
        description_zh="轮询很快将需要排队，数据会比轮询间隔更旧。请降低轮询频率，或减少轮询内容。",
    ),
    Alert(
        "DcdnPollsSkipped",
        Severity.WARNING,
        routed(f"{SKIPPED_POLLS} > {SKIPPED_SHARE}"),
        fires_when=f"a probe skips more than one run in {1 / SKIPPED_SHARE:g} polls, since the previous one "
        "is still under way",
        learned_after_s=_POLLED_S,
        waits=Pause(
            20 * MINUTE_S, "the first round of many accounts may take long, and is forgotten after 15 minutes"
        ),
        summary=f"{WHO}: runs of {PROBE} are skipped",
        description=f"Runs that are due before the last one is over are skipped, {PERCENT} as many as polls: "
        "data are older than the interval says.",
        summary_zh=f"{WHO_ZH}：{PROBE} 轮询被跳过",
        description_zh=f"因上一次尚未结束而跳过的轮询，相当于已执行轮询的 {PERCENT}：数据比轮询间隔更旧。",
    ),
)
