"""The address of a Ray cluster, before Ray is asked, which would wait for minutes.

Does: refuse one that no Ray answers at; turn on the token that clusters ask for. Does not: import
ray, or join.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from kdprobe.errors import ConfigError
from kdprobe.foreign import said

_PATIENCE = 10.0
"""Seconds that a machine may take to answer."""
_SETTINGS = 4
"""The kind of frame that both sides of HTTP/2 begin with (RFC 9113, 3.4 and 6.5)."""
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))
"""How a client of gRPC begins, which is what Ray speaks."""
_MODE, _TOKEN, _TOKEN_FILE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def require_ray(address: str) -> None:
    """Refuse an address where nothing answers, or something that does not speak as Ray does.

    Args:
        address: `HOST:PORT`, also as `ray://HOST:PORT`.

    Raises:
        ConfigError: it is no address, nothing answers there, or another service does.

    >>> require_ray("node-1")
    Traceback (most recent call last):
    kdprobe.errors.ConfigError: `address`: is 'node-1', expected HOST:PORT, or auto
    """
    try:
        place = urlsplit(address if "://" in address else f"ray://{address}")
        host, port = place.hostname, place.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError("`address`", found=f"is {address!r}", expected="HOST:PORT, or auto")
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as line:
            if _encrypted() or _greets(line):
                return
            problem = "what answers there is no Ray"
    except OSError as error:
        problem = f"nothing answers there ({said(error)})"
    raise ConfigError(
        f"`address={address}`", found=problem, expected="a cluster that runs",
        remedy="`ray status` on its head says its address",
    )  # fmt: skip


def _encrypted() -> bool:
    """Whether Ray is told to encrypt what it says; its greeting is then one of TLS."""
    return os.environ.get("RAY_USE_TLS", "0") not in ("", "0")


def _greets(line: socket.socket) -> bool:
    """Whether the other side begins as a server of gRPC does."""
    line.sendall(_GREETING)
    answer = b""
    while len(answer) <= 3:
        try:
            part = line.recv(9)
        except TimeoutError:
            return False
        if not part:
            return False
        answer += part
    return answer[3] == _SETTINGS


def use_token() -> None:
    """Have Ray show the token that is there, unless its mode is said; before ray is imported.

    `ray start` of Ray 2.60 makes a token and asks for it; who joins without `RAY_AUTH_MODE=token`
    is told that there is no cluster. A cluster that asks for none takes who shows one.
    """
    file = Path(os.environ.get(_TOKEN_FILE) or Path.home() / ".ray" / "auth_token")
    if _MODE not in os.environ and (os.environ.get(_TOKEN) or file.is_file()):
        os.environ[_MODE] = "token"
