"""A response's content type takes the head of its service's model. ministack reads the whole of
each for it, which is 20 to 130 ms for the first call of each service.
"""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore
from ministack.core import responses

from .links import Link, PatchPoint

_MODELS = Path(botocore.__file__).parent / "data"
_HEAD_CHARACTERS = 4096


@dataclass(frozen=True)
class Model:
    """A botocore.model.ServiceModel; all but its metadata is read when it is asked for."""

    metadata: dict[str, Any]
    _whole: Callable[[], object]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401, whatever a model has
        return getattr(self._whole(), name)


def apply() -> None:
    whole: Callable[[str], object] = responses._service_model

    @functools.cache
    def service_model(service: str) -> Model | None:
        name = responses._BOTOCORE_NAME.get(service, service)
        versions = sorted(_MODELS.glob(f"{name}/*/service-2.json.gz"))
        if not versions:
            return None
        return Model(metadata(versions[-1]), functools.partial(whole, service))

    responses._service_model = service_model


def metadata(model: Path) -> dict[str, Any]:
    with gzip.open(model, "rt", encoding="utf-8") as file:
        head = file.read(_HEAD_CHARACTERS)
    start = head.index("{", head.index('"metadata"'))
    found: dict[str, Any]
    found, _ = json.JSONDecoder().raw_decode(head, start)
    return found


LINK = Link(
    what="the heads of services' models",
    patch_points=(
        PatchPoint(responses, "_service_model", ("service",)),
        PatchPoint(responses, "_BOTOCORE_NAME"),
    ),
    apply=apply,
)
