"""The script by which browsers learn how to reach a site (PAC): a function of the text of the host. Pure.

May live here: the script. May not: what a school has (``settings.web_script``). It looks up no name: that would tell
of each site in clear before the proxy has decided, and the browser would wait for it. It is written in the oldest
JavaScript that readers of such scripts know (ECMAScript 3), and what it cannot read goes to the proxy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Final

KIND: Final = "application/x-ns-proxy-autoconfig"
"""Its Content-Type."""

_PLAIN: Final = ("localhost", "local", "home.arpa")  # RFC 6761, 6.3; RFC 6762, 3; RFC 8375
_HERE: Final = (
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::1/128"),
    IPv6Network("fe80::/10"),
)

_SCRIPT: Final = r"""
function FindProxyForURL(url, host) {
  var name = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/(:.*)%.*$/, "$1");
  var bare = name.replace(/\.$/, ""), address = bits(bare), port = portOf(url), i;
  for (i = 0; i < through.length; i++) {
    if (through[i][1] == port && (bits(through[i][0]) || through[i][0]) == (address || bare)) return way;
  }
  return (address ? isOurs(address) : isInside(name, bare)) ? "DIRECT" : way;
}

function isInside(name, bare) {
  var i, end;
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(bare)) return false;
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(bare)) return false; // another spelling of an address
  if (name.indexOf(".") < 0) return true;
  for (i = 0; i < names.length; i++) {
    end = "." + names[i];
    if (("." + bare).slice(-end.length) == end) return true;
  }
  return false;
}

function isOurs(address) {
  var i, parts, begin;
  for (i = 0; i < networks.length; i++) {
    parts = networks[i].split("/");
    begin = bits(parts[0]).substr(0, 1 + Number(parts[1]));
    if (address.substr(0, begin.length) == begin) return true;
  }
  return false;
}

// The kind of an address (4 or 6) and its bits; nothing for what is no address.
function bits(text) {
  return bits4(text) || bits6(text);
}

function bits4(text) {
  var parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text), found = "4", i;
  for (i = 1; parts && i < 5; i++) {
    if (parts[i] > 255 || /^0./.test(parts[i])) return "";
    found += binary(Number(parts[i]), 8);
  }
  return parts ? found : "";
}

function bits6(text) {
  var begin = text.lastIndexOf(":") + 1, last = bits4(text.slice(begin)), halves, left, right, found = "", i;
  if (last) text = text.slice(0, begin) + hex(last.slice(1, 17)) + ":" + hex(last.slice(17));
  halves = text.split("::");
  left = groups(halves[0]);
  if (halves.length == 2) {
    right = groups(halves[1]);
    if (left.length + right.length > 7) return "";
    while (left.length + right.length < 8) left.push("0");
    left = left.concat(right);
  }
  if (halves.length > 2 || left.length != 8) return "";
  for (i = 0; i < 8; i++) {
    if (!/^[0-9a-f]{1,4}$/.test(left[i])) return "";
    found += binary(parseInt(left[i], 16), 16);
  }
  return /^0{80}1{16}/.test(found) ? "4" + found.slice(96) : "6" + found;
}

function groups(text) {
  return text ? text.split(":") : [];
}

function hex(text) {
  return parseInt(text, 2).toString(16);
}

function binary(number, width) {
  var found = number.toString(2);
  while (found.length < width) found = "0" + found;
  return found;
}

function portOf(url) {
  var found = /^([a-z][a-z0-9+.-]*):\/\/[^\/?#]*?(?::(\d+))?(?:[\/?#]|$)/i.exec(url);
  if (!found) return 0;
  return found[2] ? Number(found[2]) : /^(https|wss)$/i.test(found[1]) ? 443 : 80;
}
"""


@dataclass(frozen=True, slots=True)
class Inside:
    """What is reached without the proxy: ``names`` and all below them, addresses in ``networks``.

    Besides, always: names without a dot, and what each machine or link has for itself. ``through``: hosts (names in
    lower case, addresses) and ports that are reached through the proxy all the same.
    """

    names: Sequence[str]
    networks: Iterable[IPv4Network | IPv6Network]
    through: Sequence[tuple[str, int]]


def script(ways: Sequence[str], inside: Inside) -> str:
    """Return the script: everything but ``inside`` goes ``ways`` (such as ``HTTPS host:port``), the first that works.

    It never says DIRECT after them: with the proxy away the filter would be.
    """
    networks = [*_HERE, *inside.networks]
    four = collapse_addresses(one for one in networks if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in networks if isinstance(one, IPv6Network))
    facts = {
        "way": "; ".join(ways),
        "through": [list(one) for one in dict.fromkeys(inside.through)],
        "names": list(dict.fromkeys((*inside.names, *_PLAIN))),
        "networks": [str(one) for one in (*four, *six)],
    }
    told = "".join(f"var {name} = {json.dumps(value)};\n" for name, value in facts.items())
    return f"// How browsers reach a site. It looks up no name.\n{told}{_SCRIPT}"
