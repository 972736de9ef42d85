"""Compare names of hosts as a browser would read them: a look-alike is another host."""

from collections.abc import Iterable

import idna


def is_within(host: str, addresses: Iterable[str]) -> bool:
    """Check whether a host is an address of the list, or a subdomain of one.

    Parameters
    ----------
    host : str
        As written, perhaps with a user before an `@` and a port.
    addresses : iterable of str
        Domains.

    Examples
    --------
    >>> [is_within(host, ["insurer.cn"]) for host in ("M.insurer.cn:443", "insurer.cn.evil.com")]
    [True, False]
    >>> [is_within(host, ["insurer.cn"]) for host in ("ｉｎｓｕｒｅｒ．ｃｎ", "іnsurer.cn")]
    [True, False]
    """
    # What stands before an @ is a name one logs in with, not where the link leads.
    name = _ascii_name(
        host.replace("＠", "@").rpartition("@")[2].replace("：", ":").partition(":")[0]
    )
    domains = [_ascii_name(address) for address in addresses]
    return name is not None and any(
        name == domain or name.endswith(f".{domain}") for domain in domains if domain
    )


def _ascii_name(host: str) -> str | None:
    """Write a host in the letters of the network (IDNA, UTS 46); None if it is no host."""
    try:
        return idna.encode(host.strip(" ."), uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
