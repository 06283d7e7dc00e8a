"""The keys that open an account; they never show themselves."""

from __future__ import annotations

from dataclasses import dataclass, field

MASK = "****"
SECRET_LENGTH_MIN = 6


@dataclass(frozen=True)
class Credentials:
    """A key pair. Its repr says which key it is (first four characters), never the rest, and nothing of the secret."""

    api_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def __repr__(self) -> str:
        return f"Credentials({self.api_key[:4]}{MASK})"

    @property
    def problem(self) -> str:
        """Why these cannot be keys, without showing them; empty where nothing is wrong with their shape."""
        if not self.api_key or not self.secret_key:
            return "Alpaca keys are missing: both the key and its secret are needed"
        if not all(
            key.isascii() and key.isprintable() and " " not in key for key in (self.api_key, self.secret_key)
        ):
            return "the Alpaca keys contain a space, a line break or a letter no key has: copy them again"
        return ""

    def masked(self, text: str) -> str:
        """`text` with both keys made unreadable, wherever they stand in it."""
        for secret in (self.secret_key, self.api_key):
            # Shorter words are no keys of Alpaca's, and hiding every "s" would hide the sentence.
            if len(secret) >= SECRET_LENGTH_MIN:
                text = text.replace(secret, MASK)
        return text
