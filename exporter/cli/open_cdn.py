"""The command ``open-cdn``: the one that changes an account."""

import math
import re
import sys
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from shutil import get_terminal_size
from textwrap import fill

import click

from exporter.activation import (
    Activation,
    Outcome,
    Subject,
    Wait,
    as_json,
    as_text,
    connected,
    declined,
    in_one_line,
    plan_in_words,
    planned,
)
from exporter.app.signals import exit_on_signal, ignore_signals, interrupt_on_signal
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, End, fail
from exporter.cli.flags import FILE, ReadsFile, api_environment, checked, configuration_of, flag
from exporter.config import MAX_NAMED, Configuration
from exporter.core import logs

_LONGEST_WAIT_S = 600
_LABEL = re.compile(r" *(?:\w+(?: \w+)? {2,})?")


def _charge_type(text: str) -> str:
    if not text.strip():
        raise ValueError(f"seen {text!r}; accepted: PayByTraffic, or another name")
    return text.strip()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise ValueError(f"seen {text!r}; accepted: seconds as a number, 0 to {_LONGEST_WAIT_S}")
    return seconds


@click.command("open-cdn", cls=ReadsFile)
@flag("config.file", type=FILE, default=None, help="The configuration file of the daemon.")
@click.option("--account", "account_name", required=True, help="The account, by its name in that file.")
@click.option(
    "--internet-charge-type",
    default="PayByTraffic",
    show_default=True,
    callback=checked(_charge_type),
    help="How CDN is billed. The vendor documents this value only.",
)
@click.option(
    "--yes",
    is_flag=True,
    help="Activate CDN. Without it, the command asks on a terminal, and is a dry run elsewhere.",
)
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What to print."
)
@click.option(
    "--wait",
    metavar="SECONDS",
    default="30",
    show_default=True,
    callback=checked(_seconds),
    help="For how many seconds to poll DescribeCdnService until it shows CDN.",
)
def open_cdn(
    config_file: Path | None, account_name: str, internet_charge_type: str, output: str, wait: float, *, yes: bool
) -> None:
    """Activate CDN for an account: call OpenCdnService, once. This starts billing.

    Exit codes: 0, CDN is active, was active before, or this was a dry run; 1, it was not activated; 5, the result is
    not known; 6, as 0, but the result could not be printed.
    """
    configuration = configuration_of(config_file)
    account = next((each for each in configuration.accounts if each.name == account_name), None)
    if account is None:
        fail(_unknown_account(account_name, configuration), EXIT_BAD_CONFIGURATION)
    log = logs.configure(level="error", log_format="logfmt")
    connection = connected(configuration, account, environ=api_environment(), log=log)

    def objection(subject: Subject) -> Outcome | None:
        if output == "text":
            click.echo(_fitting(plan_in_words(subject)) + "\n")
        if yes:
            return None
        answers = sys.stdin is not None and sys.stdin.isatty()  # None: it was closed
        if output == "json" or not (answers and sys.stdout.isatty()):
            return planned()
        return None if _confirmed("Activate CDN for this account?") else declined()

    # From here on the exit code says what became of the account: outside of two parts, a signal does nothing.
    ignore_signals()
    with connection as (client, caller):
        subject = Subject(account.name, account.site, internet_charge_type, account.known_account_id)
        activation = Activation(client, caller, subject, wait=Wait(wait))
        with suppress(KeyboardInterrupt), interrupt_on_signal():
            activation.run(objection)
        subject, outcome = activation.subject, activation.outcome
        with suppress(SystemExit), exit_on_signal():  # a signal ends the printing and nothing else
            click.echo(as_json(subject, outcome) if output == "json" else _fitting(as_text(subject, outcome)))
    raise End(outcome.result.exit_code, result=in_one_line(subject, outcome))


def _unknown_account(name: str, configuration: Configuration) -> str:
    """What is accepted in place of the name, as far as a line can list it."""
    names = [each.name for each in configuration.accounts]
    near = get_close_matches(name, names, n=1)
    listed = names if len(names) <= MAX_NAMED else [*names[:MAX_NAMED], f"and {len(names) - MAX_NAMED} more"]
    accepted = ", ".join(listed) or "none, as the file has no accounts"
    hint = f" (did you mean {near[0]}?)" if near and len(names) > 1 else ""
    members = "; to open CDN for a member of a resource directory, add it to accounts"
    directories = configuration.discovery.resource_directories
    return f"--account: seen {name!r}; accepted: {accepted}{hint}{members if directories else ''}"


def _fitting(text: str) -> str:
    """The text; on a terminal its lines are broken between words, and what follows stands below the first value."""
    if not sys.stdout.isatty():
        return text
    return "\n".join(
        fill(
            line,
            get_terminal_size().columns,
            subsequent_indent=" " * len(_LABEL.match(line)[0]),  # type: ignore[index]  # it matches any text
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )


def _confirmed(question: str) -> bool:
    """Whether the answer is yes; raises KeyboardInterrupt without an answer (Ctrl-C, Ctrl-D)."""
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo()
        raise KeyboardInterrupt from None
