"""Fingerprints: what the key of a certificate is known by, in hexadecimal and in words.

A fingerprint is the SHA-256 of the public key (SubjectPublicKeyInfo, RFC 5280), so that it stays the same
when the certificate is renewed with the same key. The words are proquints: each stands for two bytes, and can
be read aloud.
"""

import hashlib
import re
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_DIGITS: Final = 64
_WORD: Final = 4
"""Hexadecimal digits that a word stands for."""


def fingerprint(certificate: Certificate) -> str:
    """Return the fingerprint of ``certificate``: 64 hexadecimal digits."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def in_words(digits: str) -> str:
    """Return the words for a fingerprint, with a dash between them."""
    return "-".join(_word(int(digits[at : at + _WORD], 16)) for at in range(0, len(digits), _WORD))


def read(text: str) -> str | None:
    """Return the fingerprint that people have written as ``text``, in either way, or None if it is none."""
    word = text.strip().lower().removeprefix("sha256:")
    digits = re.sub("[ :-]", "", word)
    if len(digits) == _DIGITS and re.fullmatch("[0-9a-f]+", digits):
        return digits
    words = re.split("[ -]+", word)
    if len(words) != _DIGITS // _WORD or not all(_IN_WORDS.fullmatch(one) for one in words):
        return None
    return "".join(f"{_number(one):04x}" for one in words)


_IN_WORDS: Final = re.compile(f"(?:[{_CONSONANTS}][{_VOWELS}]){{2}}[{_CONSONANTS}]")


def _word(number: int) -> str:
    first, second, third = number >> 12, number >> 6 & 15, number & 15
    vowels = number >> 10 & 3, number >> 4 & 3
    return (
        _CONSONANTS[first]
        + _VOWELS[vowels[0]]
        + _CONSONANTS[second]
        + _VOWELS[vowels[1]]
        + _CONSONANTS[third]
    )


def _number(word: str) -> int:
    number = 0
    for letter in word:
        if letter in _CONSONANTS:
            number = number << 4 | _CONSONANTS.index(letter)
        else:
            number = number << 2 | _VOWELS.index(letter)
    return number
