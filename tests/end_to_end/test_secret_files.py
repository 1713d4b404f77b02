"""Secrets in places where they cannot be read, or do not belong."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from typing import TYPE_CHECKING

from exporter.simulator import Account
from tests.end_to_end.leaks import SECRET, everything_said, leaked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Command, Configure, Eventually, MakeAccount, Serve, Simulate

SPOILT: dict[str, str | None] = {
    "a-space": f"{SECRET} and more",
    "a-header": f"{SECRET}\nX-Injected: {SECRET}",
    "no-ascii": f"{SECRET}é",
    "empty": "",
    "gone": None,
}


def test_a_secret_file_that_turns_bad_stays_unsaid(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    """A secret file spoilt under the daemon fails its account, for want of credentials and in words without any."""
    accounts = [make_account(name, access_key_secret=SECRET) for name in SPOILT]
    simulator = simulate(*accounts)
    configuration = configure(simulator.url, *accounts)
    for entry in configuration["accounts"]:
        (tmp_path / entry["name"]).write_text(f"{SECRET}\n")
        del entry["credentials"]["access_key_secret"]
        entry["credentials"]["access_key_secret_file"] = entry["name"]
    exporter = serve(configuration, "--log.level", "debug")

    def successes() -> set[float]:
        return set(exporter.scrape().by("account", "dcdn_poll_success").values())

    eventually("every account is answered", lambda: successes() == {1})
    for name, content in SPOILT.items():
        if content is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_text(content, encoding="utf-8")
    eventually("every account fails", lambda: successes() == {0})
    page = exporter.scrape()
    for name in SPOILT:
        (tmp_path / name).write_text(SECRET)
    eventually("every file is read again", lambda: successes() == {1})

    assert leaked([SECRET], everything_said(exporter)) == []
    assert all(page.value("dcdn_poll_failures_total", account=name, reason="auth") for name in SPOILT)
    for name in SPOILT:
        # That a failure names its file is what helps; the schedule and the poller saw no defect.
        events = [line["msg"] for line in exporter.told(account=name)]
        assert events == ["service state learned", "poll failed", "poll recovered"]
        assert str(tmp_path / name) in exporter.log("poll failed", account=name)[0]["explanation"]


MISPLACED: dict[str, dict[str, object]] = {
    "as-a-path": {"access_key_secret_file": SECRET},
    "with-a-space": {"access_key_secret": f"{SECRET} x"},
    "in-a-list": {"access_key_secret": [SECRET]},
    "under-an-unknown-key": {"access_key_secret": SECRET, "security_tokens": SECRET},
    "both-ways": {"access_key_secret": SECRET, "access_key_secret_file": SECRET},
}


def test_a_secret_in_a_bad_configuration_stays_unsaid(configure: Configure, command: Command, tmp_path: Path) -> None:
    """A secret in the wrong place of the file is refused and not repeated, whichever place that is."""
    accounts = [Account(name, str(number), f"LTAI5t{number}", "x") for number, name in enumerate(MISPLACED)]
    configuration = configure("http://127.0.0.1:9", *accounts)
    for account, misplaced in zip(configuration["accounts"], MISPLACED.values(), strict=True):
        del account["credentials"]["access_key_secret"]
        account["credentials"] |= misplaced
    file = tmp_path / "exporter.yaml"
    file.write_text(json.dumps(configuration))
    done = command("check-config", str(file))
    assert done.returncode == 2
    for number, name in enumerate(MISPLACED):
        assert f"accounts[{number}].credentials" in done.stderr, name
    assert leaked([SECRET], {"standard output": done.stdout, "standard error": done.stderr}) == []


def test_a_secret_that_other_users_can_read_is_warned_of(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    command: Command,
    tmp_path: Path,
) -> None:
    """By the daemon at its start and at a reload, and by check-config; it is used all the same."""
    account = make_account("alone", access_key_secret=SECRET)
    configuration = configure(simulate(account).url, account)
    with tempfile.NamedTemporaryFile("w") as file:  # in a folder of everybody's, which tmp_path is not
        file.write(SECRET)
        file.flush()
        os.chmod(file.name, 0o644)  # noqa: PTH101 — it is a name
        credentials = configuration["accounts"][0]["credentials"]
        del credentials["access_key_secret"]
        credentials["access_key_secret_file"] = file.name
        exporter = serve(configuration)
        eventually("it is polled", lambda: exporter.scrape().value("dcdn_poll_success", account="alone") == 1)
        exporter.send(signal.SIGHUP)
        eventually("it has reloaded", lambda: exporter.log("configuration reloaded"))
        checked = command("check-config", str(tmp_path / "exporter.yaml"))

        warning = f"other users can read {file.name} (mode 0644), which holds a secret; "
        warnings = exporter.log("secret exposed", level="warning")
        assert [line["explanation"].startswith(warning) for line in warnings] == [True, True]
        assert (checked.returncode, checked.stderr.startswith(f"warning: {warning}")) == (0, True)
        os.chmod(file.name, 0o600)  # noqa: PTH101
        assert command("check-config", str(tmp_path / "exporter.yaml")).stderr == ""
    assert leaked([SECRET], everything_said(exporter)) == []
