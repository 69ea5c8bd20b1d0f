"""What is enforced of search engines and YouTube at one site, for the carer who asks why (K13).

May live here: from an account and a host to the sentence. May not: for whom search is safe (``policy.safe_search``),
which hosts enforce it (``filter.safe_search``).
"""

from __future__ import annotations

from functools import cache

from appliance.filter.safe_search import Table, enforcing_host, own_table
from appliance.policy.safe_search import NOT_NAMED, Enforced, safe_search
from appliance.policy.snapshot import Snapshot

_NAMES = {
    Enforced.SEARCH: "safe search",
    Enforced.YOUTUBE_MODERATE: "YouTube's moderate restriction",
    Enforced.YOUTUBE_STRICT: "YouTube's strict restriction",
}


def search_steps(snapshot: Snapshot, login: str, host: str) -> tuple[str, ...]:
    """Say what is enforced at ``host`` (lower case, IDNA) for ``login``; nothing where no engine can search safely."""
    known = _table().get(host)
    if known is None:
        return ()
    rule = safe_search(snapshot.safe_search, snapshot.accounts.get(login))
    source = "no line of web.yaml safe_search is about this account" if rule.source == NOT_NAMED.source else rule.source
    instead = enforcing_host(_table(), host, rule)
    if instead is None:
        which = "safe search" if Enforced.SEARCH in known else "YouTube's restriction"
        return (f"{which} is not enforced: {source}",)
    enforced = next(_NAMES[one] for one in rule.enforced if known.get(one) == instead)
    return (f"{enforced} is enforced, by connecting to {instead} in place of {host}: {source}",)


@cache
def _table() -> Table:
    return own_table()
