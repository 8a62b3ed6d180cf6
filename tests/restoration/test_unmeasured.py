"""A label or a rim does not change what is made of its surroundings, stays what it was, and is masked."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import abbe
from abbe.image import pixels
from abbe.limits import Limits
from abbe.restoration import judgement
from abbe.simulation import specimen

BOX = (slice(120, 140), slice(80, 150))


def micrograph(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    light = gaussian_filter(specimen(rng, 160), 1.5)
    return (rng.poisson(60 * light + 20) + 100).astype(np.uint16)


def labelled(image: np.ndarray) -> np.ndarray:
    out = image.copy()
    out[BOX] = 0
    return out


def codes(image: abbe.Image) -> set[str]:
    return {notice.code for notice in image.notices}


def masked(image: abbe.Image) -> np.ndarray:
    assert image.mask is not None
    return image.mask.read(tuple(slice(0, n) for n in image.shape))  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(("steps", "factor"), [("denoise", 1), ("super_resolve", 3)])
def test_what_is_around_a_label_is_as_without_it(steps: str, factor: int) -> None:
    image = micrograph()
    plain, result = abbe.enhance(image, steps=steps), abbe.enhance(labelled(image), steps=steps)
    box = tuple(slice(s.start * factor, s.stop * factor) for s in BOX)
    a, b = np.asarray(plain).squeeze(), np.asarray(result).squeeze()
    assert np.all(b[box] == 0)
    where = masked(result).squeeze()
    assert np.all(where[box])
    assert np.count_nonzero(where) == 20 * 70 * factor**2
    away = np.ones(a.shape, bool)
    away[box[0].start - 24 * factor : box[0].stop + 24 * factor, box[1].start - 24 * factor : box[1].stop + 24 * factor] = False
    assert np.abs(a - b)[away].max() < 0.15 * a.std()  # the scale of all may be another, by the percentiles of fewer pixels
    near = ~where & ~away
    assert np.corrcoef(a[near], b[near])[0, 1] > 0.98
    assert "unmeasured" in codes(result)
    assert not codes(plain) & {"unmeasured"}
    assert plain.mask is None


def test_background_is_taken_from_around_a_label_too() -> None:
    haze = (micrograph() + np.random.default_rng(1).poisson(300, (160, 160))).astype(np.uint16)
    plain, result = (np.asarray(abbe.correct_background(image)).squeeze() for image in (haze, labelled(haze)))
    assert np.all(result[BOX] == 0)
    ring = np.zeros(haze.shape, bool)
    ring[110:150, 70:160] = True
    ring[BOX] = False
    assert abs(float(result[ring].mean()) - float(plain[ring].mean())) < 0.1 * float(plain.mean()) + 3


def test_nothing_is_trusted_where_nothing_was_measured() -> None:
    box = np.zeros((160, 160), bool)
    box[BOX] = True
    unknown = np.where(box, np.float32(np.nan), micrograph())
    for image, steps, factor in (
        (labelled(micrograph()), "denoise", 1),
        (labelled(micrograph()), "super_resolve", 3),
        (unknown, "denoise", 1),
    ):
        trust = abbe.enhance(image, steps=steps, passes=1).trust
        assert trust is not None
        assert np.array_equal(np.asarray(trust).squeeze() == 0, np.kron(box, np.ones((factor, factor), bool)))


def test_single_planes_of_many_and_channels_that_were_not_chosen() -> None:
    planes = np.stack([[micrograph(c + 10 * t) for c in range(3)] for t in range(2)])
    planes[1, 2] = labelled(planes[1, 2])
    planes[0, 0] = labelled(planes[0, 0])
    result = abbe.enhance(abbe.Image.from_array(planes, "TCYX"), steps="super_resolve", channels=(1, 2))
    where = masked(result)
    assert [[bool(where[t, c].any()) for c in range(3)] for t in range(2)] == [[False, False, False], [False, False, True]]
    (notice,) = (n for n in result.notices if n.code == "unmeasured")
    assert str(notice).startswith("1400 pixels hold one value")
    three = np.asarray(result)[1, 2, 0]
    assert np.all(three[360:420, 240:450] == 0)
    assert three[:350].min() > 0


def test_a_stack_with_a_rim() -> None:
    stack = np.stack([micrograph(k) for k in range(6)])
    stack[:, :, :15] = 0
    result = abbe.enhance(abbe.Image.from_array(stack, "ZYX", pixel_size=(0.3, 0.1, 0.1)), steps="axial")
    a, where = np.asarray(result).squeeze(), masked(result).squeeze()
    assert a.shape == where.shape == (16, 160, 160)
    assert np.all(a[:, :, :15] == 0)
    assert np.array_equal(where, np.broadcast_to(np.arange(160) < 15, where.shape))
    assert a[:, :, 15:25].mean() > 50


def test_pixels_without_numbers_stay_masked_beside_a_label(monkeypatch: pytest.MonkeyPatch) -> None:
    image = labelled(micrograph()).astype(np.float32)
    image[5:9, 5:9] = np.nan
    memory = abbe.enhance(image, steps="denoise")
    assert np.count_nonzero(masked(memory)) == 16 + 1400
    monkeypatch.setattr(pixels, "LIMITS", Limits(in_memory=1000))  # in scratch files
    disk = abbe.enhance(image, steps="denoise")
    assert np.array_equal(np.asarray(memory), np.asarray(disk))
    assert np.array_equal(masked(memory), masked(disk))


def test_colocalization_of_the_result_leaves_a_label_out() -> None:
    pair = abbe.Image.from_array(np.stack([labelled(micrograph(1)), labelled(micrograph(2))]), "CYX")
    found = abbe.colocalize(abbe.enhance(pair, steps="denoise"), channels=(0, 1))
    assert found.pixels.pixels == 160 * 160 - 1400


def test_colocalization_of_an_image_with_a_label_says_what_it_does() -> None:
    pair = (micrograph(1), micrograph(2))
    a, b = (abbe.Image.from_array(np.stack(planes), "CYX") for planes in (pair, [labelled(plane) for plane in pair]))
    one, two = (abbe.colocalize(image, channels=(0, 1)) for image in (a, b))
    assert two["pearson"].value > one["pearson"].value + 0.03  # that is why
    assert "unmeasured" not in {notice.code for notice in one.notices}
    (notice,) = (n for n in two.notices if n.code == "unmeasured")
    assert str(notice).startswith("1400 pixels of a plane lie within straight, sharp edges")
    above = abbe.ROI.rectangle(0, 0, 160, 78, unit="pixel")
    assert "unmeasured" not in {n.code for n in abbe.colocalize(b, channels=(0, 1), roi=above).notices}


def test_the_verdict_looks_at_what_was_measured() -> None:
    rim = micrograph() + 300
    rim[130:] = 0
    for steps in ("denoise", "super_resolve"):
        result = abbe.enhance(rim, steps=steps)
        seen, near, _, measured = judgement._parts(result, 0, 0, judgement.SIDE)
        assert measured == 130 * rim.shape[1]
        assert seen.min() > 300
        assert near.min() > 100
        assert np.asarray(result).min() == 0  # the result itself keeps its rim


def told(image: abbe.Image) -> list[str]:
    return [str(notice) for notice in image.notices if notice.code == "unmeasured"]


@pytest.mark.parametrize("background", [False, True])
def test_dead_rows_and_hot_columns_spoil_nothing_around_them(background: bool) -> None:
    image = micrograph()
    spoilt = image.copy()
    spoilt[70] = spoilt[100:102] = 0
    spoilt[:, 40] += 900
    plain, result = (abbe.correct_background(a) if background else abbe.enhance(a, "denoise") for a in (image, spoilt))
    a, b = np.asarray(plain).squeeze(), np.asarray(result).squeeze()
    where = masked(result).squeeze()
    assert np.array_equal(where, spoilt != image)
    assert np.abs(a - b)[~where].max() < 0.3 * a.std()
    assert np.abs(a - b)[where].max() < 5 * a.std()  # what might have been there
    assert result.trust is not None
    assert np.array_equal(np.asarray(result.trust).squeeze() == 0, where)
    assert [text.split(":")[0] for text in told(result)] == [
        "4 lines of pixels from side to side stand out as no lens can make it, as dead and hot rows and columns of a camera do"
    ]
    assert abbe.verdict(result).word != "doubtful"


@pytest.mark.parametrize("steps", ["denoise", "super_resolve"])
def test_lines_that_were_left_out_count_for_nothing_in_a_comparison(steps: str) -> None:
    image = micrograph()
    spoilt = image.copy()
    spoilt[70] = spoilt[100:102] = 0
    spoilt[:, 40] += 900
    plain, found = (abbe.compare(original=a, transformed=abbe.enhance(a, steps)).channels[0] for a in (image, spoilt))
    assert found.verdict.word == plain.verdict.word
    assert found.rsp.upsampled == pytest.approx(plain.rsp.upsampled, abs=0.01)  # 0.59 in place of 0.98 before
    assert found.rsp.transformed == pytest.approx(plain.rsp.transformed, abs=0.02)
    assert found.rse.transformed == pytest.approx(plain.rse.transformed, rel=0.1)


def test_a_narrow_rim_stays_a_rim() -> None:
    image = micrograph()
    image[:3] = image[80] = 0
    result = abbe.enhance(image, "denoise")
    shown = np.asarray(result).squeeze()
    assert np.all(shown[:3] == 0)
    assert shown[3:].min() > 50
    assert np.array_equal(masked(result).squeeze(), image == 0)
    assert [text.split(" ")[0] for text in told(result)] == [str(3 * 160), "1"]


@pytest.mark.parametrize("value", [0, np.nan])
@pytest.mark.parametrize("step", ["denoise", "axial"])
def test_a_plane_that_was_dropped_does_not_darken_those_beside_it(value: float, step: str) -> None:
    rng = np.random.default_rng(0)
    light = np.stack([gaussian_filter(specimen(np.random.default_rng(5), 96), 1.2 + 0.3 * abs(k - 4)) for k in range(8)])
    stack = (rng.poisson(80 * light + 20) + 100).astype(np.float32)
    spoilt = stack.copy()
    spoilt[3] = spoilt[7] = value
    size = {"axes": "ZYX", "pixel_size": (0.2, 0.1, 0.1)}
    plain, result = (abbe.enhance(abbe.Image.from_array(a, **size), step) for a in (stack, spoilt))  # type: ignore[arg-type]
    a, b = np.asarray(plain).squeeze(), np.asarray(result).squeeze()
    lost = masked(result).squeeze()
    assert lost.all(axis=(1, 2)).tolist() == [k in ((3, 7) if step == "denoise" else (5, 6, 13, 14)) for k in range(len(b))]
    assert not lost[~lost.all(axis=(1, 2))].any()
    assert b.min() > 80
    for k in np.flatnonzero(~lost.all(axis=(1, 2))):
        assert np.corrcoef(a[k].ravel(), b[k].ravel())[0, 1] > 0.87
    assert "2 planes of stacks hold one value alone, or no numbers, as dropped ones do" in {text.split(":")[0] for text in told(result)}


def test_a_dark_plane_of_a_stack_that_is_mostly_dark_was_measured() -> None:
    stack = np.stack([np.clip(micrograph(k).astype(int) - 135, 0, None) for k in range(4)]).astype(np.uint16)
    stack[2] = 0
    result = abbe.enhance(abbe.Image.from_array(stack, "ZYX"), "denoise")
    assert result.mask is None
    assert np.all(np.asarray(result).squeeze()[2] == 0)


@pytest.mark.parametrize("taken", [range(3, 4), range(3), range(5)])
def test_planes_that_were_never_taken_do_not_show_their_neighbour(taken: range) -> None:
    """A channel that has one focus, stacks that were broken off: darkness spoils nothing, and nothing is invented in it."""
    stack = np.stack([micrograph(k) if k in taken else np.zeros((160, 160), np.uint16) for k in range(10)])
    image = abbe.Image.from_array(stack, "ZYX", pixel_size=(0.2, 0.1, 0.1))
    result = abbe.enhance(image, "denoise")
    assert np.asarray(result).squeeze().any(axis=(1, 2)).tolist() == [k in taken for k in range(10)]
    assert masked(result).squeeze().all(axis=(1, 2)).tolist() == [k not in taken for k in range(10)]
    (text,) = told(result)
    assert text.startswith(f"{10 - len(taken)} planes of stacks hold one value alone, or no numbers, as those that were never taken do")
    assert "left as they are" in text


def test_lines_of_a_channel_that_was_left_alone_are_left_in_a_comparison() -> None:
    both = np.stack([micrograph(1), micrograph(2)])
    both[:, 70] = 0
    both[:, :, 40] += 900
    image = abbe.Image.from_array(both, "CYX")
    for result in (abbe.enhance(image, "denoise", channels=(0,)), abbe.correct_background(image, channels=(0,))):
        assert np.array_equal(np.asarray(result).squeeze()[1], both[1])
        made, left = abbe.compare(original=image, transformed=result).channels
        assert made.verdict.word in ("improved", "unchanged")
        assert (left.verdict.word, left.rsp.transformed) == ("unchanged", 1)  # doubtful, with 0.10, where they were taken out of one side


@pytest.mark.parametrize("value", [0.0, float("nan")])
@pytest.mark.parametrize("how", ["axial", "super_resolve", "background"])
def test_a_frame_that_was_dropped_changes_nothing_of_the_others(value: float, how: str) -> None:
    """Its zeros were taken for the camera's offset, and good frames lost a third to a half of their light."""
    frames = np.stack([micrograph(seed) for seed in (0, 1, 2)]).astype(np.float32 if np.isnan(value) else np.uint16)
    spoilt = np.insert(frames, 1, value, axis=0)
    one, two = (abbe.Image.from_array(series, "TYX", 0.1) for series in (frames, spoilt))
    if how == "background":
        plain, result = abbe.correct_background(one, passes=1), abbe.correct_background(two, passes=1)
    else:
        plain, result = (abbe.enhance(series, steps=("denoise", how), passes=1) for series in (one, two))
    a, b = np.asarray(plain)[:, 0, 0], np.asarray(result)[:, 0, 0]
    assert np.array_equal(a, b[[0, 2, 3]])
    assert masked(result)[1].all()
    assert not masked(result)[[0, 2, 3]].any()
    (said,) = [notice.message for notice in result.notices if notice.code == "unmeasured"]
    assert said.startswith("1 frame of a series holds one value alone, or no numbers")
    assert abbe.verdict(result).word == abbe.verdict(plain).word


def test_a_dark_frame_of_a_series_that_is_mostly_dark_was_measured() -> None:
    """Before a flash of light, in an image less its offset: it is dark, and nothing is missing."""
    rng = np.random.default_rng(3)
    flash = rng.poisson(0.02 + 40 * gaussian_filter((rng.random((160, 160)) < 0.002).astype(float), 2), (3, 160, 160)).astype(np.uint16)
    flash[0] = 0
    result = abbe.enhance(abbe.Image.from_array(flash, "TYX", 0.1), "denoise", passes=1)
    assert "unmeasured" not in codes(result)
    assert np.abs(np.asarray(result)[0]).max() < 0.05
