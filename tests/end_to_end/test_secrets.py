"""Secrets, looked for in everything that leaves the process."""

from __future__ import annotations

import base64
import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from exporter.app import VOCABULARY
from exporter.app.daemon import Daemon, WebOptions
from exporter.config import parse
from exporter.simulator import FAULT_KINDS, Account
from tests.end_to_end.every_fault import FAULTS, ON_REUSE
from tests.end_to_end.leaks import SECRET, TOKEN, everything_said, leaked, secrets_of
from tests.end_to_end.wiretap import wiretap
from tests.recording_log import RecordingLog

if TYPE_CHECKING:
    from exporter.simulator import Fault
    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate


@pytest.fixture
def make_secretive(make_account: MakeAccount) -> MakeAccount:
    """Makes accounts with temporary credentials of their own."""

    def make(name: str, **parts: Any) -> Account:
        number = f"{name}-of-the-test"
        return make_account(
            name, **{"access_key_secret": SECRET.format(number), "security_token": TOKEN.format(number), **parts}
        )

    return make


def test_the_search_finds_a_secret_in_any_writing() -> None:
    """The search below finds a secret within longer texts, plain, encoded, cut into lines or in another case."""
    secret = SECRET.format("search")
    hidden = [
        f"x{secret}x",
        f"x{secret.upper()}x",
        quote(secret, safe=""),
        secret[:9] + "\n  " + secret[9:],
        json.dumps(secret),
        *(base64.b64encode(b"abc"[:length] + secret.encode() + b"d").decode() for length in range(3)),
    ]
    assert [bool(leaked([secret], {"a text": text})) for text in hidden] == [True] * len(hidden)
    assert leaked([secret], {"a text": SECRET.format("other")}) == []


def test_every_kind_of_fault_is_tried() -> None:
    """No kind of fault that the simulator plays is left out of the test below."""
    assert {fault.kind for fault in (FAULTS | ON_REUSE).values()} == set(FAULT_KINDS)


@pytest.mark.parametrize("faults", [pytest.param(FAULTS, id="all-at-once"), pytest.param(ON_REUSE, id="on-reuse")])
def test_no_fault_brings_a_secret_out(
    make_secretive: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    faults: dict[str, Fault],
) -> None:
    """Whatever the API answers, be it our own request, no page and no log at debug level repeats a secret of ours."""
    faulty = [make_secretive(name) for name in faults]
    misled = [make_secretive(name) for name in ("wrong_secret", "wrong_token", "no_token", "unknown_key")]
    wrong = [
        dataclasses.replace(misled[0], access_key_secret=SECRET.format("wrong")),
        dataclasses.replace(misled[1], security_token=TOKEN.format("wrong")),
        dataclasses.replace(misled[2], security_token=None),
        dataclasses.replace(misled[3], access_key_id="LTAI5tUnknown"),
    ]
    simulator = simulate(*faulty, *misled)
    for name, fault in faults.items():
        simulator.set_fault(name, fault)
    with wiretap(simulator.port) as wire:
        configuration = configure(wire.url, *faulty, *wrong)
        for entry in configuration["accounts"]:
            del entry["account_id"]  # so that the question who we are meets the same
        exporter = serve(configuration, "--log.level", "debug")
        eventually(
            "every account was polled twice",
            lambda: min(exporter.scrape().by("account", "dcdn_polls_total").values()) >= 2,
        )
        kinds = {fault.kind for fault in faults.values()}
        eventually("every fault struck", lambda: kinds <= {entry.fault for entry in simulator.journal.entries()})
        said = everything_said(exporter)
        secrets = [*secrets_of(faulty), *secrets_of(wrong), *wire.signatures]
        overheard = "".join(request.decode() for request in wire.heard)

    # There was something to find.
    refused = {entry.code for entry in simulator.journal.entries() if entry.fault is None}
    assert {"SignatureDoesNotMatch", "InvalidAccessKeyId.NotFound", "InvalidSecurityToken.Malformed"} <= refused
    assert len(wire.signatures) > len(faults)
    assert all(account.security_token in overheard for account in faulty if account.security_token)
    assert {line["level"] for line in exporter.log()} >= {"debug", "warning"}
    assert leaked(secrets, said) == []


@pytest.mark.parametrize(
    ("clock_ahead_s", "twice", "code"),
    [
        pytest.param(3600, False, "InvalidTimeStamp.Expired", id="wrong-date"),
        pytest.param(0, True, "SignatureNonceUsed", id="reused-nonce"),
    ],
)
def test_no_refused_request_brings_a_secret_out(
    make_secretive: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    clock_ahead_s: float,
    twice: bool,
    code: str,
) -> None:
    """A request that is refused for its date or its nonce is a failure of authentication, and none of it is shown."""
    account = make_secretive("refused")
    simulator = simulate(account, wall_clock=lambda: time.time() + clock_ahead_s)
    with wiretap(simulator.port, twice=twice) as wire:
        exporter = serve(configure(wire.url, account), "--log.level", "debug")
        failures = {"account": "refused", "reason": "auth"}
        eventually("two refusals", lambda: exporter.scrape().value("dcdn_poll_failures_total", **failures) >= 2)
        skew_s = exporter.scrape().value("dcdn_exporter_clock_skew_seconds")
        said = everything_said(exporter)
        assert leaked([*secrets_of([account]), *wire.signatures], said) == []
    assert code in {entry.code for entry in simulator.journal.entries()}
    assert exporter.log("poll failed")[0]["explanation"].startswith(code)
    assert skew_s == pytest.approx(clock_ahead_s, abs=5)


def test_objects_in_memory_do_not_print_secrets(make_secretive: MakeAccount, configure: Configure) -> None:
    """What a debugger or a traceback prints of the configuration and the daemon holds no secret."""
    account = make_secretive("objects")
    text = json.dumps(configure("http://127.0.0.1:9", account))
    configuration = parse(text, source="a test", vocabulary=VOCABULARY)
    web = WebOptions(listen_address="127.0.0.1:0")
    daemon = Daemon(configuration, load=lambda: configuration, web=web, environ={}, log=RecordingLog())
    printed = {
        "repr of the configuration": repr(configuration),
        "str of the configuration": str(configuration),
        "a dump of the configuration": str(configuration.model_dump()),
        "JSON of the configuration": configuration.model_dump_json(),
        "repr of the daemon": repr(daemon),
        "the parts of the daemon": repr(vars(daemon)),
    }
    assert leaked(secrets_of([account]), printed) == []
