"""Real units under the real launcher."""

from tests.integration.support_units import identity, place

__all__ = ["identity", "place"]
