"""What a caller asked for is checked before an image is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbe.errors import ModelError, ParameterError
from abbe.restoration.request import check_request


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


def test_a_model_for_stacks_alone_is_one_for_the_axial_step(small_models: Path) -> None:
    for task in ("axial_plane", "axial_stack"):
        used = check_request(("denoise", "axial"), str(small_models / task))
        assert sorted(model.card.task for model in used.values()) == sorted(["denoise", task])


def test_all_models_that_may_be_used_are_named() -> None:
    used = check_request(("denoise", "axial", "super_resolve"))
    assert {model.card.task for model in used.values()} == {"denoise", "axial_plane", "axial_stack", "super_resolve"}
    assert {model.card.task for model in check_request(("background",)).values()} == {"background"}


def test_what_no_image_could_be_done_with_is_refused() -> None:
    with pytest.raises(ModelError, match="wanted a model, got 'nobody'"):
        check_request(("denoise", "axial"), "nobody")
    with pytest.raises(ModelError, match="wanted a model for the steps axial"):
        check_request(("axial",), {"denoise": "denoise"})
    with pytest.raises(ParameterError, match="realism"):
        check_request(("denoise",), realism=-1)
    with pytest.raises(ParameterError, match="passes"):
        check_request(("axial",), passes=9)
