"""What the interop checks share: values as exact JSON, the same text that `icebridge scan` prints."""

import base64
import datetime
import json
import math
import sys
import uuid


def exact(value, iceberg_type: str):
    """One value as JSON holds it exactly: 64-bit integers and decimals as strings, binary as base64, times with all digits."""
    if value is None:
        return None
    if iceberg_type == "long":
        return str(value)
    if iceberg_type.startswith("decimal"):
        return format(value, "f")
    if iceberg_type in ("float", "double"):
        return value if math.isfinite(value) else str(value)
    if iceberg_type == "date":
        return value.isoformat()
    if iceberg_type == "time":
        return value.isoformat(timespec="microseconds")
    if iceberg_type == "timestamp":
        return value.isoformat(timespec="microseconds")
    if iceberg_type == "timestamptz":
        utc = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds") + "Z"
    if iceberg_type == "uuid":
        return str(value if isinstance(value, uuid.UUID) else uuid.UUID(bytes=value))
    if iceberg_type == "binary" or iceberg_type.startswith("fixed"):
        return base64.b64encode(value).decode()
    return value


def print_json(value) -> None:
    """Canonical JSON on stdout: keys sorted, no blanks, UTF-8."""
    sys.stdout.buffer.write(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    sys.stdout.buffer.write(b"\n")
