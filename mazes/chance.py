"""Chance that is the same on every machine and with every version of numpy.

It is the finaliser of MurmurHash3 (A. Appleby, public domain), of seed, purpose and position: a
bijection of 32 bits, so that no two places of one purpose have the same number.
"""

import hashlib

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def random(places: npt.NDArray[np.integer], seed: int, purpose: str) -> npt.NDArray[np.uint32]:
    """A random number for each place (below 2**32): different places, different numbers."""
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    value = places.astype(np.uint32)
    for half in (digest[:4], digest[4:]):
        value ^= np.uint32(int.from_bytes(half, "big"))
        value ^= value >> np.uint32(16)
        value *= np.uint32(0x85EBCA6B)
        value ^= value >> np.uint32(13)
        value *= np.uint32(0xC2B2AE35)
        value ^= value >> np.uint32(16)
    return value


def drawn(places: npt.NDArray[np.integer], share: float, seed: int, purpose: str) -> Mask:
    """True for a share, 0 to 1, of the places."""
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share} is not between 0 and 1")
    mask: Mask = random(places, seed, purpose) < np.uint64(round(share * 2**32))
    return mask
