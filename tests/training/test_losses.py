"""What a training minimises: in which unit errors count, beside bright things and without them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs the train extra")

from abbe.training.losses import DEEPEST, NEAR, error_unit, restoration_loss, unit_by_place  # noqa: E402


def images(bright: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(1, 1, 96, 96): an input whose error is 0.1 everywhere, and the truth; in a corner both are `bright` and the error in proportion."""
    random = torch.Generator().manual_seed(1)
    truth = torch.ones(1, 1, 96, 96)
    truth[..., :16, :16] = bright
    return truth * (1 + 0.1 * torch.randn(truth.shape, generator=random)), truth


def test_an_even_error_counts_everywhere_alike() -> None:
    base, truth = images(1.0)
    torch.testing.assert_close(unit_by_place(base, truth), error_unit(base, truth).expand_as(truth))


def test_beside_something_a_thousand_times_brighter_errors_have_a_unit_of_their_own() -> None:
    base, truth = images(1000.0)
    whole, unit = float(error_unit(base, truth)), unit_by_place(base, truth)
    assert float(unit[..., 4:12, 4:12].min()) == pytest.approx(whole)
    assert float(unit[..., 40:, 40:].max()) < whole / DEEPEST + NEAR * 0.13
    assert float(unit.min()) >= whole / DEEPEST


def test_a_ripple_beside_a_bright_thing_costs_what_the_whole_images_unit_would_hide() -> None:
    base, truth = images(1000.0)
    restored = torch.cat([truth, torch.full_like(truth, 0.1)], 1)
    rippled = restored.clone()
    rippled[:, :1, 40:, 40:] += 1.0
    _, without = restoration_loss(restored, truth, base, 0.0, 0.0, 1.0)
    _, with_ripple = restoration_loss(rippled, truth, base, 0.0, 0.0, 1.0)
    hidden = (1.0 / float(error_unit(base, truth))) ** 2 * (56 / 96) ** 2
    assert float(without) == pytest.approx(0, abs=1e-6)
    assert float(with_ripple) > 100 * hidden


@pytest.mark.parametrize("size", [(33, 50), (8, 8), (5, 7)])
def test_sides_of_any_length_have_a_unit_for_every_pixel(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(2)
    truth = torch.zeros(2, 1, *size)
    unit = unit_by_place(truth + torch.randn(truth.shape, generator=random), truth)
    assert unit.shape == truth.shape
    assert bool((unit > 0).all())
