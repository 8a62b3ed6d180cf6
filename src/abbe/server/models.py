"""Models as the page offers them."""

from __future__ import annotations

from typing import Any

from abbe.zoo import models


def offered() -> list[dict[str, Any]]:
    return [
        {
            "name": m.card.name,
            "title": m.card.title,
            "task": m.card.task,
            "version": m.card.version,
            # how far the slider stands at first; none where there is no partner to mix in
            "realism": m.card.realism.default if m.card.realism.partner else None,
        }
        for m in models()
    ]
