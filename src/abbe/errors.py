"""Every failure that a user can meet. Each says what was wanted, what came, and what to do.

The command line prints the message as one line and ends with code 1; the page shows it; Python raises it. Nothing else
that abbe raises on purpose reaches a user.
"""

from __future__ import annotations


class AbbeError(Exception):
    """Something that abbe could not do, said in words that a biologist can act on."""

    #: what the images of a file of several are called, where the matter is with one of them alone
    images: tuple[str, ...] = ()
    #: is it that the disk, or the user's share of it, is full? Then whatever is to be written next fails as well
    full: bool = False


class NotAnImageError(AbbeError):
    """The content is no image that abbe can read, or is damaged."""


class AxesError(AbbeError):
    """The axes, or the sizes along them, do not say what the pixels are."""


class MergeError(AbbeError):
    """Images that were to become channels of one image do not fit together."""


class LimitError(AbbeError):
    """The request goes beyond the budget in `abbe.limits`, or beyond the free disk or memory."""


class FullError(LimitError):
    """More at once than abbe does: what was asked for is possible as soon as something else has ended."""


class StorageError(AbbeError):
    """A file could not be written or read whole; what was there before is untouched."""


class ExistsError(StorageError):
    """The target exists already, and overwriting was not asked for."""


class ModelError(AbbeError):
    """A model is unknown, damaged (its digest differs), or does not fit the request."""


class EngineError(AbbeError):
    """The inference engine asked for is not available here."""


class ParameterError(AbbeError):
    """A parameter is outside what it can be."""


class MissingExtraError(AbbeError):
    """An optional part of abbe is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} needs a part that is not installed; install it with: pip install "abbe[{extra}]"')
        self.what, self.extra = what, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.what, self.extra)  # it goes from process to process, as every error


class SessionError(AbbeError):
    """A session cannot be opened, is damaged, or is in use by another process."""


class ConflictError(SessionError):
    """Somebody else changed the same thing meanwhile; nothing was overwritten."""


class CancelledError(AbbeError):
    """The user stopped the work; nothing was written."""
