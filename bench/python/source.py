"""The source that a bench gives to another tool."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    host: str
    port: int
    database: str
    user: str
    password: str
    #: Schema and name.
    table: tuple[str, str]
    #: An empty folder.
    out: str


def place() -> Place:
    """Reads ICEBRIDGE_BENCH_SOURCE, _TABLE and _OUT, which bench/README.md describes."""
    pairs = (part.split("=", 1) for part in os.environ["ICEBRIDGE_BENCH_SOURCE"].split(";") if part)
    settings = {name.strip().lower(): value for name, value in pairs}
    host, _, port = settings["server"].removeprefix("tcp:").partition(",")
    schema, table = os.environ["ICEBRIDGE_BENCH_TABLE"].split(".")
    return Place(
        host=host,
        port=int(port or 1433),
        database=settings["database"],
        user=settings["user id"],
        password=settings["password"],
        table=(schema, table),
        out=os.environ["ICEBRIDGE_BENCH_OUT"],
    )
