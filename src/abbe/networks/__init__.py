"""Network architectures, one a file. Only this room and `training` know torch."""

from abbe.networks.discriminator import Discriminator
from abbe.networks.restorer import Architecture, Restorer

__all__ = ["Architecture", "Discriminator", "Restorer"]
