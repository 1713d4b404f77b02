"""Makes the calls of the rehearsal with the vendor's present SDKs for Python, one package a product.

Runs in an environment of its own, with a server's address as its argument; session.py says what it reads and prints.
"""

import importlib
import json
import re
import sys
from typing import Any, Final
from urllib.parse import urlsplit

from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

_PACKAGES: Final = {
    "2018-01-15": "alibabacloud_dcdn20180115",
    "2018-05-10": "alibabacloud_cdn20180510",
    "2015-04-01": "alibabacloud_sts20150401",
    "2017-12-14": "alibabacloud_bssopenapi20171214",
    "2022-04-19": "alibabacloud_resourcedirectorymaster20220419",
}


def outcome(address: str, call: dict[str, Any]) -> dict[str, Any]:
    package = _PACKAGES[call["version"]]
    access_key_id, secret, *token = call["key"]
    client = importlib.import_module(f"{package}.client").Client(
        Config(
            access_key_id=access_key_id,
            access_key_secret=secret,
            security_token="".join(token) or None,
            endpoint=urlsplit(address).netloc,
            protocol="HTTP",
            region_id="cn-hangzhou",
            signature_algorithm="v2" if call["signature"] == "V1" else None,
        )
    )
    try:
        if call["method"] == "POST" and call["place"] == "query" and not call.get("anonymous"):
            return {"answer": _by_its_method(client, package, call)}
        return {"answer": _by_any_method(client, call)}
    except AlibabaCloudException as error:
        return {
            "error": {
                "type": type(error).__name__,
                "code": error.code,
                "message": error.data["Message"],
                "status": error.status_code,
                "request_id": error.request_id,
                "retry_after": getattr(error, "retry_after", None),
                "access_denied_detail": getattr(error, "access_denied_detail", None),
            }
        }


def _by_its_method(client: Any, package: str, call: dict[str, Any]) -> Any:
    """The answer to a call by the product's own method and models."""
    action = call["action"]
    models = importlib.import_module(f"{package}.models")
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower()
    request = getattr(models, f"{action}Request", None)
    made = [] if request is None else [request().from_map(call["parameters"])]
    return getattr(client, f"{words}_with_options")(*made, RuntimeOptions()).body.to_map()


def _by_any_method(client: Any, call: dict[str, Any]) -> Any:
    """The answer to a call as people make those for which there is no method."""
    parameters = Utils.query(call["parameters"])
    params = Params(
        action=call["action"],
        version=call["version"],
        protocol="HTTP",
        pathname="/",
        method=call["method"],
        auth_type="Anonymous" if call.get("anonymous") else "AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = OpenApiRequest(body=parameters) if call["place"] == "body" else OpenApiRequest(query=parameters)
    return client.call_api(params, request, RuntimeOptions())["body"]


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(sys.argv[1], json.loads(line))) + "\n")
        sys.stdout.flush()
