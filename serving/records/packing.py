"""Pack the documents of decisions: what they share is stored once, the rest is compressed.

Most of a document is the same in millions of them: names of tags, the policy, versions of models,
candidates of the catalogue, findings of gates that were passed. A frame holds all of that and
nothing of any customer, so erasure has nothing to find in it. A packed document lists the values
of its tags in the order of the frame's names, refers to the frame's candidates by number, and is
compressed (deflate) with the frame's text as dictionary.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from serving.records.columns import JsonText, to_json

LARGEST_DICTIONARY = 32_768
"""Bytes that deflate looks back."""
LEVEL = 6


@dataclass(frozen=True)
class Frame:
    """What the documents of many decisions share.

    Parameters
    ----------
    content : str
        JSON of `candidates` and `tags`, to which documents refer, and of `samples`: documents
        about nobody, whose words others repeat.
    """

    content: str

    @cached_property
    def frame_id(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()[:16]

    @cached_property
    def tags(self) -> list[str]:
        """Names of the tags, in the order in which documents list the values."""
        return list(self._parsed["tags"])

    def pack(self, text: str) -> bytes:
        """Pack the text of a document that refers to this frame."""
        packer = self._packer.copy()
        packed: bytes = packer.compress(text.encode()) + packer.flush()
        return packed

    def restore(self, packed: bytes) -> dict[str, Any]:
        """Restore the document from what `pack` wrote."""
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS, self._dictionary)
        document: dict[str, Any] = json.loads(unpacker.decompress(packed) + unpacker.flush())
        facts = document["facts"]
        if isinstance(facts["tags"], list):
            facts["tags"] = dict(zip(self.tags, facts["tags"], strict=True))
        candidates = self._parsed["candidates"]
        facts["candidates"] = [
            candidates[entry] if isinstance(entry, int) else entry for entry in facts["candidates"]
        ]
        return document

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return dict(json.loads(self.content))

    @cached_property
    def _dictionary(self) -> bytes:
        return self.content.encode()[-LARGEST_DICTIONARY:]

    @cached_property
    def _packer(self) -> Any:
        return zlib.compressobj(
            LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL,
            zlib.Z_DEFAULT_STRATEGY, self._dictionary,
        )  # fmt: skip


@dataclass(frozen=True)
class Unpacked:
    """A document to be packed, and the frame that it refers to; None: it stands alone."""

    document: Mapping[str, Any] | JsonText
    frame: Frame | None


class Packed(TypeDecorator[Any]):
    """A packed document: bound as `Unpacked`, read as bytes (`read_document`)."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Unpacked | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Pack the document."""
        if value is None:
            return None
        text = to_json(value.document)
        return zlib.compress(text.encode()) if value.frame is None else value.frame.pack(text)


def unpack(packed: bytes) -> dict[str, Any]:
    """Restore a document that was packed without a frame."""
    return dict(json.loads(zlib.decompress(packed)))
