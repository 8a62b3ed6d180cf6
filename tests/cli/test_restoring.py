"""`abbe enhance` and `abbe background` on files: everything that can be refused is refused before anything is computed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import abbe
from abbe.cli import frame, restoring
from abbe.restoration import room


@pytest.fixture(autouse=True)
def _use_small_models(small_models_in_use: None) -> None: ...


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two images in it."""
    rng = np.random.default_rng(3)
    for name, channels in (("cells", 1), ("pair", 2)):
        pixels = rng.poisson(200, (channels, 40, 50)).astype(np.uint16)
        abbe.save(abbe.Image.from_array(pixels, "CYX", 0.1), tmp_path / f"{name}.tif")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows when a result is computed."""
    seen: list[str] = []
    judge = restoring.verdict

    def counting(result: abbe.Image) -> object:
        seen.append("a result")
        return judge(result)

    monkeypatch.setattr(restoring, "verdict", counting)
    return seen


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = frame.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_result_is_written_here_under_the_inputs_name(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "enhance", "cells.tif")
    assert code == 0
    assert "cells_abbe.ome.tif: 120 x 150 pixels, float32, pixels of 0.03333 um" in out
    assert abbe.open("cells_abbe.ome.tif").shape == (1, 1, 1, 120, 150)


@pytest.mark.parametrize("folder", ["results/today", "2026.05.03"])
def test_a_folder_for_results_is_made_where_it_is_not_there(desk: Path, capsys: pytest.CaptureFixture[str], folder: str) -> None:
    assert call(capsys, "background", "cells.tif", "pair.tif", "-o", folder)[0] == 0
    assert sorted(os.listdir(folder)) == ["cells_background.ome.tif", "pair_background.ome.tif"]


def test_a_mask_among_the_images_is_told_once_and_noted_in_its_result(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:30, 10:40] = mask[40:55, 20:50] = 255
    abbe.save(abbe.Image.from_array(mask), "mask.tif")
    code, _, err = call(capsys, "enhance", "mask.tif", "--steps", "denoise", "-o", "out.tif")
    assert (code, err.count("as masks and labels have")) == (0, 1)
    assert any("as masks and labels have" in notice.message for notice in abbe.open("out.tif").notices)


def test_the_folder_of_a_named_file_is_made_too(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "enhance", "cells.tif", "--steps", "denoise", "-o", "new/folder/out.tif")[0] == 0
    assert os.listdir("new/folder") == ["out.tif"]


def test_a_file_that_holds_less_than_was_computed_says_so_beside_the_verdict(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Values of 0.1 to 1.4, as normalised data have, are two grey levels as whole numbers."""
    rng = np.random.default_rng(5)
    abbe.save(abbe.Image.from_array((0.1 + 1.3 * rng.random((40, 50))).astype(np.float32), "YX", 0.1), "small.tif")
    abbe.save(abbe.Image.from_array(rng.normal(-300, 100, (40, 50)).astype(np.int16), "YX", 0.1), "below.tif")
    for name, reason in (("small", "grey levels"), ("below", "of the pixels were clipped")):
        code, out, err = call(capsys, "enhance", f"{name}.tif", "--steps", "denoise", "--dtype", "uint16", "-o", f"{name}_16.tif")
        assert code == 0
        assert reason in err
        assert "as computed: the file holds less" in out
    _, out, _ = call(capsys, "enhance", "cells.tif", "--steps", "denoise", "--dtype", "uint16", "-o", "whole.tif")
    assert "holds less" not in out


