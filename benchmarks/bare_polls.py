"""What a poll costs without an exporter: a requests session, the signature, and the answer read as JSON.

    python -m benchmarks.bare_polls ADDRESS THREADS SECONDS

Each of so many threads calls, one call after the other, and stores what came; the session is shared, keeps a
connection for each thread, and looks for no proxies (which alone would take a quarter of its time). Prints
"done CALLS CPU_SECONDS SECONDS", of the calls alone.
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from datetime import UTC, datetime

import requests
from requests.adapters import HTTPAdapter

from benchmarks.arrivals import POLL
from exporter.api import signing


def _headers(host: str, access_key_id: str) -> dict[str, str]:
    headers = {
        "host": host,
        "accept": "application/json",
        "x-acs-action": POLL,
        "x-acs-version": "2018-01-15",
        "x-acs-date": signing.timestamp(datetime.now(UTC)),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": signing.content_sha256(b""),
    }
    headers["Authorization"] = signing.authorization(
        "POST", "/", query={}, headers=headers, body=b"", access_key_id=access_key_id, access_key_secret="made-up"
    )
    return headers


def main() -> None:
    """Call for so many seconds."""
    address, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))
    answers: dict[str, list[object]] = {f"LTAI5tBare{thread:03}": [] for thread in range(threads)}
    calls = dict.fromkeys(answers, 0)
    until = time.monotonic() + seconds

    def call(access_key_id: str) -> None:
        while time.monotonic() < until:
            response = session.post(f"http://{address}/", headers=_headers(address, access_key_id), timeout=10)
            said = response.json()
            locks = [lock["LockReason"] for lock in said["OperationLocks"]["LockReason"]]
            answers[access_key_id] = [said["InternetChargeType"], said["OpeningTime"], said["InstanceId"], locks]
            calls[access_key_id] += 1

    began, cpu_began_s = time.monotonic(), time.process_time()
    callers = [threading.Thread(target=call, args=(access_key_id,)) for access_key_id in answers]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    cpu_s, took_s = time.process_time() - cpu_began_s, time.monotonic() - began
    sys.stdout.write(f"done {sum(calls.values())} {cpu_s} {took_s}\n")


if __name__ == "__main__":
    main()
