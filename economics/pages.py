"""How documents are made: Jinja templates beside the code, tables, paragraphs of 120 columns."""

from __future__ import annotations

import re
import textwrap

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import HERE
from .compare import usd

_FILL = {"width": 120, "break_long_words": False, "break_on_hyphens": False}


def wrapped(text: str) -> str:
    """The same with its paragraphs, and the items of its lists, at 120 columns."""
    blocks = re.split(r"\n{2,}", text.strip())
    for number, block in enumerate(blocks):
        if not block.startswith(("|", "#", "!", "```")):
            items = (" ".join(item.split()) for item in re.split(r"\n(?=- )", block))
            blocks[number] = "\n".join(
                textwrap.fill(item, subsequent_indent="  " * item.startswith("- "), **_FILL)  # type: ignore[arg-type]
                for item in items
            )
    return "\n\n".join(blocks)


def render(name: str, **values: object) -> str:
    """The document that a template makes of these values."""
    return wrapped(_ENVIRONMENT.get_template(name).render(values))


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters["usd"] = usd
