"""Writes that happen whole or not at all; paths kept inside their root; decoders kept in a bounded child process."""

from abbe.storage.inside import inside
from abbe.storage.whole import storage_error, write_whole, write_whole_folder

__all__ = ["inside", "storage_error", "write_whole", "write_whole_folder"]
