"""The exchange of an OIDC token as in production: encrypted."""

import ssl
from collections.abc import Callable
from pathlib import Path

import trustme

from exporter.simulator import Simulator, role_arn
from tests.api.credentials.conftest import Run, oidc_token


def test_an_oidc_token_is_exchanged_over_tls(run: Run, simulate: Callable[..., Simulator], tmp_path: Path) -> None:
    """With a server whose authority SSL_CERT_FILE names; else the failure says that the certificate is refused."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    simulator = simulate(ssl_context=context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "token").write_text(oidc_token(), encoding="ascii")
    program = f"""ask(oidc_role(
        role_arn={role_arn("10", "reader")!r}, provider_arn="acs:ram::10:oidc-provider/cluster",
        token_file=Path({str(tmp_path / "token")!r}), sts_endpoint={simulator.url!r},
    ))"""

    trusting = run(program, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
    distrusting = run(program)

    [token] = simulator.issued_tokens()
    assert trusting.stdout.startswith(f"{token.key.access_key_id} {token.key.access_key_secret} ")
    there = f"127.0.0.1:{simulator.port}"
    refusal = f"cannot reach {there}: the certificate of {there} was not accepted: "
    assert distrusting.stdout.startswith(f"the exchange of the OIDC token: {refusal}")
    assert trusting.stderr + distrusting.stderr == ""
