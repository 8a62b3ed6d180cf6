"""Reports as one HTML file that loads nothing, runs nothing, and carries the data for repeating the run."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from abbe.errors import ParameterError
from abbe.limits import LIMITS
from abbe.reporting.model import Figure, Report

#: id of the element with the data for `abbe rerun`; a browser does not run it, being JSON
DATA = "abbe-repeat"


def as_html(report: Report) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("abbe.reporting", "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["data_uri"] = _data_uri
    return environment.get_template("report.html.j2").render(report=report, data_id=DATA, data=_embedded(report.repeat))


def _data_uri(figure: Figure) -> str:
    return "data:image/png;base64," + base64.b64encode(figure.png).decode("ascii")


def _embedded(data: dict[str, Any]) -> Any:
    """JSON that cannot end its element: every <, > and & is written as an escape."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, sort_keys=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def repeat_data(html: str) -> dict[str, Any]:
    """The data that `as_html` embedded. Raises `ParameterError` when the text is no report of abbe's."""
    found = re.search(rf'<script type="application/json" id="{DATA}">([^<]*)</script>', html)
    if found is None or len(found[1]) > LIMITS.metadata:
        raise ParameterError("wanted a report that abbe wrote as HTML, got a file without its data; rerun the session instead")
    try:
        data = json.loads(found[1])
    except (ValueError, RecursionError) as problem:
        raise ParameterError(
            "wanted a report that abbe wrote as HTML, got one whose data are damaged; rerun the session instead"
        ) from problem
    if not isinstance(data, dict):
        raise ParameterError("wanted a report that abbe wrote as HTML, got one whose data are damaged; rerun the session instead")
    return data
