"""The role of an ECS instance, with the metadata service at its own address: in a network namespace of the test's."""

import subprocess
from collections.abc import Callable
from typing import NoReturn

import pytest

from tests.api.credentials.conftest import Run

# The loopback device of the namespace has the metadata service's address; nothing else can be reached from there.
PLAY = """
import subprocess
from exporter.simulator import Account, Fault, Role, Scenario, Simulator
for command in ("link set lo up", "addr add 100.100.100.200/32 dev lo"):
    subprocess.run([{ip!r}, *command.split()], check=True)
account = Account(
    name="base", account_id="10", access_key_id="LTAI5tBase", access_key_secret="base-secret", ram_user="exporter",
    roles=(Role("first", trusted=("ecs.aliyuncs.com",)), Role("second", trusted=("ecs.aliyuncs.com",))),
)
def simulate():
    return Simulator(Scenario("", (account,)), host="100.100.100.200", port=80)
"""

RunOnInstance = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_on_instance(run: Run, tool: Callable[[str], str], unavailable: Callable[[str], NoReturn]) -> RunOnInstance:
    """Runs a program in a network namespace where it finds `simulate`."""
    unshare, ip = tool("unshare"), tool("ip")
    done = subprocess.run(  # noqa: S603 — the machine's own tool
        [unshare, "-rn", "true"], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        unavailable(f"network namespaces cannot be had here: {done.stderr.strip()}")

    def start(program: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        given = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false", **variables}
        return run(PLAY.format(ip=ip) + program, before=(unshare, "-rn"), **given)

    return start


def test_the_instances_role(run_on_instance: RunOnInstance) -> None:
    """The metadata service tells the role's name where none is given, and when the credentials end."""
    done = run_on_instance(
        """
with simulate() as simulator:
    for source in (instance_role(), instance_role("second", disable_imds_v1=True), default_chain()):
        ask(source)
    for token in simulator.issued_tokens():
        key = token.key
        print(key.access_key_id, key.access_key_secret, key.security_token, float(int(key.expires_at)))
    print(*(token.caller.session.role for token in simulator.issued_tokens()))
"""
    )

    lines = done.stdout.splitlines()
    assert (lines[:3], lines[6:], done.stderr) == (lines[3:6], ["first second first"], "")


def test_why_an_instance_gives_nothing(run_on_instance: RunOnInstance) -> None:
    """No such role, an answer without sense, no server, or forbidden by the environment; no secret is shown."""
    program = """
import logging
logging.basicConfig(level=logging.DEBUG)
with simulate() as simulator:
    ask(instance_role("third"))
    simulator.set_fault("base", Fault("error", status=403, code="Planted", message="planted", action="EcsMetadata"))
    ask(instance_role("first", disable_imds_v1=True))
ask(instance_role("first"))
"""
    done = run_on_instance(program, DEBUG="sdk")
    forbidden = run_on_instance('ask(instance_role("first"))', ALIBABA_CLOUD_ECS_METADATA_DISABLED="true")

    words = "the metadata service of the ECS instance: "
    remedy = "; see that the exporter runs on an instance that has a RAM role, and check role_name"
    assert done.stdout.splitlines() == [
        f"{words}{reason}{remedy}"
        for reason in ("HTTP 404", "HTTP 403", "cannot reach 100.100.100.200:80: Connection refused")
    ]
    assert forbidden.stdout == f"{words}ALIBABA_CLOUD_ECS_METADATA_DISABLED=true forbids it{remedy}\n"
    assert done.stderr + forbidden.stderr == ""


def test_no_thread_is_left(run_on_instance: RunOnInstance) -> None:
    """The library's schedulers, of which each object of it would start one for good, are kept out."""
    done = run_on_instance(
        """
import json
file = Path.home() / "config.json"
file.write_text(json.dumps({"profiles": [{"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "first"}]}))
for ask_library in (instance_role("first"), profile("ecs", file), default_chain()):
    for _ in range(3):
        try:
            ask_library(anew=True)
        except CredentialsUnavailable as error:
            print("none")
print(threading.enumerate() == [threading.main_thread()])
"""
    )

    assert (done.stdout.splitlines(), done.stderr) == (["none"] * 9 + ["True"], "")
