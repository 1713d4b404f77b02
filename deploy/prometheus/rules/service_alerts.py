"""Alerts about services, debts and balances: what the vendor says."""

from deploy.prometheus.rules.expressions import (
    BALANCE,
    CHARGE_TYPE,
    COMPONENT_CHARGE_TYPE,
    COMPONENT_NEXT_CHARGE_TYPE,
    IN_DEBT,
    IN_DEBT_OVERDUE,
    LOCK,
    LOCKED_ROUTES,
    NEXT_CHARGE_TYPE,
    SERVICE_END,
    SINCE,
    STATUS,
    UNKNOWN_VALUES,
    firing,
    inside,
    routed,
    routed_or_not,
    within,
)
from deploy.prometheus.rules.rule import Alert, Pause, Severity
from deploy.prometheus.rules.texts import DAY, DAY_IN_BEIJING, MINUTE, MINUTE_IN_BEIJING, PRODUCT, WHO, WHO_ZH
from deploy.prometheus.rules.thresholds import (
    BALANCE_INTERVAL_S,
    BALANCE_LEFT_S,
    BALANCE_PACE_S,
    CHANGE_SOON_S,
    ENDING_S,
    HOUR_S,
    LOCKED_TOO_LONG_S,
    MEMORY_S,
    MINUTE_S,
    NEWS_S,
    POLL_INTERVAL_S,
    POLL_TIMEOUT_S,
    RESTART_S,
)
from exporter.config.values import format_duration

_POLLED_S = POLL_INTERVAL_S + POLL_TIMEOUT_S
_AT_ONCE = Pause(0, "the API's answer does not flicker, and every minute counts")
_FLAP = Pause(5 * MINUTE_S, "a lock that comes and goes is one alert")
_NEWS = Pause(0, "a change is seen once, and is news at once")
_TIME_LEFT = "Its configuration is kept for 30 days at most."
_TIME_LEFT_ZH = "停服后配置最多保留 30 天。"
_REASON_ZH = (
    '{{ if eq $labels.reason "security" }}安全原因 {{ else if eq $labels.reason "unspecified" }}未说明原因 {{ end }}'
    "{{ $labels.reason }}"
)
_AMOUNT = '{{ printf "%.2f" $value }} {{ $labels.currency }}'


def _by_site(china: str, international: str) -> str:
    return (
        f'{{{{ if eq $labels.site "china" }}}}{china}'
        f'{{{{ else if eq $labels.site "international" }}}}{international}{{{{ end }}}}'
    )


def _before_the_lock(alert: str, debts: str, by: str) -> str:
    """These debts, but those of an account that is locked for a payment, unless the alert fired before the lock.

    Alertmanager would mute them, and send them when the lock has ended, since they end some minutes later: each of
    these probes is polled at a moment of its own.
    """
    return routed(f"""
{debts}
  unless on (account)
last_over_time({LOCK}{{reason="financial"}}{within(5 * MINUTE_S)})
  or
{debts}
  and on ({by})
{firing(alert)}""")


LOCK_ALERTS = (
    Alert(
        "DcdnServiceLockedFinancial",
        Severity.CRITICAL,
        routed_or_not(f'max by (account, product) ({LOCK}{{reason="financial"}})', LOCKED_ROUTES),
        fires_when="the service is locked for an overdue payment, until an answer says that it no longer is",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        keeps=_FLAP,
        summary=f"{WHO}: {PRODUCT} is locked, a payment is overdue",
        description=_by_site(
            "On the China site acceleration has stopped already. ",
            "On the international site 15 days of grace have passed. ",
        )
        + f"Pay what the account owes; the service comes back by itself. {_TIME_LEFT}",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 因欠费被锁定",
        description_zh=_by_site("中国站：加速已经停止。", "国际站：15 天宽限期已过。")
        + f"请付清欠款，服务会自行恢复。{_TIME_LEFT_ZH}",
    ),
    Alert(
        "DcdnServiceLockedOther",
        Severity.CRITICAL,
        routed_or_not(f'{LOCK}{{reason!="financial"}}', LOCKED_ROUTES),
        fires_when="the service is locked for another reason than an overdue payment",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        keeps=_FLAP,
        summary=f"{WHO}: {PRODUCT} is locked, reason {{{{ $labels.reason }}}}",
        description="The vendor has locked the service, and not for a payment. Only a ticket with the vendor ends "
        "it: "
        f"open one now, and name the account's id. {_TIME_LEFT}",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 被锁定，原因：{_REASON_ZH}",
        description_zh=f"阿里云锁定了该服务，并非因为欠费。只能提交工单解决：请立即提交，并注明账号 ID。"
        f"{_TIME_LEFT_ZH}",
    ),
)

