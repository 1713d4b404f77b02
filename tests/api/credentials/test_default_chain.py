"""The vendor's default chain, in processes of its own: the library reads its environment when it is loaded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.simulator import Simulator, role_arn
from tests.api.credentials.conftest import Run, oidc_token

Simulate = Callable[..., Simulator]
CHAIN = "ask(default_chain())"


def test_the_library_is_loaded_when_it_is_asked(run: Run) -> None:
    """Who uses other credentials pays nothing for it."""
    done = run('default_chain(); print("alibabacloud_credentials" in sys.modules)')

    assert (done.stdout, done.stderr) == ("False\n", "")


def test_keys_from_the_environment(run: Run) -> None:
    """Long-term keys in the environment are found."""
    done = run(CHAIN, ALIBABA_CLOUD_ACCESS_KEY_ID="LTAI5tEnv", ALIBABA_CLOUD_ACCESS_KEY_SECRET="env-secret")

    assert (done.stdout, done.stderr, done.returncode) == ("LTAI5tEnv env-secret None None\n", "", 0)


def test_a_token_from_the_environment(run: Run) -> None:
    """Temporary keys come with their token."""
    done = run(
        CHAIN,
        ALIBABA_CLOUD_ACCESS_KEY_ID="STS.Env",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="env-secret",
        ALIBABA_CLOUD_SECURITY_TOKEN="env-token",
    )

    assert (done.stdout, done.stderr, done.returncode) == ("STS.Env env-secret env-token None\n", "", 0)


def test_no_credentials_at_all(run: Run) -> None:
    """Where there is nothing, the error says what each source lacks and what to set, and the library is not heard."""
    done = run(CHAIN)

    assert done.stdout == (
        "the default credential chain: no credentials found (the environment: ALIBABA_CLOUD_ACCESS_KEY_ID is "
        "not set; ~/.aliyun/config.json: there is no such file; ~/.alibabacloud/credentials.ini: there is no such "
        "file, or no such section in it); set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or "
        "another source of the chain\n"
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_chain_is_the_vendors(run: Run) -> None:
    """Our links are of the types of the library's own chain, in its order, with all that the environment can add."""
    done = run(
        """
import alibabacloud_credentials.provider as library
from exporter.api.credentials.sdk import _links
theirs = vars(library.default.DefaultCredentialsProvider())["_DefaultCredentialsProvider__providers_chain"]
print([type(provider).__name__ for provider in theirs])
print([type(build()).__name__ for _, build in _links(library, None)])
""",
        ALIBABA_CLOUD_ECS_METADATA_DISABLED="false",
        ALIBABA_CLOUD_ROLE_ARN="acs:ram::1:role/x",
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::1:oidc-provider/x",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE="token",
        ALIBABA_CLOUD_CREDENTIALS_URI="http://127.0.0.1:1/",
    )

    theirs, ours = done.stdout.splitlines()
    assert (theirs, theirs.count(","), done.stderr) == (ours, 5, "")


def test_oidc_in_the_chain(run: Run, simulate: Simulate, tmp_path: Path) -> None:
    """An override of the STS endpoint reaches the chain's exchange, and the end of what it gives is known."""
    simulator = simulate()
    (tmp_path / "token").write_text(oidc_token(), encoding="ascii")
    done = run(
        f"ask(default_chain(sts_endpoint={simulator.url!r}))",
        ALIBABA_CLOUD_ROLE_ARN=role_arn("10", "reader"),
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::10:oidc-provider/cluster",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE=str(tmp_path / "token"),
    )

    [token] = simulator.issued_tokens()
    assert done.stdout.startswith(f"{token.key.access_key_id} {token.key.access_key_secret} ")
    assert float(done.stdout.split()[-1]) > 0
    assert token.caller.session is not None
    assert token.caller.session.name == "dcdn-exporter"


@pytest.mark.parametrize("named", [False, True])
def test_the_ini_file_is_read_again_when_it_changes(run: Run, tmp_path: Path, *, named: bool) -> None:
    """A key that is exchanged there counts from the next question on, wherever the file is."""
    file = tmp_path / ("keys.ini" if named else ".alibabacloud/credentials.ini")
    file.parent.mkdir(exist_ok=True)
    done = run(
        f"""
file, ask = Path({str(file)!r}), default_chain()
for key in ("LTAI5tFirst", "LTAI5tSecond.longer"):
    file.write_text(f"[default]\\ntype = access_key\\naccess_key_id = {{key}}\\naccess_key_secret = made-up\\n")
    print(ask(anew=False).access_key_id)
""",
        **({"ALIBABA_CLOUD_CREDENTIALS_FILE": str(file)} if named else {}),
    )

    assert (done.stdout, done.stderr) == ("LTAI5tFirst\nLTAI5tSecond.longer\n", "")


def test_what_stands_in_for_oidc_is_not_kept(run: Run, simulate: Simulate, tmp_path: Path) -> None:
    """Credentials of a later source serve while the exchange fails, and those of OIDC as soon as it does not."""
    simulator = simulate()
    (tmp_path / "config.ini").write_text(
        "[default]\ntype = access_key\naccess_key_id = LTAI5tOther\naccess_key_secret = made-up\n"
    )
    done = run(
        f"""
ask = default_chain(sts_endpoint={simulator.url!r})
print(ask(anew=False).access_key_id)
Path({str(tmp_path / "token")!r}).write_text({oidc_token()!r})
print(ask(anew=False).access_key_id)
""",
        ALIBABA_CLOUD_CREDENTIALS_FILE=str(tmp_path / "config.ini"),
        ALIBABA_CLOUD_ROLE_ARN=role_arn("10", "reader"),
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN="acs:ram::10:oidc-provider/cluster",
        ALIBABA_CLOUD_OIDC_TOKEN_FILE=str(tmp_path / "token"),
    )

    [token] = simulator.issued_tokens()
    assert (done.stdout, done.stderr) == (f"LTAI5tOther\n{token.key.access_key_id}\n", "")
