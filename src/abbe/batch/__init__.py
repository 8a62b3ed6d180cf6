"""Many images: whole folders, folders that grow, several machines at once; stopped at any moment, a batch goes on where it was."""

from abbe.batch.record import Outcome
from abbe.batch.running import run
from abbe.batch.settings import Settings
from abbe.batch.summary import Summary

__all__ = ["Outcome", "Settings", "Summary", "run"]