# Of a service and of its components, which are billed by themselves.
_BILLED = "account, product, component"
_CHARGE_TYPES = f"({CHARGE_TYPE} or {COMPONENT_CHARGE_TYPE})"
_NEXT_CHARGE_TYPES = f"({NEXT_CHARGE_TYPE} or {COMPONENT_NEXT_CHARGE_TYPE})"
_A_WHILE_AGO = f"offset {format_duration(NEWS_S)}"
_WHICH = f"{PRODUCT}{{{{ with $labels.component }}}} ({{{{ . }}}}){{{{ end }}}}"
_WHICH_ZH = f"{PRODUCT}{{{{ with $labels.component }}}}（{{{{ . }}}}）{{{{ else }}}} {{{{ end }}}}"

_change = f"""
(
  min by ({_BILLED}) (
    dcdn_service_charge_type_change_timestamp_seconds
      or
    dcdn_service_component_charge_type_change_timestamp_seconds
  )
    < time() + {CHANGE_SOON_S}
)"""

STATE_ALERTS = (
    Alert(
        "DcdnServiceDeactivated",
        Severity.CRITICAL,
        routed(f"""
max by (account, product) ({STATUS}{{status="not_activated"}})
  unless on (account, product)
{STATUS}{{status=~"active|locked"}}
  and on (account, product)
(
  {STATUS}{{status=~"active|locked"}} offset {format_duration(NEWS_S)}
    or
  last_over_time(ALERTS{{alertname="DcdnServiceDeactivated", alertstate="firing"}}{within(MEMORY_S)})
)"""),
        fires_when="a service that was active is not activated any more",
        learned_after_s=_POLLED_S,
        waits=Pause(5 * MINUTE_S, "an error code says so, and the vendor may send it in error for some minutes"),
        summary=f"{WHO}: {PRODUCT} is not activated any more",
        description="The API says that this service was never opened, though it was active before: the key may now "
        "belong to another account, or the vendor has closed the service. Find out which, then open it again.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 已变为未开通",
        description_zh="API 返回该服务从未开通，但此前它是开通的：密钥现在可能属于另一个账号，或阿里云关闭了服务。"
        "请查明原因，再重新开通。",
    ),
    Alert(
        "DcdnInDebt",
        Severity.WARNING,
        _before_the_lock("DcdnInDebt", f"max by (account, product) ({IN_DEBT})", "account, product"),
        fires_when="a bill could not be paid, and nothing is locked for it yet (probe `debt_status`)",
        learned_after_s=_POLLED_S,
        waits=_AT_ONCE,
        keeps=Pause(5 * MINUTE_S, "a debt that comes and goes is one alert"),
        summary=f"{WHO}: payments are overdue ({PRODUCT})",
        description=_by_site(
            "On the China site the lock may follow within minutes: pay now.",
            "On the international site the service is locked 15 days after the bill fell due: pay before.",
        ),
        summary_zh=f"{WHO_ZH}：欠费（{PRODUCT}）",
        description_zh=_by_site(
            "中国站：几分钟内就可能被锁定，请立即付款。",
            "国际站：账单到期后有 15 天宽限期，之后服务会被锁定；请在此之前付款。",
        ),
    ),
    Alert(
        "DcdnInDebtOverdue",
        Severity.CRITICAL,
        _before_the_lock("DcdnInDebtOverdue", f"max by (account, product) ({IN_DEBT_OVERDUE})", "account, product"),
        fires_when="the time to make up for an overdue payment is over, and nothing is locked for it yet (probe "
        "`debt_status`)",
        learned_after_s=_POLLED_S,
        waits=Pause(2 * MINUTE_S, "the lock often follows within a minute, and is sent in place of this"),
        keeps=Pause(5 * MINUTE_S, "a debt that comes and goes is one alert"),
        summary=f"{WHO}: a payment is overdue for too long ({PRODUCT})",
        description="The service is being locked, or is locked already. Pay what the account owes now.",
        summary_zh=f"{WHO_ZH}：欠费超期（{PRODUCT}）",
        description_zh="服务即将被锁定，或已经被锁定。请立即付清欠款。",
    ),
    Alert(
        "DcdnBalanceSpent",
        Severity.WARNING,
        _before_the_lock("DcdnBalanceSpent", f"{BALANCE} <= 0", "account, currency"),
        fires_when="nothing is left of the available amount, and nothing is locked for it yet (probe `balance`)",
        learned_after_s=BALANCE_INTERVAL_S + POLL_TIMEOUT_S,
        waits=Pause(5 * MINUTE_S, "a payment under way may be booked between two bills"),
        summary=f"{WHO}: the balance is spent, {_AMOUNT}",
        description="The available amount counts credit in. Top the account up now."
        + _by_site(
            " On the China site its services are locked at once, unless the account may defer that.",
            " On the international site its services are locked 15 days after a bill fell due.",
        ),
        summary_zh=f"{WHO_ZH}：可用额度已用尽，{_AMOUNT}",
        description_zh="可用额度已包含信用额度。请立即充值。"
        + _by_site(
            "中国站：服务会立即被锁定（有延期免停权益的账号除外）。",
            "国际站：账单到期后有 15 天宽限期，之后服务会被锁定。",
        ),
    ),
    Alert(
        "DcdnBalanceRunningOut",
        Severity.WARNING,
        routed(f"""
{BALANCE} > 0
  and
{BALANCE} offset {format_duration(BALANCE_PACE_S)} - {BALANCE} > {BALANCE_PACE_S / BALANCE_LEFT_S:g} * {BALANCE}"""),
        fires_when=f"at the pace of the last {format_duration(BALANCE_PACE_S)} the balance is gone within "
        f"{BALANCE_LEFT_S // HOUR_S} hours (probe `balance`)",
        learned_after_s=BALANCE_INTERVAL_S + POLL_TIMEOUT_S,
        waits=Pause(HOUR_S, "bills come in steps once an hour, and one large step is not yet a trend"),
        summary=f"{WHO}: {_AMOUNT} are gone within {BALANCE_LEFT_S // HOUR_S} hours",
        description=f"That is what is left, credit included, at the pace of the last "
        f"{format_duration(BALANCE_PACE_S)}. "
        "Top the account up; without money the services of the China site are locked at once.",
        summary_zh=f"{WHO_ZH}：{_AMOUNT} 将在 {BALANCE_LEFT_S // HOUR_S} 小时内用尽",
        description_zh=f"这是按最近 {BALANCE_PACE_S // HOUR_S} 小时的速度推算的剩余可用额度（含信用额度）。"
        "请充值；"
        "中国站的服务在没有余额时会立即被锁定。",
    ),
    Alert(
        "DcdnChargeTypeChangeSoon",
        Severity.INFO,
        # Where the API names no method, the alert names none.
        routed(f"""
(
{inside(_change)}
    * on ({_BILLED}) group_left (charge_type)
  topk by ({_BILLED}) (1, {_CHARGE_TYPES} and on ({_BILLED}) {_NEXT_CHARGE_TYPES})
    * on ({_BILLED}) group_left (next_charge_type)
  label_replace(topk by ({_BILLED}) (1, {_NEXT_CHARGE_TYPES}), "next_charge_type", "$1", "charge_type", "(.*)")
)
  or on ({_BILLED}){_change}"""),
        fires_when="a change of the billing method of a service or of its component takes effect within "
        f"{format_duration(CHANGE_SOON_S)}",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "the moment is a fact, not a measurement"),
        keeps=Pause(RESTART_S, "a restart of the exporter is not the end of it"),
        unnamed=("charge_type", "next_charge_type"),
        summary=f"{WHO}: {_WHICH} changes its billing method{{{{ with $labels.charge_type }}}} from "
        f"{{{{ . }}}}{{{{ end }}}}"
        f"{{{{ with $labels.next_charge_type }}}} to {{{{ . }}}}{{{{ end }}}} on {MINUTE}",
        description="A submitted change cannot be withdrawn. Check that resource packages and budgets fit the new "
        "method.",
        summary_zh=f"{WHO_ZH}：{_WHICH_ZH}的计费类型将于 {MINUTE_IN_BEIJING}变更"
        f"{{{{ with $labels.charge_type }}}}，由 {{{{ . }}}}{{{{ end }}}}"
        f"{{{{ with $labels.next_charge_type }}}} 变为 {{{{ . }}}}{{{{ end }}}}",
        description_zh="已提交的变更无法撤回。请确认资源包和预算适合新的计费类型。",
    ),
    Alert(
        "DcdnChargeTypeChangeScheduled",
        Severity.WARNING,
        routed(f"""
(
  {NEXT_CHARGE_TYPE}
    or
  {COMPONENT_NEXT_CHARGE_TYPE}
)
  unless on ({_BILLED}, charge_type)
(
  {NEXT_CHARGE_TYPE} {_A_WHILE_AGO}
    or
  {COMPONENT_NEXT_CHARGE_TYPE} {_A_WHILE_AGO}
)
  and on ({_BILLED})
(
  {STATUS} {_A_WHILE_AGO}
    or
  {COMPONENT_CHARGE_TYPE} {_A_WHILE_AGO}
)"""),
        fires_when="a change of the billing method of a service or of its component was submitted within the last "
        f"{format_duration(NEWS_S)}",
        learned_after_s=_POLLED_S,
        waits=_NEWS,
        summary=f"{WHO}: {_WHICH} is going to be billed by {{{{ $labels.charge_type }}}}",
        description="Somebody has submitted a change of the billing method. Find out who and why; it cannot be "
        "withdrawn, and it blocks another one until it takes effect.",
        summary_zh=f"{WHO_ZH}：{_WHICH_ZH}将改为按 {{{{ $labels.charge_type }}}} 计费",
        description_zh="有人提交了计费类型变更。请查明是谁、为什么；变更无法撤回，生效之前也不能再提交另一个。",
    ),
    Alert(
        "DcdnChargeTypeChanged",
        Severity.INFO,
        routed(f"""
(
  {CHARGE_TYPE}
    or
  {COMPONENT_CHARGE_TYPE}
)
  unless on ({_BILLED}, charge_type)
(
  {CHARGE_TYPE} {_A_WHILE_AGO}
    or
  {COMPONENT_CHARGE_TYPE} {_A_WHILE_AGO}
)
  and on ({_BILLED})
(
  {CHARGE_TYPE} {_A_WHILE_AGO}
    or
  {COMPONENT_CHARGE_TYPE} {_A_WHILE_AGO}
)"""),
        fires_when="the billing method of a service or of its component has changed within the last "
        f"{format_duration(NEWS_S)}",
        learned_after_s=_POLLED_S,
        waits=_NEWS,
        summary=f"{WHO}: {_WHICH} is billed by {{{{ $labels.charge_type }}}} now",
        description="The billing method has changed. Bills from now on follow the new one; they come hours late.",
        summary_zh=f"{WHO_ZH}：{_WHICH_ZH}现在按 {{{{ $labels.charge_type }}}} 计费",
        description_zh="计费类型已变更。此后的账单按新方式计算，会晚几小时到达。",
    ),
    Alert(
        "DcdnServiceEnding",
        Severity.WARNING,
        routed(SERVICE_END),
        fires_when=f"a service ends within {format_duration(ENDING_S)}, or has ended (dcdn_sec)",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "the moment is a fact, not a measurement"),
        summary=f"{WHO}: {PRODUCT} is paid until {DAY}",
        description="It does not protect its domains after that day. Renew it in the console, or move "
        "the domains away before.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 于 {DAY_IN_BEIJING}到期",
        description_zh="服务只付费到该日，之后其域名不再受保护。请在控制台续费，或提前迁移域名。",
    ),
    Alert(
        "DcdnLockedTooLong",
        Severity.CRITICAL,
        routed(f"{SINCE} < time() - {LOCKED_TOO_LONG_S}"),
        fires_when=f"the service is locked, and the lock was first seen {format_duration(LOCKED_TOO_LONG_S)} ago",
        learned_after_s=LOCKED_TOO_LONG_S + _POLLED_S,
        waits=Pause(0, "it counts from when the lock was first seen"),
        summary=f"{WHO}: {PRODUCT} has been locked since {DAY} or longer",
        description="The vendor keeps the service's configuration for 30 days at most: domains then have to be "
        "added again. Pay if a payment is overdue, else open a ticket; and save the configuration.",
        summary_zh=f"{WHO_ZH}：{PRODUCT} 至少自 {DAY_IN_BEIJING}起一直被锁定",
        description_zh="停服后阿里云最多保留该服务的配置 30 天：届时域名需要重新添加。"
        "欠费请付款，其他原因请提交工单；并备份配置。",
    ),
    Alert(
        "DcdnUnknownApiValue",
        Severity.INFO,
        routed(UNKNOWN_VALUES),
        fires_when="the API answers with a value that its documentation does not name, and that stands in a label",
        learned_after_s=_POLLED_S,
        waits=Pause(0, "it is shown as it came, and nothing has to be waited for"),
        summary=f"{WHO}: unknown to the exporter: {{{{ with $labels.charge_type }}}}billing method "
        f"{{{{ . }}}}{{{{ end }}}}"
        "{{ with $labels.reason }}lock reason {{ . }}{{ end }}"
        "{{ with $labels.status }}{{ $labels.field }} {{ . }}{{ end }}" + f" ({PRODUCT})",
        description="It is shown as it came. Open an issue of the project, so that the next version knows it.",
        summary_zh=f"{WHO_ZH}：exporter 不认识的{{{{ with $labels.charge_type }}}}计费类型 {{{{ . }}}}{{{{ end }}}}"
        "{{ with $labels.reason }}锁定原因 {{ . }}{{ end }}"
        "{{ with $labels.status }} {{ $labels.field }} {{ . }}{{ end }}" + f"（{PRODUCT}）",
        description_zh="该值按原样显示。请反馈给本项目（提交 issue），以便下一个版本支持。",
    ),
)
