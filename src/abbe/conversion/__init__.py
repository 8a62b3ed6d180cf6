"""Conversion: abbe's models in the forms that other programs run, and what each form costs.

`convert(find("denoise"), "denoise.mlpackage", to="coreml").difference` is what the result differs from single precision by, on simulated
images.
"""

from __future__ import annotations

from abbe.conversion._convert import Converted, convert
from abbe.conversion.forms import FORMS, Form, form
from abbe.conversion.parity import Difference

__all__ = ["FORMS", "Converted", "Difference", "Form", "convert", "form"]
