"""The listings of a bucket, as S3 writes them: XML, a page of 1,000 at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple
from urllib.parse import unquote_plus

from .calls import Calls
from .exchange import Exchange
from .objects import LONGEST_KEY, Listed, cut
from .pages import Entry, Page, Pages

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


Read = Callable[["Element", str], list[Entry]]
"""The entries of a page, by their elements' namespace."""


class _Asked(NamedTuple, Generic[Entry]):
    """A page of a listing that is on its way."""

    cancel: Callable[[], None]
    page: Callable[[], Page[Entry]]


def objects(calls: Calls, prefix: str, after: str = "") -> Iterator[Listed]:
    """The current objects whose keys start with the prefix and come after `after`.

    In the order of the keys' code points; one call for each 1,000.
    """
    return iter(Pages(partial(_ask, calls, prefix, _objects, {}), prefix, after))


def folders(calls: Calls, prefix: str, mark: str, after: str = "") -> Iterator[str]:
    """What such keys start with up to the first `mark` after the prefix: each once, in order.

    One call for each 1,000 of these, however many objects they have.
    """
    ask = partial(_ask, calls, prefix, _common_prefixes, {"delimiter": mark})
    for (folder,) in Pages(ask, prefix, after, ahead=0):
        yield folder


def _ask(
    calls: Calls, prefix: str, read: Read[Entry], more: Mapping[str, str], start: str, token: str
) -> _Asked[Entry]:
    query = {"list-type": "2", "encoding-type": "url", "prefix": prefix, **more}
    if start:
        query["start-after"] = cut(start, LONGEST_KEY)  # what is cut comes before the whole
    if token:
        query["continuation-token"] = token
    exchange = calls.begin("GET", "ListObjectsV2", "", query=query)
    return _Asked(exchange.cancel, partial(_read, calls, prefix, read, exchange))


def _read(calls: Calls, prefix: str, read: Read[Entry], exchange: Exchange) -> Page[Entry]:
    status, _, body = calls.reply(exchange, "ListBucket", prefix)
    if status != 200:
        raise calls.refused("ListBucket", prefix, status, body)
    page, space = page_of(body, "ListBucketResult")
    more = page.findtext(f"{space}IsTruncated") == "true"
    token = page.findtext(f"{space}NextContinuationToken", "") if more else ""
    return Page(read(page, space), token)


def page_of(body: bytes, kind: str) -> tuple[Element, str]:
    """A page of a list, and the namespace of its elements."""
    from xml.etree import ElementTree  # a job hardly ever lists, and starts sooner without

    page = ElementTree.fromstring(body)  # noqa: S314 (it comes from S3)
    return page, page.tag.removesuffix(kind)


def _objects(page: Element, space: str) -> list[Listed]:
    found, key, modified, etag = [], f"{space}Key", f"{space}LastModified", f"{space}ETag"
    for each in page.iterfind(f"{space}Contents"):
        said = {field.tag: field.text or "" for field in each}
        time = datetime.fromisoformat(said[modified])
        found.append(Listed(_decoded(said[key]), time, said.get(etag, "")))
    return found


def _common_prefixes(page: Element, space: str) -> list[tuple[str]]:
    found = page.iterfind(f"{space}CommonPrefixes/{space}Prefix")
    return [(_decoded(each.text or ""),) for each in found]


def _decoded(text: str) -> str:
    """A key as a listing writes it: most are as they are, and decoding takes longer than all."""
    return unquote_plus(text) if "%" in text or "+" in text else text
