"""The commands; the only place that prints and reads the process's environment."""

import logging
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from exporter import __version__, logs
from exporter.activation import Activation, Subject, Wait, as_json, as_text, connected, plan_in_words
from exporter.catalogue import PRODUCTS, vendor_limits
from exporter.config import (
    Configuration,
    ConfigurationError,
    load,
    summary,
    web_summary,
    without_file,
)
from exporter.daemon import Daemon, WebOptions
from exporter.demo import Demo
from exporter.logger import Logger
from exporter.round import look_once
from exporter.schedule import ASKERS, HANGING_WORKERS, WAITING_WORKERS
from exporter.sharding import Shard, parse_shard
from exporter.signals import exit_on_signal, interrupt_on_signal, signals_received, stop_signal
from exporter.simulator import ScenarioError, Simulator, load_scenario, packaged_scenarios
from exporter.status_display import above_bar, draw_table, progress_bar
from exporter.status_report import Report, exit_code, to_json
from exporter.supervision import ServiceManager, supervise
from exporter.web.app import checked_telemetry_path
from exporter.web.front_door import check_front_door
from exporter.web.server import parse_listen_address

EXIT_FAILED = 1
_FILES_PER_CALL = 2  # its socket and the lifeline
_FILES_FOR_THE_REST = 512  # scrapes above all
EXIT_BAD_CONFIGURATION = 2
_ENVIRONMENT_PREFIX = "DCDN_EXPORTER_"
_DEMO_HORIZON_S = 180.0


