"""What decoders of foreign bytes raise, as one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from abbe.errors import AbbeError, NotAnImageError


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Raise `NotAnImageError` for whatever a decoder raises on damaged bytes of the file `name`.

    A lack of memory and errors of the disk (those with an error number; Pillow uses the same class without one) pass as they are.
    """
    try:
        yield
    except (AbbeError, MemoryError):
        raise
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        why = str(problem).partition("\n")[0][:200] or type(problem).__name__
        raise NotAnImageError(f"{name} is cut short, damaged, or of an unknown kind ({why}); copy it again from its source") from problem
