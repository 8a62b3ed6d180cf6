"""Many images: whole folders, folders that grow, several machines at once; stopped at any moment, a batch goes on where it was."""

from abbe.batch.record import Outcome
from abbe.batch.running import Summary, run
from abbe.batch.settings import Settings

__all__ = ["Outcome", "Settings", "Summary", "run"]
