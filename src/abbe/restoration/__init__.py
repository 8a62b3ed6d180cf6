"""Restoration: Workflows A and B, on ONNX Runtime, with a per-pixel interval and a map of trust."""

from abbe.restoration.workflow import correct_background, enhance

__all__ = ["correct_background", "enhance"]
