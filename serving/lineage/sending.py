"""Send OpenLineage documents: to an address by HTTP, or to a file, one JSON document a line."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from features.errors import GuanjiaError

TIMEOUT_SECONDS = 5.0


def send(target: str, documents: Iterable[dict[str, Any]]) -> int:
    """Send documents in their order.

    Parameters
    ----------
    target : str
        An address that takes events (`http://...` or `https://...`), or a file to append to.
    documents : iterable of dict
        OpenLineage events.

    Returns
    -------
    int
        How many were sent.

    Raises
    ------
    GuanjiaError
        If the address refuses one or does not answer, or the file cannot be written.
    """
    texts = [json.dumps(document, ensure_ascii=False) for document in documents]
    if target.startswith(("http://", "https://")):
        for text in texts:
            _post(target, text)
    else:
        _append(Path(target), texts)
    return len(texts)


def _post(address: str, text: str) -> None:
    request = urllib.request.Request(
        address, text.encode(), {"Content-Type": "application/json; charset=utf-8"}
    )
    thing, cure = f"OpenLineage address {address}", "see that it runs and takes OpenLineage events"
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        raise GuanjiaError(thing, f"answers {error.code} {error.reason}", cure) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise GuanjiaError(thing, f"cannot be reached: {reason}", cure) from None


def _append(path: Path, texts: list[str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write: lines of two processes do not mix.
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{text}\n" for text in texts))
    except OSError as error:
        raise GuanjiaError(
            f"OpenLineage file {path}",
            f"cannot be written: {error.strerror}",
            "name a file in a folder that you may write to",
        ) from None
