"""Channels are moved by whole pixels, keep their numbers, and what has no counterpart is masked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.alignment.moving import AlignedMask, AlignedPixels, repeated
from abbe.errors import ParameterError
from abbe.image.pixels import ArrayPixels
from shift_maker import apart


def pearson(image: abbe.Image) -> float:
    value = abbe.colocalize(image, ranked=False).coefficients["pearson"].value
    assert value is not None
    return value


def test_an_aligned_image_colocalizes_as_one_that_never_was_apart() -> None:
    moved, never = apart((3, -2)), apart((0, 0))
    assert pearson(moved) < 0.2
    aligned = abbe.align(moved)
    assert pearson(aligned) == pytest.approx(pearson(never), abs=0.03)
    assert aligned.shape == moved.shape
    assert aligned.dtype == moved.dtype
    assert aligned.original is None  # it was recorded, not computed
    assert next(n.message for n in aligned.notices if n.code == "aligned").startswith(
        "tubulin was moved by 3 pixels up and 2 right onto actin"
    )


def test_numbers_stay_those_recorded_and_the_rest_is_masked() -> None:
    image = apart((0, 0))
    aligned = abbe.align(image, {"tubulin": (3, -2)})
    before, after = np.asarray(image)[0, :, 0], np.asarray(aligned)[0, :, 0]
    assert np.array_equal(after[0], before[0])
    assert np.array_equal(after[1, :-3, 2:], before[1, 3:, :-2])
    assert aligned.mask is not None
    masked = np.asarray(aligned.mask)[0, :, 0]
    assert not masked[0].any()
    expected = np.zeros(masked[1].shape, bool)
    expected[-3:], expected[:, :2] = True, True
    assert np.array_equal(masked[1], expected)
    measured = abbe.colocalize(aligned, ranked=False)
    assert measured.pair.accumulate(lambda: [0], lambda total, a, b: total.__setitem__(0, total[0] + a.size), 1)[0][0] == (384 - 3) * (
        384 - 2
    )


def test_any_part_is_read_as_the_whole_is() -> None:
    rng = np.random.default_rng(3)
    pixels = ArrayPixels(rng.integers(0, 99, (2, 3, 5, 20, 24)).astype(np.uint16))
    moves = ((0, 0, 0), (1, -3, 2), (-2, 4, 0))
    shown, mask = AlignedPixels(pixels, moves), AlignedMask(None, pixels.shape, moves)
    everything = tuple(slice(0, n) for n in pixels.shape)
    whole, masked = shown.read(everything), mask.read(everything)
    assert whole.shape == masked.shape == pixels.shape
    for _ in range(40):
        part = tuple(slice(low, int(rng.integers(low + 1, n + 1))) for n in pixels.shape for low in [int(rng.integers(0, n))])
        assert np.array_equal(shown.read(part), whole[part])
        assert np.array_equal(mask.read(part), masked[part])
    z, y, x = moves[1]
    assert np.array_equal(whole[:, 1, :-z, -y:, :-x], pixels.array[:, 1, z:, :y, x:])


def test_beads_tell_what_the_specimen_cannot() -> None:
    """Unrelated channels cannot be aligned on themselves; beads with pixels half as large say it in um."""
    cells = apart((2, 1), 0.0)
    with pytest.raises(ParameterError, match=r"tubulin.*beads.*0, 0"):
        abbe.align(cells)
    beads = apart((4.2, 2.1), 1.0, seed=5).replace(pixel_size=(None, 0.05, 0.05))
    aligned = abbe.align(cells, beads=beads)
    said = aligned.recipe.steps[0].parameters
    assert said["on"] == "beads"
    assert said["moves"] == [[0, 0, 0], [0, 2, 1]]
    assert said["measured"][1]["places"] >= 3


def test_a_recipe_repeats_it() -> None:
    image = apart((3, -2))
    aligned = abbe.align(image)
    again = repeated(image, abbe.Recipe.from_json(aligned.recipe.to_json()))
    assert np.array_equal(np.asarray(again), np.asarray(aligned))
    assert aligned.provenance.history[-1].startswith("align: tubulin from 0, 3, -2 pixels off")


@pytest.mark.usefixtures("small_models_in_use")
def test_of_a_result_the_original_moves_along_in_its_own_pixels() -> None:
    image = apart((3, -2), size=96)
    sharp = abbe.enhance(image)
    assert sharp.shape[3:] == (288, 288)
    aligned = abbe.align(sharp, {1: (10, -7)})
    before, after = np.asarray(image)[0, :, 0], np.asarray(aligned.original)[0, :, 0]
    assert np.array_equal(after[1, :-3, 2:], before[1, 3:, :-2])
    assert np.array_equal(np.asarray(aligned)[0, 1, 0, :-10, 7:], np.asarray(sharp)[0, 1, 0, 10:, :-7])
    for side, moved in ((sharp.interval[0], aligned.interval[0]), (sharp.trust, aligned.trust)):
        assert np.array_equal(np.asarray(moved)[0, 1, 0, :-10, 7:], np.asarray(side)[0, 1, 0, 10:, :-7])
    assert "pearson" in abbe.colocalize(aligned, ranked=False).changes


@pytest.mark.usefixtures("small_models_in_use")
def test_a_report_without_a_session_tells_what_was_done_before_the_channels_were_moved(tmp_path: Path) -> None:
    """The aligned result carries the recipe of the alignment; what made its pixels is in its history."""
    sharp = abbe.enhance(apart((3, -2), size=96))
    aligned = abbe.align(sharp, {1: (10, -7)})
    again = abbe.align(aligned, {1: (1, 0)})
    for image, moves in ((aligned, 1), (again, 2)):
        text = abbe.report([image, abbe.colocalize(image, ranked=False)], tmp_path / f"{moves}.html").read_text()
        assert "Images were processed with abbe" in text
        earlier = text.split("Before its channels were moved, this was done: ")[1].split("abbe 0")[0]
        assert earlier.startswith("enhance: ")
        assert "super_resolve" in earlier
    plain = abbe.report([abbe.align(apart((3, -2), size=96), {1: (1, 0)})], tmp_path / "plain.html").read_text()
    assert "this was done" not in plain


def test_an_aligned_image_is_enhanced_saved_and_opened(tmp_path: Path, small_models_in_use: None) -> None:
    aligned = abbe.align(apart((3, -2), size=96))
    sharp = abbe.enhance(aligned, steps=("denoise",))
    assert np.isfinite(np.asarray(sharp)).all()
    abbe.save(aligned, tmp_path / "a.ome.tif")
    again = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(np.asarray(again), np.asarray(aligned))
    assert np.array_equal(np.asarray(again.mask), np.asarray(aligned.mask))
    assert any(line.startswith("align:") for line in again.provenance.history)


def test_a_session_keeps_it_and_reads_it_again(tmp_path: Path) -> None:
    image = apart((3, -2))
    with abbe.Session.create(tmp_path / "s.abbe", image) as session:
        made = session.align()
        assert made.operation == "align"
        assert made.name == "aligned"
        with pytest.raises(ParameterError, match="v2 'aligned', whose pixels are as recorded"):
            session.compare()
        assert np.array_equal(np.asarray(session.image()), np.asarray(abbe.align(image)))
    with abbe.Session.open(tmp_path / "s.abbe") as session:
        back = session.image(made.id)
        assert back.original is None
        assert np.array_equal(np.asarray(back.mask), np.asarray(abbe.align(image).mask))
        assert pearson(back) == pearson(abbe.align(image))


WRONG = {
    "one channel": (lambda image: abbe.align(image.select([0])), "two channels"),
    "shifts and beads": (lambda image: abbe.align(image, {1: (1, 1)}, beads=image), "both"),
    "beads of other channels": (lambda image: abbe.align(image, beads=image.select([0])), "2 channels, got 1"),
    "no such channel": (lambda image: abbe.align(image, {"DAPI": (1, 1)}), "actin"),
    "one number": (lambda image: abbe.align(image, {1: 3}), r"\(y, x\)"),
    "a word": (lambda image: abbe.align(image, {1: ("a", "b")}), r"\(y, x\)"),
    "no number": (lambda image: abbe.align(image, {1: (float("nan"), 0)}), r"\(y, x\)"),
    "too far": (lambda image: abbe.align(image, {1: (300, 0)}), "quarter"),
    "the reference": (lambda image: abbe.align(image, {0: (1, 0)}), "stays"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused_in_words(name: str) -> None:
    call, words = WRONG[name]
    with pytest.raises(ParameterError, match=words):
        call(apart((0, 0)))
