"""A secret has its own type: it cannot be printed, logged, pickled or put into JSON by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A password or key as text. Only :meth:`reveal` gives it away; everything that shows it shows ``****``.

    Comparing two secrets takes the same time wherever they differ. It has no hash, so it is no key of a dictionary.
    """

    __slots__ = ("__value",)
    __hash__ = None  # type: ignore[assignment]  # a hash of a secret would be a way round comparing it in constant time

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the text itself; to be called only where it is handed to what checks, stores or seals it."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(errors="surrogatepass"), _bytes(other))

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode(errors="surrogatepass")
