"""What the command says of an attempt, for people and for programs; pure."""

import json

from exporter.activation.outcome import Outcome, Subject

_BILLING = {
    "PayByTraffic": "by data transfer: what CDN delivers for the account's domains is billed by its volume",
}
_OTHER_BILLING = "a method that the vendor does not document for the activation"


def plan_in_words(subject: Subject) -> str:
    """What is going to be done, for whom, and what is billed for it."""
    billing = _BILLING.get(subject.charge_type, _OTHER_BILLING)
    return "\n".join(
        (
            f"account     {subject.account} (site {subject.site})",
            f"account id  {subject.account_id or 'not known'}",
            "CDN         not activated",
            "to do       call OpenCdnService, once",
            f"billing     {subject.charge_type}, {billing};",
            "            it starts with the activation, which neither the vendor's API nor this command can undo",
        )
    )


def as_text(subject: Subject, outcome: Outcome) -> str:
    """The outcome for people, in a few lines."""
    whom = subject.account if subject.account_id is None else f"{subject.account} ({subject.account_id})"
    lines = [f"{whom}: {outcome.sentence}"]
    lines += [outcome.next_step] if outcome.next_step else []
    vendor = (("code", outcome.code), ("message", outcome.vendor_message), ("request id", outcome.request_id))
    lines += [f"  {name:<11} {value}" for name, value in vendor if value]
    return "\n".join(lines)


def as_json(subject: Subject, outcome: Outcome) -> str:
    """The outcome for programs: one object, whose keys are always there."""
    document = {
        "account": subject.account,
        "account_id": subject.account_id,
        "site": subject.site,
        "product": "cdn",
        "internet_charge_type": subject.charge_type,
        "result": outcome.result.word,
        "status": outcome.status.value if outcome.status is not None else None,
        "explanation": outcome.sentence,
        "next_step": outcome.next_step or None,
        "code": outcome.code,
        "message": outcome.vendor_message,
        "request_id": outcome.request_id,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
