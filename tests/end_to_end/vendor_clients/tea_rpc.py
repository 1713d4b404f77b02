"""Makes the calls of the rehearsal with alibabacloud-tea-rpc, whose sibling Terraform's provider uses.

Runs in an environment of its own, with a server's address as its argument; session.py says what it reads and prints.
"""

import json
import sys
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_tea_rpc.client import Client
from alibabacloud_tea_rpc.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException


def outcome(address: str, call: dict[str, Any]) -> dict[str, Any]:
    access_key_id, secret, *token = call["key"]
    client = Client(Config(access_key_id=access_key_id, access_key_secret=secret, security_token="".join(token)))
    client._endpoint = urlsplit(address).netloc
    in_body = call["place"] == "body"
    try:
        answer = client.do_request(
            call["action"],
            "HTTP",
            call["method"],
            call["version"],
            "Anonymous" if call.get("anonymous") else "AK",
            {} if in_body else call["parameters"],
            call["parameters"] if in_body else None,
            RuntimeOptions(),
        )
    except TeaException as error:
        data = error.data
        return {
            "error": {
                "type": type(error).__name__,
                "code": error.code,
                "message": data["Message"],
                "status": int(error.message.removeprefix("code: ").partition(",")[0]),
                "request_id": data["RequestId"],
                "access_denied_detail": data.get("AccessDeniedDetail"),
            }
        }
    return {"answer": answer}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(sys.argv[1], json.loads(line))) + "\n")
        sys.stdout.flush()
