"""Whether the name in a ClientHello is the one that counts, or a second one is hidden in it (ECH, RFC 9849).

May live here: telling a real encrypted hello from noise. May not: reading hellos (``hello``), asking (``names``).
Nearly all browsers send noise that looks like one (GREASE), so its presence says nothing. A real one says in clear the
public name of its key (RFC 9849, 6.1): that of a provider who looks inside, or one that publishes a key of this id with
its own name as the public one. Whoever writes a hello by hand may say another name, and has simpler ways to deceive.
"""

from __future__ import annotations

from typing import Final

from appliance.proxy.hello import Hello
from appliance.proxy.names import Missing, Names

PROVIDERS: Final = ("cloudflare-ech.com",)
"""Public names under which providers take encrypted hellos for others (their documents, 2026-11); for nothing else."""


async def hides(hello: Hello, names: Names) -> bool:
    """Whether ``hello`` hides the name that counts.

    At a site that publishes such a key, noise is taken for it once in 256 times. When nobody can say which keys there
    are it counts as noise: it nearly always is, and where such questions are dropped there would be no way out at all.
    """
    if hello.name is None or hello.encrypted is None:
        return False
    if hello.encrypted == Hello.ESNI or hello.name in PROVIDERS:
        return True
    ids = await names.encrypted_hello_ids(hello.name)
    return not isinstance(ids, Missing) and hello.encrypted in ids
