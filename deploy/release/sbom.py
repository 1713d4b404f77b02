"""The bill of materials: what is installed with the exporter, as CycloneDX 1.6.

https://cyclonedx.org/docs/1.6/json/
"""

import json
import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from deploy.release.lock import Pin

_OURS = "dcdn-exporter"


def sbom(
    locked: Collection[Pin],
    *,
    version: str,
    built_at: int,
    direct: Collection[str],
    licence_of: Callable[[str], str],
    needs_of: Callable[[str], Collection[str]],
) -> str:
    """The document as JSON text; the same arguments give the same text.

    ``built_at`` is a Unix time, ``direct`` the packages that the exporter itself needs.
    """
    refs = {pin.name: f"pkg:pypi/{pin.name}@{pin.version}" for pin in locked}
    ours = {
        "type": "application",
        "bom-ref": f"pkg:pypi/{_OURS}@{version}",
        "name": _OURS,
        "version": version,
        "purl": f"pkg:pypi/{_OURS}@{version}",
        "licenses": [{"expression": "Apache-2.0"}],
    }
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(built_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": ours,
        },
        "components": [_component(pin, refs[pin.name], licence_of(pin.name)) for pin in locked],
        "dependencies": [
            {"ref": ours["bom-ref"], "dependsOn": sorted(refs[name] for name in direct)},
            *(
                {"ref": ref, "dependsOn": sorted(refs[needed] for needed in refs.keys() & set(needs_of(name)))}
                for name, ref in refs.items()
            ),
        ],
    }
    content = json.dumps(document)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}"
    return json.dumps(document, indent=2) + "\n"


def _component(pin: Pin, ref: str, licence: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": ref,
        "name": pin.name,
        "version": pin.version,
        "purl": ref,
        # A name, since not every package has an SPDX expression.
        "licenses": [{"license": {"name": licence}}],
        # Any of these files may be the one that is installed.
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.sha256],
    }
