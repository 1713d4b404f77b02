"""The official clients that the simulator has to serve, old and new, as they are published."""

from __future__ import annotations

from tests.end_to_end.vendor_clients.session import Form, VendorClient

_DCDN, _CDN = "2018-01-15", "2018-05-10"
_FIRST_SERVER_ERROR = 500
_OLDER_FORMS = (Form("V1", "GET", "query"), Form("V1", "POST", "query"), Form("V1", "POST", "body"))
_FORMS = (
    *(Form("V3", method, place) for method, place in (("POST", "query"), ("GET", "query"), ("POST", "body"))),
    *_OLDER_FORMS,
)


def _of_python(_code: str, status: int, _version: str, retry_ms: int | None) -> str:
    if retry_ms is not None:
        return "ThrottlingException"
    return "ServerException" if status >= _FIRST_SERVER_ERROR else "ClientException"


def _of_node(code: str, status: int, version: str, _retry_ms: int | None) -> str:
    if version == _DCDN:
        return "Error"
    if "Throttling" in code:
        return "ThrottlingError"
    return "ServerError" if status >= _FIRST_SERVER_ERROR else "ClientError"


CLIENTS = (
    VendorClient(
        "aliyun-python-sdk-core",
        "aliyun_python_sdk.py",
        (
            "aliyun-python-sdk-core==2.16.1",
            "aliyun-python-sdk-bssopenapi==2.0.3",
            "aliyun-python-sdk-cdn==3.8.8",
            "aliyun-python-sdk-dcdn==2.2.19",
            "aliyun-python-sdk-sts==3.1.3",
        ),
        _OLDER_FORMS,
        lambda *_: "ServerException",
        anonymous=False,
        xml=True,
    ),
    VendorClient(
        "alibabacloud-tea-rpc",
        "tea_rpc.py",
        ("alibabacloud-tea-rpc==0.1.0",),
        _OLDER_FORMS,
        lambda *_: "TeaException",
        access_denied_detail=True,
    ),
    VendorClient(
        "@alicloud/pop-core",
        "pop_core.js",
        ("@alicloud/pop-core@1.8.0",),
        (Form("V1", "GET", "query"), Form("V1", "POST", "body")),  # it has no other
        lambda code, *_: f"{code}Error",
        retry_after=frozenset({_DCDN, _CDN}),
        access_denied_detail=True,
        anonymous=False,
    ),
    VendorClient(
        "the SDKs for Python",
        "alibabacloud.py",
        (
            "alibabacloud_tea_openapi==0.4.6",
            "alibabacloud_bssopenapi20171214==5.1.2",
            "alibabacloud_cdn20180510==9.2.0",
            "alibabacloud_dcdn20180115==3.1.0",
            "alibabacloud_resourcedirectorymaster20220419==2.3.1",
            "alibabacloud_sts20150401==1.2.0",
        ),
        _FORMS,
        _of_python,
        retry_after=frozenset({_DCDN, _CDN}),
        access_denied_detail=True,
    ),
    VendorClient(
        "the SDKs for Node",
        "alicloud.js",
        (
            "@alicloud/openapi-client@0.4.15",
            "@alicloud/openapi-core@1.0.8",
            "@alicloud/bssopenapi20171214@4.1.1",
            "@alicloud/cdn20180510@5.0.0",
            "@alicloud/dcdn20180115@2.5.0",
            "@alicloud/sts20150401@1.2.0",
        ),
        _FORMS,
        _of_node,
        retry_after=frozenset({_CDN}),  # the core that dcdn's package is made for knows none
        access_denied_detail=True,
    ),
)
