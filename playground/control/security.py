"""Keeps other web pages out: no foreign Origin, no foreign Host (DNS rebinding)."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from playground.errors import ControlError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    """Tell whether a host to listen on is reachable from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class RequestGuard:
    """Decides by its headers whether a request may use the control API and the page.

    `allowed_hosts` None takes any Host, for a server that is open to other machines.
    """

    allowed_hosts: frozenset[str] | None

    def check(self, host: str, origin: str | None, fetch_site: str | None) -> None:
        """Raise ControlError for a request that another site may have caused."""
        name = urlsplit(f"//{host}").hostname or ""
        if self.allowed_hosts is not None and name not in self.allowed_hosts:
            raise ControlError("foreign_host", "This server does not answer to that name.", 403)
        if origin is not None and urlsplit(origin).netloc != host:
            raise ControlError("foreign_origin", "Another site may not do this.", 403)
        if origin is None and fetch_site not in (None, "same-origin", "none"):
            raise ControlError("foreign_origin", "Another site may not do this.", 403)
