"""All rules about sites, in their order, and which of them can be about a site: of hundreds, a few.

May live here: finding those few. May not: what a rule covers and says (``web``). Thousands of tunnels are decided again
at each new snapshot; what is left out here is only what would be asked and passed over.
"""

from __future__ import annotations

from collections.abc import Iterable

from appliance.policy.web import ADDRESS, UNLISTED, Site, Verdict, WebRule

_Places = dict[str, tuple[int, ...]]


class RuleIndex:
    """``rules`` in their order, by the sites that they name."""

    def __init__(self, rules: Iterable[WebRule]) -> None:
        self.rules = tuple(rules)
        self._by_target: _Places = {}
        self._by_category: _Places = {}
        self._any = self._of_lists = self._blocking = frozenset[int]()
        for place, rule in enumerate(self.rules):
            if rule.verdict is Verdict.ONLY or not (rule.targets or rule.categories):
                self._any |= {place}
                continue
            for target in rule.targets:
                self._by_target[target] = (*self._by_target.get(target, ()), place)
            for category in rule.categories:
                self._by_category[category] = (*self._by_category.get(category, ()), place)
            if rule.categories:
                self._of_lists |= {place}
                self._blocking |= {place} if rule.verdict is Verdict.BLOCK else set()

    def about(self, site: Site) -> list[WebRule]:
        """Give the rules that may be about ``site``, in their order."""
        places = set(self._any)
        for name in site.names:
            places.update(self._by_target.get(name, ()))
        if site.categories is None:
            places |= self._of_lists
        else:
            for category in site.categories:
                places.update(self._by_category.get(category, ()))
            if ADDRESS in site.categories:
                places |= self._blocking
        return [self.rules[place] for place in sorted(places)]


class WebRules(tuple[WebRule, ...]):
    """The rules; ``always`` are asked before ``others``. ``rooms_matter``: one of them asks for rooms."""

    always: RuleIndex
    others: RuleIndex
    rooms_matter: bool

    def __new__(cls, rules: Iterable[WebRule] = ()) -> WebRules:
        """Take ``rules``, sorted out once."""
        made = super().__new__(cls, rules)
        made.always = RuleIndex(rule for rule in made if rule.verdict is Verdict.ALWAYS)
        made.others = RuleIndex(rule for rule in made if rule.verdict is not Verdict.ALWAYS)
        made.rooms_matter = any(rule.rooms for rule in made)
        return made

    @property
    def categories(self) -> frozenset[str]:
        """Give the categories that they name and that a list must have."""
        return frozenset[str]().union(*(rule.categories for rule in self)) - {UNLISTED, ADDRESS}
