"""On an instance: the exporter watches accounts of every kind of credentials until all of them are answered.

Arguments: a folder, the path of ``ip``, how many accounts of each kind, how many members of directories. Prints a
page of metrics, the ends of the credentials that were handed out, and what the process took.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import trustme

from exporter.core.pool import threads_for
from tests.end_to_end.every_kind import Population
from tests.end_to_end.exporter_process import Exporter
from tests.end_to_end.instance import become_instance, metadata_service
from tests.only_read import only_read
from tests.waiting import PATIENCE_S, wait_until

PORT = 8443  # nobody else is in the namespace
WORKERS = 16  # few enough for twenty accounts to keep all of them busy
# The pool; the scheduler, its two threads, its clock; the server and its four; the inventory; the main one; the log.
THREADS_AT_REST = threads_for(WORKERS) + 4 + 5 + 1 + 1 + 1
_UNFINISHED = re.compile(r'^dcdn_poll_success\{.*\} 0|^dcdn_account_info\{.*account_id=""', re.MULTILINE)


class Usage:
    """What a process took, as far as it was looked at."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.peak_threads = 0

    def look(self) -> dict[str, int]:
        """Threads now and at most, the memory at most in KiB."""
        said = dict(re.findall(r"^(Threads|VmHWM):\s+(\d+)", self._status.read_text(encoding="ascii"), re.MULTILINE))
        threads = int(said["Threads"])
        self.peak_threads = max(self.peak_threads, threads)
        return {"threads": threads, "peak_threads": self.peak_threads, "peak_rss_kib": int(said["VmHWM"])}


def start(population: Population, folder: Path, *, url: str, bundle: str) -> Exporter:
    """The daemon, which has nothing from the vendor's own addresses and trusts the authority of the bundle."""
    configuration = population.configuration | {
        "poll": {"interval": "10m", "timeout": "30s", "stale_after": "1h", "max_workers": WORKERS},
        "endpoints": dict.fromkeys(("dcdn", "cdn", "sts", "resource_directory"), url),
    }
    file = folder / "exporter.yaml"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
        **population.environ,
    }
    arguments = ("serve", "--config.file", str(file), "--web.listen-address", "127.0.0.1:0", "--log.format", "json")
    return Exporter(arguments, folder=folder, environ=environ)


def finished_page(exporter: Exporter) -> str | None:
    """The page, once nothing on it is still to come."""
    page = exporter.get("/metrics")[2].decode()
    return None if _UNFINISHED.search(page) else page


def play(population: Population, folder: Path) -> dict[str, Any]:
    """Watch them all until every probe has an answer and every account its id."""
    authority = trustme.CA()
    bundle = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with ExitStack() as running:
        simulator = running.enter_context(only_read(population.scenario, port=PORT, ssl_context=tls))
        running.enter_context(metadata_service(simulator))
        exporter = start(population, folder, url=simulator.url, bundle=str(bundle))
        running.callback(exporter.end)
        usage = Usage(exporter.pid)

        def ready() -> bool:
            usage.look()
            return exporter.status("/-/ready") == 200

        wait_until("every probe has been polled", ready, within_s=2 * PATIENCE_S)
        page = wait_until("every account is known and answered", lambda: finished_page(exporter))
        # The vendor's library has a thread for each question; what is left when those have ended is left for good.
        wait_until("threads end", lambda: usage.look()["threads"] <= THREADS_AT_REST)
        took = usage.look()
        issued = [(token.caller.account.name, token.key.expires_at) for token in simulator.issued_tokens()]
        assert exporter.stop() == 0
    return {"page": page, "issued": issued, **took}


def main(folder: Path, ip: str, of_each_kind: str, members: str) -> None:
    become_instance(ip)
    population = Population(
        of_each_kind=int(of_each_kind), members=int(members), folder=folder, url=f"https://127.0.0.1:{PORT}"
    )
    json.dump(play(population, folder), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
