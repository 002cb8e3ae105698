"""The key state as a file's content: whole, under AES-256-GCM and the key-encryption key of its epoch.

Magic (8 bytes) | version (1) | epoch (8, big endian) | nonce (12) | ciphertext and tag; the first 17 bytes are the
associated data, so that no state passes for one of another epoch.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.errors import KeyStateError
from lethe.protection.key_state import KeyState

_MAGIC: Final = b"lethe-ks"
_VERSION: Final = 1
_HEADER_BYTES: Final = len(_MAGIC) + 1 + 8
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_GREATEST: Final = 2**31 - 1 - _TAG_BYTES  # what the library encrypts in one call


def _header(epoch: int) -> bytes:
    return _MAGIC + bytes([_VERSION]) + epoch.to_bytes(8)


def seal(kek: bytes, state: KeyState) -> bytes:
    """The file's content, under a key-encryption key of 32 bytes.

    Raises KeyStateError when the state is too large: some 2.5 million punctures.
    """
    header, nonce, form = _header(state.epoch), os.urandom(_NONCE_BYTES), state.to_bytes()
    if len(form) > _GREATEST:
        raise KeyStateError(
            f"the key state would hold {len(form):,} bytes, above {_GREATEST:,}: rotate the keys, so that the old "
            "roots can be dropped"
        )
    return header + nonce + AESGCM(kek).encrypt(nonce, form, header)


def unseal(kek: bytes, epoch: int, content: bytes) -> KeyState:
    """Read `seal`; raises KeyStateError when it is not the state of this epoch under this key, unaltered."""
    header, nonce = content[:_HEADER_BYTES], content[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES]
    if not header.startswith(_MAGIC) or len(content) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise KeyStateError(f"the key state of epoch {epoch} is not one: it is damaged, or another file")
    if header[len(_MAGIC)] != _VERSION:
        raise KeyStateError(
            f"the key state of epoch {epoch} is of format {header[len(_MAGIC)]}; this Lethe reads {_VERSION}"
        )
    if header != _header(epoch):
        raise KeyStateError(
            f"the key state of epoch {epoch} says that it is of another: its file was renamed"
        )
    try:
        form = AESGCM(kek).decrypt(nonce, memoryview(content)[_HEADER_BYTES + _NONCE_BYTES :], header)
    except InvalidTag as error:
        raise KeyStateError(
            f"the key state of epoch {epoch} does not authenticate: it has been altered or damaged, or belongs to "
            "another key-encryption key; restore the copy that was made at this epoch"
        ) from error
    return KeyState.from_bytes(epoch, form)
