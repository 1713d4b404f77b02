"""Every way in which the simulator misbehaves, by a name of its own."""

from __future__ import annotations

from exporter.simulator import FAULT_KINDS, Fault

FAULTS: dict[str, Fault] = {
    **{kind: Fault(kind) for kind in FAULT_KINDS if kind not in ("latency", "error", "echo", "close_reused")},
    "latency": Fault("latency", seconds=5),
    "oversized_in_chunks": Fault("oversized", chunked=True),
    **{
        f"error_{status}_{code}": Fault("error", status=status, code=code, message="no")
        for status, code in (
            (400, "Throttling.User"),
            (400, "SignatureDoesNotMatch"),
            (400, "IncompleteSignature"),
            (403, "Forbidden.RAM"),
            (403, "DcdnIpaServiceNotFound"),
            (500, "InternalError"),
            (503, "ServiceUnavailable"),
            (200, "OperationDenied"),
        )
    },
    **{
        f"echo_{status}_{field}": Fault("echo", status=status, field=field)
        for status in (200, 400, 403, 500)
        for field in ("message", "code", "request_id")
    },
}
# Strikes only on a connection that is used again, and the faults above leave few of those.
ON_REUSE = {"close_reused": Fault("close_reused")}
