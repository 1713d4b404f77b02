"""The commands that need no account: ``simulator`` and ``demo``."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from exporter.app import VOCABULARY
from exporter.app.daemon import WebOptions
from exporter.app.demo import Demo, reachable
from exporter.app.signals import Stop, exit_on_signal, stop_signal
from exporter.app.simulated import PATIENT_POLL, simulated_file
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, End, fail, fail_to_listen, fail_without_threads
from exporter.cli.flags import checked, flag, listen_address, log_flags
from exporter.config import ConfigurationError, parse
from exporter.core import logs
from exporter.core.threads import NoThread
from exporter.report.terminal import live_display
from exporter.simulator import (
    OutOfThreadsError,
    Scenario,
    ScenarioError,
    Simulator,
    load_scenario,
    packaged_scenarios,
)
from exporter.web.server import parse_listen_address

_DEMO_HORIZON_S = 180.0
_REDRAWN_EVERY_S = 1.0


@click.command()
@click.option(
    "--listen-address",
    default="127.0.0.1:10521",
    show_default=True,
    callback=checked(listen_address),
    help="Where to listen. Port 0: any free port.",
)
@click.option(
    "--scenario",
    default="healthy",
    show_default=True,
    help=f"A packaged scenario ({', '.join(packaged_scenarios())}) or a file.",
)
@click.option("--print-config", is_flag=True, help="Print a configuration file for serve, and exit.")
def simulator(listen_address: str, scenario: str, *, print_config: bool) -> None:
    """Run the simulator of the API, an HTTP server."""
    played = _scenario(scenario)
    host, port = parse_listen_address(listen_address)
    if print_config:
        click.echo(_configuration_file(played, scenario, host, port), nl=False)
        return
    server = Simulator(played, host=host or "0.0.0.0", port=port)  # noqa: S104 — asked for by ":PORT"
    with stop_signal() as stopping:
        try:
            server.start()
        except OSError as error:
            fail_to_listen("--listen-address", listen_address, error)
        except OutOfThreadsError:
            fail_without_threads("simulator")
        try:
            with _printing(stopping):
                click.echo("\n".join(_introduction(played, scenario, server.url)))
            stopping.wait()
        finally:
            server.stop()
    raise End(0, result=None)


def _introduction(played: Scenario, name: str, url: str) -> Iterator[str]:
    """What is played, and with which keys it is called."""
    url = f"http://{reachable(url.removeprefix('http://'))}"
    description = "".join(letter if letter.isprintable() else " " for letter in played.description).strip()
    yield f"The simulator plays {name!r} at {url} ({description})"
    yield f"Its journal of requests: {url}/_journal"
    for account in played.accounts:
        token = "" if account.security_token is None else f", security token {account.security_token}"
        yield f"  {account.name}: access key id {account.access_key_id}, secret {account.access_key_secret}{token}"
    yield "A configuration file for serve: the same command with --print-config"


@click.command()
@flag(
    "web.listen-address",
    default="127.0.0.1:10520",
    callback=checked(listen_address),
    help="Where the exporter listens. Port 0: any free port.",
)
@log_flags("error")
def demo(web_listen_address: str, log_level: str, log_format: str) -> None:
    """Run the simulator and a daemon that watches it. You need no account."""
    log = logs.configure_daemon(level=log_level, log_format=log_format)
    show = Demo(load_scenario("demo"), web=WebOptions(listen_address=web_listen_address), log=log)
    with stop_signal() as stopping:
        try:
            show.start()
        except OSError as error:
            fail_to_listen("--web.listen-address", web_listen_address, error)
        except NoThread:
            fail_without_threads("demo")
        # Lines of the log on the same terminal would tear the display.
        live = _on_terminal(sys.stdout) and (log_level == "error" or not _on_terminal(sys.stderr))
        try:
            with _printing(stopping):
                _play(show, stopping, live=live)
            stopping.wait()
        finally:
            show.stop()
    raise End(0, result=None)


def _play(show: Demo, stopping: Stop, *, live: bool) -> None:
    """Show what happens until a signal to stop; in place of what was shown before, or line by line."""
    exporter = f"http://{reachable(show.address)}/"
    click.echo(f"dcdn-exporter demo: simulator at {show.simulator_url}, exporter at {exporter}\n")
    if live:
        with live_display(sys.stdout) as draw:
            draw(show.screens)
            while not stopping.wait(_REDRAWN_EVERY_S):
                draw(show.screens)
        return
    click.echo(f"What will happen in the first {_DEMO_HORIZON_S / 60:g} minutes (and again after that):")
    for line in show.upcoming(_DEMO_HORIZON_S):
        click.echo(line)
    click.echo(f"\n{show.where_to_look()}\n")
    show.narrate(lambda sentence: click.echo(f"demo  {sentence}"), stopping)


@contextmanager
def _printing(stopping: Stop) -> Iterator[None]:
    """Inside, a signal to stop ends the command as it does later, also while its output is not read."""
    try:
        with exit_on_signal(0, note=stopping.note):
            if stopping.wait(0):
                sys.exit()
            yield
    except SystemExit:
        raise End(0, result=None) from None


def _on_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _configuration_file(played: Scenario, name: str, host: str | None, port: int) -> str:
    if port == 0:
        raise click.UsageError("--print-config needs a port other than 0 in --listen-address")
    host = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — only compared
    url = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
    text = simulated_file(played, url, PATIENT_POLL)
    try:
        parse(text, source="the file", vocabulary=VOCABULARY)
    except ConfigurationError as error:
        fail(f"no configuration file fits the scenario {name!r}:\n{error}", EXIT_BAD_CONFIGURATION)
    return f"# For dcdn-exporter serve, while the simulator plays {name!r} at {url}.\n{text}"


def _scenario(name: str) -> Scenario:
    try:
        return load_scenario(name)
    except ScenarioError as error:
        fail("\n".join(f"scenario {name!r}: {problem}" for problem in error.problems), EXIT_BAD_CONFIGURATION)