def _flag(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """A flag as Prometheus' own programs write it, and its environment variable."""
    variable = _ENVIRONMENT_PREFIX + name.upper().replace(".", "_").replace("-", "_")
    parameter = name.replace(".", "_").replace("-", "_")
    return click.option(f"--{name}", parameter, envvar=variable, show_envvar=True, show_default=True, **attributes)


def _listen_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        parse_listen_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _telemetry_path(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return checked_telemetry_path(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _shard(_context: click.Context, _parameter: click.Parameter, value: str) -> Shard:
    try:
        return parse_shard(value, host=socket.gethostname())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _charge_type(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter(f"seen {value!r}; accepted: PayByTraffic, or another name")
    return value.strip()


_config_file_flag = _flag(
    "config.file",
    type=click.Path(path_type=Path),
    default=None,
    help=(
        "The configuration file. Without it: one account named 'default', product dcdn_ipa, the vendor's default "
        "credential chain."
    ),
)

_web_config_file_flag = _flag(
    "web.config.file",
    type=click.Path(path_type=Path),
    default=None,
    help="TLS, passwords and headers, in the format of Prometheus' exporter-toolkit. Without it: plain HTTP for all.",
)


def _log_flags(default_level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    level = _flag(
        "log.level",
        type=click.Choice(list(logs.LEVELS)),
        default=default_level,
        help="The lowest level that is logged.",
    )
    log_format = _flag("log.format", type=click.Choice(logs.FORMATS), default="logfmt", help="How a line is written.")
    return lambda command: level(log_format(command))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcdn-exporter")
def main() -> None:
    """Prometheus exporter for the service state of Alibaba Cloud DCDN, IPA and CDN."""


@main.command()
@_config_file_flag
@_flag(
    "web.listen-address", default=":10520", callback=_listen_address, help="Where to listen; port 0: any free one."
)
@_flag("web.telemetry-path", default="/metrics", callback=_telemetry_path, help="Where the metrics are.")
@_flag(
    "shard",
    default="0/1",
    metavar="ORDINAL/TOTAL",
    callback=_shard,
    help="Poll this one of TOTAL parts of the accounts; auto/TOTAL: the ordinal ends the host's name.",
)
@_web_config_file_flag
@_flag("web.enable-lifecycle", is_flag=True, help="Let a POST to /-/reload reload the configuration, as SIGHUP does.")
@_log_flags("info")
def serve(
    config_file: Path | None,
    web_listen_address: str,
    web_telemetry_path: str,
    web_config_file: Path | None,
    *,
    shard: Shard,
    web_enable_lifecycle: bool,
    log_level: str,
    log_format: str,
) -> None:
    """Run the daemon: poll the API on a schedule and serve /metrics.

    SIGHUP makes it read the configuration file again; a bad one is reported and changes nothing.
    """
    with signals_received(signal.SIGHUP) as received:
        configuration = _configuration(config_file)
        log = logs.configure(level=log_level, log_format=log_format)
        _raise_file_limit(configuration, log)

        def load_again() -> Configuration:
            again = _load(config_file)
            _raise_file_limit(again, log)
            return again

        try:
            daemon = Daemon(
                configuration,
                load=load_again,
                web=WebOptions(
                    listen_address=web_listen_address,
                    telemetry_path=web_telemetry_path,
                    enable_lifecycle=web_enable_lifecycle,
                    config_file=web_config_file,
                ),
                environ=os.environ,
                shard=shard,
                log=log,
            )
            daemon.start()
        except ConfigurationError as error:
            _fail(str(error), EXIT_BAD_CONFIGURATION)
        except OSError as error:
            _fail_to_listen("--web.listen-address", web_listen_address, error)
        supervise(daemon, received, ServiceManager(os.environ, pid=os.getpid()))
        log.info("stopping")
        daemon.stop()


@main.command()
@_config_file_flag
@click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="What is printed."
)
@_log_flags("warn")
def status(config_file: Path | None, output: str, log_level: str, log_format: str) -> None:
    """Poll each probe once and print what is known, the worst first.

    Ends with 3 when something is locked or overdue, else with 4 when a poll failed, else with 0.
    """
    with exit_on_signal():
        configuration = _configuration(config_file)
        bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        log = logs.configure(level=log_level, log_format=log_format, stream=above_bar(sys.stderr) if bar else None)
        _raise_file_limit(configuration, log)
        report = look_once(
            configuration, environ=os.environ, progress=partial(progress_bar, sys.stderr, shown=bar), log=log
        )
        _print(to_json(report) if output == "json" else _table(report))
        sys.exit(exit_code(report))


@main.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_web_config_file_flag
def check_config(file: Path | None, web_config_file: Path | None) -> None:
    """Say every problem of a configuration FILE with its path and line, or sum it up; likewise of a web one."""
    if file is None and web_config_file is None:
        raise click.UsageError("nothing to check: give a FILE, --web.config.file or both")
    if file is not None:
        click.echo(summary(_configuration(file)))
    if web_config_file is not None:
        try:
            click.echo(web_summary(check_front_door(web_config_file)))
        except ConfigurationError as error:
            _fail(str(error), EXIT_BAD_CONFIGURATION)


@main.command("open-cdn")
@_flag("config.file", type=click.Path(path_type=Path), default=None, help="The configuration file of the daemon.")
@click.option("--account", "account_name", required=True, help="The account, by its name in that file.")
@click.option(
    "--internet-charge-type",
    default="PayByTraffic",
    show_default=True,
    callback=_charge_type,
    help="How CDN is to be billed; the vendor documents this one.",
)
@click.option("--yes", is_flag=True, help="Activate CDN. Else nothing is changed, unless you say so on a terminal.")
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="What is printed."
)
@click.option(
    "--wait",
    type=click.FloatRange(0, 600),
    default=30.0,
    show_default=True,
    help="For how many seconds DescribeCdnService is asked whether it shows the service.",
)
def open_cdn(
    config_file: Path | None, account_name: str, internet_charge_type: str, output: str, wait: float, *, yes: bool
) -> None:
    """Activate CDN for an account: call OpenCdnService, once. This starts billing.

    Exits with 0 when CDN is active, also if it was before, and after a dry run; 1 when it was not activated; 5 when
    that is not known.
    """
    configuration = _configuration(config_file)
    account = next((each for each in configuration.accounts if each.name == account_name), None)
    if account is None:
        names = ", ".join(each.name for each in configuration.accounts)
        _fail(f"--account: seen {account_name!r}; accepted: {names}", EXIT_BAD_CONFIGURATION)
    log = logs.configure(level="error", log_format="logfmt")
    connection = connected(configuration, account, environ=os.environ, log=log)

    def sure(subject: Subject) -> bool:
        if output == "json":
            return yes
        click.echo(plan_in_words(subject) + "\n")
        on_a_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        return yes or (on_a_terminal and _confirmed("Activate CDN for this account?"))

    with connection as (client, caller), interrupt_on_signal():
        subject = Subject(account.name, account.site, internet_charge_type, account.known_account_id)
        subject, outcome = Activation(client, caller, subject, wait=Wait(wait)).run(sure)
        # Before anything is closed, which could be interrupted too.
        click.echo(as_json(subject, outcome) if output == "json" else as_text(subject, outcome))
    sys.exit(outcome.result.exit_code)


@main.command()
@click.option(
    "--listen-address",
    default="127.0.0.1:10521",
    show_default=True,
    callback=_listen_address,
    help="Where to listen; port 0: any free one.",
)
@click.option(
    "--scenario",
    default="healthy",
    show_default=True,
    help=f"A packaged scenario ({', '.join(packaged_scenarios())}) or a file.",
)
def simulator(listen_address: str, scenario: str) -> None:
    """Run the simulator of the API alone: a real HTTP server for any client of it."""
    played = _scenario(scenario)
    host, port = parse_listen_address(listen_address)
    server = Simulator(played, host=host or "0.0.0.0", port=port)  # noqa: S104 — asked for by ":PORT"
    with stop_signal() as stopping:
        try:
            server.start()
        except OSError as error:
            _fail_to_listen("--listen-address", listen_address, error)
        click.echo(f"The simulator plays {scenario!r} at {server.url} ({played.description})")
        click.echo(f"Its journal of requests: {server.url}/_journal")
        for account in played.accounts:
            click.echo(f"  {account.name}: access key id {account.access_key_id}")
        stopping.wait()
        server.stop()


@main.command()
@_flag(
    "web.listen-address",
    default="127.0.0.1:10520",
    callback=_listen_address,
    help=("Where the exporter listens; port 0: any free one."),
)
@_log_flags("info")
def demo(web_listen_address: str, log_level: str, log_format: str) -> None:
    """Play a day of events in minutes: the simulator, and a daemon that watches it. Needs nothing else."""
    log = logs.configure(level=log_level, log_format=log_format)
    show = Demo(load_scenario("demo"), web=WebOptions(listen_address=web_listen_address), log=log)
    with stop_signal() as stopping:
        try:
            show.start()
        except OSError as error:
            _fail_to_listen("--web.listen-address", web_listen_address, error)
        click.echo(f"dcdn-exporter demo: simulator at {show.simulator_url}, exporter at http://{show.address}/")
        click.echo(f"\nWhat will happen in the first {_DEMO_HORIZON_S / 60:g} minutes (and again after that):")
        for line in show.upcoming(_DEMO_HORIZON_S):
            click.echo(f"  {line}")
        click.echo("\nWatch it:")
        click.echo(f"  the page         http://{show.address}/")
        click.echo(f"  the metrics      curl -s http://{show.address}/metrics | grep ^dcdn_service")
        click.echo(f'  a lock           watch -n1 "curl -s http://{show.address}/metrics | grep financial"')
        click.echo("Stop it with Ctrl-C.\n")
        show.narrate(lambda sentence: click.echo(f"demo  {sentence}"), stopping)
        stopping.wait()
        show.stop()


def _confirmed(question: str) -> bool:
    """Whether the answer is yes; raises KeyboardInterrupt where there is none (Ctrl-C, Ctrl-D)."""
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo()
        raise KeyboardInterrupt from None


def _configuration(file: Path | None) -> Configuration:
    """What the file says now; ends the command where that cannot be."""
    try:
        return _load(file)
    except ConfigurationError as error:
        _fail(str(error), EXIT_BAD_CONFIGURATION)


def _load(file: Path | None) -> Configuration:
    if file is None:
        return without_file()
    return load(file, vendor_limits=vendor_limits(), known_products=PRODUCTS)


def _table(report: Report) -> str:
    terminal = sys.stdout.isatty()
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return draw_table(report, width=shutil.get_terminal_size().columns if terminal else None, color=color)


def _print(text: str) -> None:
    """Print it, with question marks for what the terminal's encoding does not have."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, errors="replace").decode(encoding), color=True)


def _raise_file_limit(configuration: Configuration, log: Logger) -> None:
    """Let the process open as many files as its calls and readers need, or say that it may not."""
    callers = configuration.poll.max_workers + HANGING_WORKERS + WAITING_WORKERS + ASKERS
    needed = _FILES_PER_CALL * callers + _FILES_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.log(
            logging.WARNING,
            "too few open files are allowed",
            allowed=allowed,
            needed=needed,
            hint="raise the hard limit of open files (ulimit -Hn), or lower poll.max_workers",
        )


def _scenario(name: str) -> Any:
    try:
        return load_scenario(name)
    except (ScenarioError, OSError) as error:
        _fail(f"scenario {name!r}: {error}", EXIT_BAD_CONFIGURATION)


def _fail_to_listen(flag: str, address: str, error: OSError) -> NoReturn:
    """Say why in the system's words: Python adds the address to some errors and not to others."""
    system_error = error.errno is not None and error.errno > 0  # those of name resolution are below
    reason = os.strerror(error.errno) if system_error and error.errno else error.strerror
    _fail(f"cannot listen on {address}: {reason}; {flag} chooses another address", EXIT_FAILED)


def _fail(message: str, exit_code: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(exit_code)
