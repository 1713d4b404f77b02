"""Makes the calls of the rehearsal with aliyun-python-sdk-core and the packages of its products.

Runs in an environment of its own, with a server's address as its argument; session.py says what it reads and prints.
"""

import importlib
import json
import sys
from typing import Any, Final
from urllib.parse import urlsplit

from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

_PACKAGES: Final = {
    "2018-01-15": "aliyunsdkdcdn.request.v20180115",
    "2018-05-10": "aliyunsdkcdn.request.v20180510",
    "2015-04-01": "aliyunsdksts.request.v20150401",
    "2017-12-14": "aliyunsdkbssopenapi.request.v20171214",
}
"""By version; resource directories have no package of this age."""


def outcome(address: str, call: dict[str, Any]) -> dict[str, Any]:
    server = urlsplit(address)
    access_key_id, secret, *token = call["key"]
    credential = (StsTokenCredential if token else AccessKeyCredential)(access_key_id, secret, *token)
    client = AcsClient(region_id="cn-hangzhou", credential=credential, port=server.port, auto_retry=False)
    request = _request(call)
    request.set_protocol_type("http")
    request.set_endpoint(server.hostname)
    request.set_method(call["method"])
    add = request.add_body_params if call["place"] == "body" else request.add_query_param
    for name, value in call["parameters"].items():
        for number, item in enumerate(value if isinstance(value, list) else (), start=1):
            for key, part in item.items():
                add(f"{name}.{number}.{key}", part)
        if not isinstance(value, list):
            add(name, value)
    try:
        if call.get("format") == "XML":
            request.set_accept_format("XML")
            return {"text": client.do_action(request).decode()}
        return {"answer": json.loads(client.do_action_with_exception(request))}
    except ServerException as error:
        return {
            "error": {
                "type": type(error).__name__,
                "code": error.get_error_code(),
                "message": error.get_error_msg(),
                "status": error.get_http_status(),
                "request_id": error.get_request_id(),
            }
        }
    except ClientException as error:
        return {
            "error": {"type": type(error).__name__, "code": error.get_error_code(), "message": error.get_error_msg()}
        }


def _request(call: dict[str, Any]) -> Any:
    """The product's own request, or one of any action where its package has none."""
    action, version = call["action"], call["version"]
    try:
        return getattr(importlib.import_module(f"{_PACKAGES[version]}.{action}Request"), f"{action}Request")()
    except (KeyError, ModuleNotFoundError):
        return CommonRequest(version=version, action_name=action)


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(sys.argv[1], json.loads(line))) + "\n")
        sys.stdout.flush()
