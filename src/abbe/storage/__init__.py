"""Writes that happen whole or not at all; paths kept inside their root; decoders kept in a bounded child process."""

from abbe.storage.child import run_in_child
from abbe.storage.inside import inside
from abbe.storage.path import path_text
from abbe.storage.whole import check_target, place, scratch_error, storage_error, write_whole, write_whole_folder

__all__ = [
    "check_target",
    "inside",
    "path_text",
    "place",
    "run_in_child",
    "scratch_error",
    "storage_error",
    "write_whole",
    "write_whole_folder",
]
