"""Errors go from process to process as they are."""

from __future__ import annotations

import inspect
import pickle

import pytest

from abbe import errors

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AbbeError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_the_same_in_another_process(kind: type[errors.AbbeError]) -> None:
    """One that cannot be read back ends a pool of processes, and with it everybody's work."""
    said = kind(
        *["reading ND2", "formats"][: len(inspect.signature(kind.__init__).parameters) - 1 if kind is errors.MissingExtraError else 1]
    )
    again = pickle.loads(pickle.dumps(said))
    assert type(again) is kind
    assert str(again) == str(said)