def test_an_image_without_a_number_is_refused_and_leaves_no_folder(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.save(abbe.Image.from_array(np.full((40, 50), np.nan, np.float32), "YX", 0.1), "nothing.tif")
    code, _, err = call(capsys, "enhance", "nothing.tif", "-o", "new/folder/out.tif")
    assert code == 1
    assert "wanted pixels that are numbers" in err
    assert not Path("new").exists()


def test_oblong_pixels_are_named_by_both_sides(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pixels = np.random.default_rng(6).poisson(200, (40, 50)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(pixels, "YX", (None, 0.2, 0.1)), "oblong.tif")
    _, out, _ = call(capsys, "enhance", "oblong.tif")
    assert "pixels of 0.03333 (along x) by 0.06667 (along y) um" in out


def test_a_session_is_no_image_file_and_says_what_is(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.Session.create("cells.abbe", "cells.tif").close()
    code, _, err = call(capsys, "enhance", "cells.abbe", "--steps", "denoise")
    assert code == 1
    version = re.search(r"such as (\S+), or write one to a file: abbe export cells.abbe", err)
    assert version is not None, err
    assert call(capsys, "enhance", version[1], "--steps", "denoise", "-o", "out.tif")[0] == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["cells.tif", "-o", "out.xyz"], "ends in one of"),
        (["cells.tif", "-o", "out.tif", "--dtype", "float64"], "pixel type"),
        (["pair.tif", "-o", "out.png"], "save as .ome.tif"),
        (["cells.tif", "-o", "pair.tif/sub/out.tif"], "a part of the path is a file"),
        (["cells.tif", "-o", "/sys/abbe/out.tif"], "choose another folder"),
        (["cells.tif", "-o", "cells.tif"], "--overwrite"),
        (["cells.tif", "-o", f"{'n' * 250}.ome.tif"], "name is too long"),
        (["cells.tif", "pair.tif", "-o", "out.tif"], "wanted a folder"),
        (["cells.tif", "./cells.tif"], "one by one"),
        (["cells.tif", "--steps", "sharpen"], "wanted steps of"),
        (["cells.tif", "--channels", "actin"], "0 channel 0"),
        (["cells.tif", "--engine", "abacus"], "engine"),
        (["cells.tif", "--model", "nothing"], "model"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value)[:40],
)
def test_what_cannot_end_well_is_not_begun(
    desk: Path, capsys: pytest.CaptureFixture[str], computed: list[str], words: list[str], reason: str
) -> None:
    before = {path: path.read_bytes() for path in desk.iterdir()}
    code, _, err = call(capsys, "enhance", *words)
    assert code == 1
    assert reason in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("abbe: ")
    assert not computed
    assert {path: path.read_bytes() for path in desk.iterdir()} == before


def test_a_result_may_replace_its_own_input_when_asked(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "enhance", "cells.tif", "-o", "cells.tif", "--overwrite", "--steps", "denoise")
    assert code == 0, err
    assert abbe.open("cells.tif").provenance.history


def test_an_ome_zarr_is_a_file_by_name_though_it_is_a_folder(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The result was put into the OME-Zarr, which kept its old pixels, and went with the next that replaced it."""
    words = ("background", "cells.tif", "-o", "out.ome.zarr")
    assert call(capsys, *words)[0] == 0
    before = np.asarray(abbe.open("out.ome.zarr"))
    code, _, err = call(capsys, "background", "pair.tif", "-o", "out.ome.zarr")
    assert code == 1
    assert "exists already" in err
    assert np.array_equal(np.asarray(abbe.open("out.ome.zarr")), before)
    assert call(capsys, "background", "pair.tif", "-o", "out.ome.zarr", "--overwrite")[0] == 0
    assert abbe.open("out.ome.zarr").shape[1] == 2
    assert not [*Path("out.ome.zarr").rglob("*.tif")]
    Path("out.ome.zarr").rename("hidden")  # whatever it is called
    assert call(capsys, "background", "cells.tif", "-o", "hidden")[0] == 1
    assert not [*Path("hidden").rglob("*.tif")]


def test_an_ome_zarr_with_a_file_of_somebodys_in_it_stays_as_it_is(
    desk: Path, computed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as a result that an older abbe put there; it went with what replaced the OME-Zarr. Told before anything is computed."""
    abbe.save(abbe.open("cells.tif"), "out.ome.zarr")
    Path("out.ome.zarr/cells_abbe.ome.tif").write_bytes(b"a result")
    code, _, err = call(capsys, "background", "pair.tif", "-o", "out.ome.zarr", "--overwrite")
    assert code == 1
    assert "cells_abbe.ome.tif in it is no part of an OME-Zarr; move that elsewhere" in err
    assert not computed
    assert Path("out.ome.zarr/cells_abbe.ome.tif").read_bytes() == b"a result"


def test_an_ome_zarr_may_be_replaced_when_asked(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.save(abbe.open("cells.tif"), "old.ome.zarr")
    words = ("background", "cells.tif", "-o", "old.ome.zarr")
    code, _, err = call(capsys, *words)
    assert (code, "exists already" in err) == (1, True)
    assert call(capsys, *words, "--overwrite")[0] == 0
    assert abbe.open("old.ome.zarr").provenance.history


def test_an_error_map_replaces_nothing_that_is_compared(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recording was gone, and `--overwrite` had said nothing of that."""
    before = Path("cells.tif").read_bytes()
    Path("link.tif").symlink_to("cells.tif")
    for name in ("cells.tif", "link.tif"):
        code, _, err = call(capsys, "compare", "cells.tif", "cells.tif", "--error-map", name, "--overwrite")
        assert (code, "which is compared, by the error map; name another file" in err) == (1, True)
    assert Path("cells.tif").read_bytes() == before


def test_a_batch_puts_no_results_into_an_ome_zarr(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.save(abbe.open("cells.tif"), "out.ome.zarr")
    before = sorted(Path("out.ome.zarr").rglob("*"))
    for words in (("batch", "."), ("align", ".")):
        code, _, err = call(capsys, *words, "-o", "out.ome.zarr")
        assert code == 1
        assert "out.ome.zarr, which is an image; name another" in err
    assert sorted(Path("out.ome.zarr").rglob("*")) == before


def test_one_file_that_fails_does_not_stop_the_others(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes.tif").write_text("not an image")
    code, out, err = call(capsys, "enhance", "notes.tif", "cells.tif", "--steps", "denoise")
    assert code == 1
    assert "cells_abbe.ome.tif" in out
    assert err.splitlines()[-1] == "abbe: 1 of 2 files could not be done: notes.tif; the reasons are above"
    assert any(line.startswith("notes.tif: notes.tif is no image") for line in err.splitlines())


def test_a_pixel_size_that_the_file_lacks_can_be_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    abbe.save(np.random.default_rng(1).poisson(100, (5, 30, 30)).astype(np.uint16), "stack.tif")
    code, out, _ = call(capsys, "enhance", "stack.tif", "--steps", "axial", "--pixel-size", "0.2,0.1,0.1")
    assert code == 0
    assert "9 x 30 x 30 pixels, float32, pixels of 0.1 um, z-step 0.1 um" in out


@pytest.mark.parametrize("text", ["a", "", "1,2,3,4", "0.1;0.2"])
def test_a_pixel_size_that_is_none_is_wrong_usage(desk: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    code, _, err = call(capsys, "info", "cells.tif", f"--pixel-size={text}")
    assert code == 2
    assert "--pixel-size" in err


def test_axes_that_the_file_does_not_say_can_be_told(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tifffile

    pages = np.random.default_rng(1).poisson(100, (3, 30, 30)).astype(np.uint16)
    tifffile.imwrite("pages.tif", pages, metadata=None, photometric="minisblack")
    assert "(axes= or --axes)" in call(capsys, "info", "pages.tif")[1]
    assert "3 frames" in call(capsys, "info", "pages.tif", "--axes", "TYX")[1]
    assert call(capsys, "background", "pages.tif", "--axes", "TYX")[0] == 0
    assert abbe.open("pages_background.ome.tif").shape[0] == 3


def test_trust_and_interval_are_written_beside_the_result(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "enhance", "cells.tif", "-o", "sharp.tif", "--maps")[0] == 0
    sharp, trust, lower, upper = (np.asarray(abbe.open(f"sharp{kind}.tif")) for kind in ("", "_trust", "_lower", "_upper"))
    assert sharp.shape == trust.shape == lower.shape == upper.shape
    assert (lower <= sharp).all()
    assert (sharp <= upper).all()
    assert trust.min() >= 0
    assert trust.max() <= 1


def test_maps_are_not_written_over_what_is_there(desk: Path, capsys: pytest.CaptureFixture[str], computed: list[str]) -> None:
    Path("sharp_trust.tif").write_text("precious")
    assert call(capsys, "enhance", "cells.tif", "-o", "sharp.tif", "--maps")[0] == 1
    assert not computed
    assert Path("sharp_trust.tif").read_text() == "precious"


def test_the_other_workflow_is_advised_where_it_fits_better(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "background", "cells.tif")
    assert code == 0
    assert out.startswith("cells.tif: Workflow B. Result: 40 x 50 pixels")
    assert "Workflow A is advised" in err


def test_a_disk_without_room_is_told_before_the_work(
    desk: Path, capsys: pytest.CaptureFixture[str], computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_disk", lambda folder: 1000)
    code, _, err = call(capsys, "enhance", "cells.tif")
    assert code == 1
    assert "got 1 KB free" in err
    assert not computed


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("enhance", "--model", "nobody"), "wanted a model, got 'nobody'"),
        (("enhance", "--realism", "3"), "wanted a realism from 0"),
        (("enhance", "--steps", "denoise", "--model", "super_resolve"), "wanted a model for the steps denoise"),
        (("background", "--realism", "2"), "wanted a realism from 0"),
    ],
)
def test_what_no_image_could_be_done_with_is_said_before_one_is_looked_at(
    words: tuple[str, ...], error: str, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, words[0], "cells.tif", "nowhere.tif", *words[1:])
    assert code == 1
    assert not out
    assert err.startswith(f"abbe: {error}")
    assert len(err.splitlines()) == 1


def test_frames_of_a_series_share_their_light_where_it_is_asked_for(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light = np.random.default_rng(6).poisson(50 + 100 * np.eye(40), (4, 40, 40)).astype(np.uint16)
    abbe.save(abbe.Image.from_array(light, "TYX", 0.1), "movie.tif")
    code, _, err = call(capsys, "enhance", "movie.tif", "--steps", "denoise")
    assert code == 0
    assert "each frame is restored for itself; --frames 2 has less noise" in err
    assert "frames" not in abbe.open("movie_abbe.ome.tif").provenance.history[-1]
    code, out, err = call(capsys, "enhance", "movie.tif", "--steps", "denoise", "--frames", "1", "--overwrite")
    assert code == 0
    assert "--frames 2" not in err
    assert "averaged with up to one frame before and after it" in out + err
    ours = abbe.enhance(abbe.open("movie.tif"), "denoise", frames=1)
    assert np.array_equal(np.asarray(abbe.open("movie_abbe.ome.tif")), np.asarray(ours))
    assert "--frames 2" not in call(capsys, "enhance", "cells.tif", "--steps", "denoise")[2]
    code, _, err = call(capsys, "enhance", "movie.tif", "--steps", "super_resolve", "--frames", "1", "--overwrite")
    assert code == 1
    assert "wanted the step denoise for frames that share their light" in err


def test_planes_of_a_stack_share_their_light_unless_told_not_to(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light = 5 + 60 * np.exp(-((np.indices((8, 40, 40)) - 20) ** 2).sum(0) / 500)
    abbe.save(abbe.Image.from_array(np.random.default_rng(6).poisson(light).astype(np.uint16), "ZYX", (0.1, 0.1, 0.1)), "stack.tif")
    for words, planes in ((), None), (("--planes",), True), (("--no-planes",), False):
        assert call(capsys, "enhance", "stack.tif", "--steps", "denoise", *words, "--overwrite")[0] == 0
        ours = abbe.enhance(abbe.open("stack.tif"), "denoise", planes=planes)
        assert np.array_equal(np.asarray(abbe.open("stack_abbe.ome.tif")), np.asarray(ours))
        assert ours.recipe is not None
        assert ("planes" in ours.recipe.steps[0].parameters) is (planes is not False)
    for words, error in {
        ("--steps", "super_resolve", "--planes"): "wanted the step denoise for planes that share their light",
        ("--frames", "1", "--planes"): "wanted either planes or frames that share their light, got both",
    }.items():
        code, _, err = call(capsys, "enhance", "stack.tif", *words, "--overwrite")
        assert code == 1
        assert err.splitlines()[-1].startswith(f"abbe: {error}")
    hint = "a stack whose z-step is not known: each plane is restored for itself"
    assert hint not in call(capsys, "enhance", "stack.tif", "--steps", "denoise", "--overwrite")[2]
    abbe.save(abbe.open("stack.tif").replace(pixel_size=(None, 0.1, 0.1)), "bare.tif")
    assert hint in call(capsys, "enhance", "bare.tif", "--steps", "denoise", "--overwrite")[2]
    assert hint not in call(capsys, "enhance", "bare.tif", "--steps", "denoise", "--planes", "--overwrite")[2]
