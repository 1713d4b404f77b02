"""How the daemon comes up and goes down, whatever the API does meanwhile."""

from __future__ import annotations

import re
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter import __version__
from exporter.simulator import Fault
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

STOPS = [pytest.param(signal.SIGTERM, id="SIGTERM"), pytest.param(signal.SIGINT, id="SIGINT")]
# What a stop would take that waited: how soon it is over on a quiet machine is for the benchmark `footprint`.
POLL_TIMEOUT_S = 60
LIBRARY_TIMEOUT_S = 10


def test_ready_waits_for_the_first_round_and_healthy_does_not(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """/-/healthy and /metrics answer at once; /-/ready turns 200 once every probe was polled, failed or not."""
    accounts = [make_account(name) for name in ("answered", "slow", "refused")]
    simulator = simulate(*accounts)
    simulator.set_fault("slow", Fault("latency", seconds=3))
    simulator.set_fault("refused", Fault("error", status=403, code="Forbidden.RAM"))
    exporter = serve(configure(simulator.url, *accounts, interval="10m", timeout="10s"))

    assert exporter.status("/-/ready") == 503
    assert exporter.status("/-/healthy") == 200
    assert exporter.scrape().value("dcdn_polls_total", account="slow") == 0

    eventually("the exporter is ready", lambda: exporter.status("/-/ready") == 200)
    page = exporter.scrape()
    assert page.by("account", "dcdn_polls_total") == {"answered": 1, "slow": 1, "refused": 1}
    assert page.by("account", "dcdn_poll_success") == {"answered": 1, "slow": 1, "refused": 0}


def test_an_api_that_is_down_at_the_start_is_found_when_it_comes(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Without a server at the API's port /metrics is served and says so; when the API comes up, the state follows."""
    account = make_account("early")
    with closing(socket.socket()) as reserved:  # bound and never listening: connections to it are refused
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        exporter = serve(configure(f"http://127.0.0.1:{port}", account))
        before = exporter.scrape()
        assert before.value("dcdn_poll_success", account="early") == 0
        assert before.value("dcdn_last_success_timestamp_seconds", account="early") == 0
        assert before.status("early") is None
        eventually(
            "the refused connections are counted",
            lambda: exporter.scrape().value("dcdn_poll_failures_total", account="early", reason="network") >= 2,
        )
        assert exporter.status("/-/ready") == 200

    simulate(account, port=port)
    eventually("the state is shown", lambda: exporter.scrape().status("early") == "active")
    after = exporter.scrape()
    assert after.value("dcdn_poll_success", account="early") == 1
    assert [line["msg"] for line in exporter.told(account="early")] == [
        "poll failed",
        "poll recovered",
        "service state learned",
    ]


@pytest.mark.parametrize("flags", [(), ("--web.documentation-url=https://docs.invalid/",)], ids=["without", "with"])
def test_the_status_page_links_to_the_documentation_where_the_flag_says_it_is(
    make_account: MakeAccount,
    configure: Configure,
    serve: Serve,
    eventually: Eventually,
    flags: tuple[str, ...],
) -> None:
    """And what is wrong to its runbook there; without the flag the page has no link to another host."""
    exporter = serve(configure("http://127.0.0.1:9", make_account("prod")), *flags)
    eventually("the poll has failed", lambda: exporter.status("/-/ready") == 200)
    page = exporter.get("/")[2].decode()

    assert re.findall(r'<a href="(http[^"]*)">Documentation</a>', page) == ["https://docs.invalid/"] * len(flags)
    assert re.findall(r'<a href="(http[^"]*)" title', page) == [
        "https://docs.invalid/runbooks/DcdnPollFailing.md"
    ] * len(flags)
    assert page.count("//") == 2 * len(flags)


@pytest.mark.parametrize("by", STOPS)
@pytest.mark.parametrize("hanging", [pytest.param(1, id="one"), pytest.param(40, id="many")])
def test_a_stop_ends_polls_that_hang(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    hanging: int,
    by: signal.Signals,
) -> None:
    """A signal ends the process with exit code 0, long before the polls would give up."""
    accounts = [make_account(f"hanging-{number}") for number in range(hanging)]
    simulator = simulate(*accounts)
    for account in accounts:
        simulator.set_fault(account.name, Fault("hang"))
    exporter = serve(configure(simulator.url, *accounts, interval="1m", timeout=f"{POLL_TIMEOUT_S}s"))
    assert simulator.journal.wait_for_total(hanging, timeout_s=PATIENCE_S)
    assert exporter.status("/-/healthy") == 200

    began = time.monotonic()
    assert exporter.stop(by) == 0
    assert time.monotonic() - began < POLL_TIMEOUT_S / 2
    # Whatever is on its way when the daemon stops is no failure of the API.
    assert exporter.told(msg="poll failed") == []
    assert [line["msg"] for line in exporter.told()] == ["listening", "stopping"]


def test_the_start_says_what_runs_with_what(make_account: MakeAccount, configure: Configure, serve: Serve) -> None:
    """One line has all that a person looks for first; limits are those of the process."""
    configuration = configure("http://127.0.0.1:9", make_account("prod"), make_account("shop"))
    exporter = serve(configuration, through=("prlimit", "--nofile=1000:1000"))
    assert exporter.address
    (line,) = exporter.log("listening")
    assert exporter.stop() == 0

    assert Path(line.pop("config_file")).is_file()
    threads = line.pop("threads")
    assert threads == "unlimited" or threads > 0
    assert line == {
        "level": "info",
        "msg": "listening",
        "time": line["time"],
        "address": exporter.address,
        "version": __version__,
        "accounts": 2,
        "probes": 2,
        "directories": 0,
        "shard": "0/1",
        "tls": "off",
        "authentication": "none",
        "files": 1000,
    }


@pytest.mark.parametrize("by", STOPS)
def test_a_stop_ends_the_wait_for_credentials(
    configure: Configure, serve: Serve, make_account: MakeAccount, by: signal.Signals
) -> None:
    """A default credential chain that waits for a silent server holds up neither /metrics nor the end."""
    configuration = configure("http://127.0.0.1:9", make_account("chain"), interval="1m", timeout="1m")
    configuration["accounts"][0]["credentials"] = {"type": "default"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE_S)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/credentials"
        exporter = serve(configuration, ALIBABA_CLOUD_CREDENTIALS_URI=url)
        waiting, _ = silent.accept()
        with waiting:
            assert exporter.scrape().value("dcdn_poll_success", account="chain") == 0
            began = time.monotonic()
            assert exporter.stop(by) == 0
            assert time.monotonic() - began < LIBRARY_TIMEOUT_S
    assert [line["msg"] for line in exporter.told()] == ["listening", "stopping"]


def test_the_default_chain_finds_keys_in_the_environment(
    make_account: MakeAccount, simulate: Simulate, configure: Configure, serve: Serve, eventually: Eventually
) -> None:
    """Without credentials in the file, those of the environment sign the calls and lead to the account's id."""
    account = make_account("default", access_key_id="STS.EndToEnd", security_token="token/of+the==environment")
    simulator = simulate(account)
    configuration = configure(simulator.url, account)
    del configuration["accounts"][0]["credentials"], configuration["accounts"][0]["account_id"]
    exporter = serve(
        configuration,
        ALIBABA_CLOUD_ACCESS_KEY_ID=account.access_key_id,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET=account.access_key_secret,
        ALIBABA_CLOUD_SECURITY_TOKEN=account.security_token or "",
    )
    eventually("the state is shown", lambda: exporter.scrape().status("default") == "active")
    eventually(
        "the account's id is shown",
        lambda: exporter.scrape().find("dcdn_account_info", account="default", account_id=account.account_id),
    )
