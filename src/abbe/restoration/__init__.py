"""Restoration: Workflows A and B on ONNX Runtime, with a per-pixel interval, a map of trust, advice before and a verdict after."""

from abbe.restoration.advice import Advice, advise
from abbe.restoration.engine import available
from abbe.restoration.judgement import ChannelVerdict, Verdict, verdict
from abbe.restoration.noise import Noise
from abbe.restoration.progress import Progress
from abbe.restoration.sampling import Sampling
from abbe.restoration.workflow import correct_background, enhance

__all__ = [
    "Advice",
    "ChannelVerdict",
    "Noise",
    "Progress",
    "Sampling",
    "Verdict",
    "advise",
    "available",
    "correct_background",
    "enhance",
    "verdict",
]
