"""Real units under the real launcher."""

from tests.integration.support_place import place

__all__ = ["place"]
