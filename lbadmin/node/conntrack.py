"""How many connections the firewall tracks at once."""

from typing import Annotated

from pydantic import Field

MIN_TABLE_SIZE = 4096
MAX_TABLE_SIZE = 524_288
"""Linux needs about 320 bytes for each (slab nf_conntrack): a full table takes 160 MB of a 2 GB machine."""

DEFAULT_TABLE_SIZE = 262_144
"""Twice 40,000 connections (each has a client's and a real server's side), and as many that were closed."""

TableSize = Annotated[int, Field(ge=MIN_TABLE_SIZE, le=MAX_TABLE_SIZE, strict=True)]
