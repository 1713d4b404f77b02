"""The daemon behind a web configuration file, with a real Prometheus and a real TLS client outside."""

from __future__ import annotations

import base64
import itertools
import re
import ssl
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest
import trustme
import yaml

from tests.end_to_end.test_prometheus import JOB, every_second
from tests.prometheus import prometheus, query
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.conftest import Configure, Eventually, MakeAccount, Serve, Simulate

PASSWORD = "correct horse battery staple"
DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "web.md").read_text(encoding="utf-8")


def documented_job() -> dict[str, Any]:
    """What the documents have people write for Prometheus, but for the name of the job and its targets."""
    found = re.search(r"^```yaml\n(scrape_configs:.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None
    (job,) = yaml.safe_load(found[1])["scrape_configs"]
    return {key: value for key, value in job.items() if key not in {"job_name", "static_configs"}}


def documented_hash(password: str) -> str:
    """What the command of the documents prints for a password; without a terminal it reads it from its input."""
    found = re.search(r"/bin/python -c '(import bcrypt.*?)'$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None
    command = [sys.executable, "-W", "ignore", "-c", found[1]]
    printed = subprocess.run(  # noqa: S603 — our own interpreter
        command, input=f"{password}\n", stdout=subprocess.PIPE, text=True, start_new_session=True, check=True
    )
    return printed.stdout.strip()


def put_certificate(authority: trustme.CA, folder: Path, name: str, *identities: str) -> None:
    """A certificate and its key, as NAME.crt and NAME.key."""
    certificate = authority.issue_cert(*identities)
    certificate.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))
    certificate.private_key_pem.write_to_path(str(folder / f"{name}.key"))


def test_prometheus_at_the_front_door(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    *,
    eventually: Eventually,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Prometheus scrapes as the documents say, with password and certificate; others are refused; renewals served."""
    program, openssl = tool("prometheus"), tool("openssl")
    authority = trustme.CA()
    theirs = tmp_path / "dcdn-exporter"
    theirs.mkdir()
    for folder in (tmp_path, theirs):
        authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    put_certificate(authority, tmp_path, "server", "127.0.0.1", "dcdn-exporter")
    put_certificate(authority, theirs, "client", "prometheus.example")
    (theirs / "password").write_text(PASSWORD)
    hashed = documented_hash(PASSWORD)
    (tmp_path / "web.yaml").write_text(
        "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n"
        "  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [prometheus.example]\n"
        f"basic_auth_users:\n  prometheus: {hashed}\n"
    )
    account = make_account("prod")
    exporter = serve(configure(simulate(account).url, account), "--web.config.file", str(tmp_path / "web.yaml"))

    def context(*, shows_certificate: bool = True) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        if shows_certificate:
            made.load_cert_chain(theirs / "client.crt", theirs / "client.key")
        return made

    def answer(password: str, tls: ssl.SSLContext) -> tuple[int | None, bytes]:
        """The status, or None where there was no answer, and the certificate of the server."""
        login = base64.b64encode(f"prometheus:{password}".encode()).decode()
        with closing(HTTPSConnection(exporter.address, timeout=20, context=tls)) as connection:
            try:
                connection.request("GET", "/metrics", headers={"Authorization": f"Basic {login}"})
                certificate = connection.sock.getpeercert(binary_form=True) or b""
                return connection.getresponse().status, certificate
            except OSError:
                return None, b""

    status, first = answer(PASSWORD, context())
    assert status == 200
    assert answer("wrong", context())[0] == 401
    assert answer(PASSWORD, context(shows_certificate=False))[0] is None
    old = [openssl, "s_client", "-connect", exporter.address, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]
    refused = subprocess.run(old, input=b"", capture_output=True, timeout=20, check=False)  # noqa: S603 — a tool
    assert b"no peer certificate available" in refused.stdout

    with prometheus(program, tmp_path, every_second(exporter.address, **documented_job())) as address:
        eventually("two scrapes", lambda: query(address, f'count_over_time(up{{job="{JOB}"}}[1m]) >= 2'))
        put_certificate(authority, tmp_path, "server", "127.0.0.1", "dcdn-exporter")
        eventually("the renewed certificate is served", lambda: answer(PASSWORD, context())[1] not in (first, b""))
        eventually("two more", lambda: query(address, f'count_over_time(up{{job="{JOB}"}}[1m]) >= 4'))
        assert query(address, "min_over_time(up[1m])")[0]["value"][1] == "1"
    assert PASSWORD not in exporter.stderr
    assert exporter.log("web configuration reloaded")
    assert exporter.stop() == 0


@pytest.mark.rehearsal
@pytest.mark.parametrize("addresses", [1, 8], ids=["at its own address", "at eight others"])
@pytest.mark.parametrize("names", [1, 50], ids=["of its own name", "of fifty names"])
def test_a_right_password_comes_in_beside_guesses(
    make_account: MakeAccount,
    simulate: Simulate,
    configure: Configure,
    serve: Serve,
    eventually: Eventually,
    *,
    addresses: int,
    names: int,
    tmp_path: Path,
) -> None:
    """The first time it is sent, before twenty more guesses are answered, while eight guess as fast as they can."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10))
    (tmp_path / "web.yaml").write_text(f"basic_auth_users:\n  prometheus: {hashed.decode()}\n")
    account = make_account("prod")
    exporter = serve(configure(simulate(account).url, account), "--web.config.file", str(tmp_path / "web.yaml"))
    host, _, port = exporter.address.partition(":")
    stop = threading.Event()
    answered = Counter[int]()

    def login(user: str, password: str, address: str) -> int:
        authorization = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        with closing(HTTPConnection(host, int(port), timeout=PATIENCE_S, source_address=(address, 0))) as connection:
            connection.request("GET", "/metrics", headers={"Authorization": authorization})
            return connection.getresponse().status

    def guess(guesser: int) -> set[int]:
        address = "127.0.0.1" if addresses == 1 else f"127.0.1.{guesser + 1}"
        seen = set()
        for number in itertools.count():
            user = "prometheus" if names == 1 else f"user-{(guesser + number) % names}"
            seen.add(login(user, f"guess {number} of {guesser}", address))
            answered[guesser] += 1
            if stop.is_set():
                return seen
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        guessers = [pool.submit(guess, guesser) for guesser in range(8)]
        try:
            eventually("all guess", lambda: len(answered) == len(guessers))
            before = answered.total()
            status = login("prometheus", PASSWORD, "127.0.0.1")
            meanwhile = answered.total() - before
        finally:
            stop.set()
        assert [guesser.result() for guesser in guessers] == [{401}] * 8

    assert status == 200
    assert meanwhile < 20
