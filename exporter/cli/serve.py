"""The command ``serve``."""

import logging
import os
import signal
import socket
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from exporter.accounts.sharding import Shard, parse_shard
from exporter.app.daemon import Daemon, WebOptions
from exporter.app.signals import exit_on_signal, signals_received
from exporter.app.systemd import ServiceManager, supervise
from exporter.cli.exit import EXIT_BAD_CONFIGURATION, fail, fail_to_listen, fail_without_threads
from exporter.cli.flags import (
    ReadsFile,
    api_environment,
    checked,
    config_file_flag,
    configuration_of,
    flag,
    listen_address,
    load_configuration,
    log_flags,
    web_config_file_flag,
)
from exporter.cli.limits import limits_in_force, workers_allowed
from exporter.config import (
    Configuration,
    ConfigurationError,
    WebConfiguration,
    exposure_warnings,
    load_web,
    protection,
)
from exporter.config.values import web_address
from exporter.core import logs
from exporter.core.logger import Logger
from exporter.core.memory import collect_rarely, set_aside, set_aside_anew, share_heaps
from exporter.core.threads import NoThread
from exporter.web.app import checked_telemetry_path


@click.command(cls=ReadsFile)
@config_file_flag
@flag(
    "web.listen-address",
    default=":10520",
    callback=checked(listen_address),
    help="Where to listen. Port 0: any free port.",
)
@flag(
    "web.telemetry-path",
    default="/metrics",
    callback=checked(checked_telemetry_path),
    help="The path of the metrics.",
)
@flag(
    "shard",
    default="0/1",
    metavar="ORDINAL/TOTAL",
    callback=checked(lambda text: parse_shard(text, host=socket.gethostname())),
    help="Which of TOTAL parts of the accounts to poll. auto/TOTAL: the ordinal is at the end of the host name.",
)
@flag(
    "web.documentation-url",
    callback=checked(lambda text: web_address(text) if text else ""),
    help="Where the folder docs is published, for links on the status page, also to runbooks. Without it: no links.",
)
@web_config_file_flag
@flag("web.enable-lifecycle", is_flag=True, help="Let a POST to /-/reload reload the configuration, as SIGHUP does.")
@log_flags("info")
def serve(
    config_file: Path | None,
    web_listen_address: str,
    web_telemetry_path: str,
    web_documentation_url: str,
    web_config_file: Path | None,
    *,
    shard: Shard,
    web_enable_lifecycle: bool,
    log_level: str,
    log_format: str,
) -> None:
    """Run the daemon: poll the API and serve /metrics.

    SIGHUP reloads the configuration file. A file with an error is logged and ignored.
    """
    share_heaps()  # before any thread starts
    collect_rarely()
    with (
        signals_received(signal.SIGHUP) as received,
        closing(ServiceManager(os.environ, pid=os.getpid())) as manager,
    ):
        web = WebOptions(
            listen_address=web_listen_address,
            telemetry_path=web_telemetry_path,
            documentation_url=web_documentation_url,
            enable_lifecycle=web_enable_lifecycle,
            config_file=web_config_file,
        )
        log = logs.configure_daemon(level=log_level, log_format=log_format)
        daemon = _started(config_file, web=web, shard=shard, log=log)
        supervise(daemon, received, manager)
        log.info("stopping")
        daemon.stop()


def _started(config_file: Path | None, *, web: WebOptions, shard: Shard, log: Logger) -> Daemon:
    """The running daemon; ends the command when it cannot start, or at a signal to stop before that.

    The configuration must not outlive this function: a caller that kept it would keep accounts, and credentials, that
    a reload has removed.
    """
    try:
        with exit_on_signal(0):  # 10,000 accounts take seconds
            configuration = configuration_of(config_file)
            daemon = Daemon(
                configuration,
                load=partial(_reloaded, config_file, log),
                allowed=partial(workers_allowed, log=log),
                web=web,
                environ=api_environment(),
                shard=shard,
                settled=set_aside,
                replaced=set_aside_anew,
                log=log,
            )
            set_aside()
            web_configuration = load_web(web.config_file) if web.config_file else None
            _warn_of_exposure(configuration, config_file, log, web=web_configuration)
        daemon.start(
            config_file=str(config_file) if config_file else "none",
            directories=len(configuration.discovery.resource_directories),
            shard=f"{shard.ordinal}/{shard.total}",
            **protection(web_configuration),
            **limits_in_force(),
        )
    except ConfigurationError as error:
        fail(str(error), EXIT_BAD_CONFIGURATION)
    except OSError as error:
        fail_to_listen("--web.listen-address", web.listen_address, error)
    except NoThread:
        fail_without_threads("daemon")
    return daemon


def _reloaded(file: Path | None, log: Logger) -> Configuration:
    configuration = load_configuration(file)
    _warn_of_exposure(configuration, file, log)
    return configuration


def _warn_of_exposure(
    configuration: Configuration, file: Path | None, log: Logger, *, web: WebConfiguration | None = None
) -> None:
    for warning in exposure_warnings(configuration, file, web=web, environ=os.environ):
        log.log(logging.WARNING, "secret exposed", explanation=warning)
