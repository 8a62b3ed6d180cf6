"""OME-Zarr folders and files behind URLs."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import abbe
from abbe.cli import frame
from abbe.errors import AbbeError, ExistsError, NotAnImageError, StorageError
from abbe.formats.remote import as_url


@pytest.fixture
def image(rng: np.random.Generator) -> abbe.Image:
    pixels = rng.integers(0, 4096, (2, 3, 2, 50, 60)).astype(np.uint16)
    found = abbe.Image.from_array(pixels, axes="TCZYX", pixel_size=(0.3, 0.1, 0.1), channels=["DAPI", "actin", "µ"], time_step=2.5, bits=12)
    return found.replace(colors=("#0000ff", "#00ff00", "#ffffff"))


def test_an_ome_zarr_keeps_what_it_is_given(tmp_path: Path, image: abbe.Image) -> None:
    abbe.save(image, tmp_path / "a.ome.zarr")
    back = abbe.open(tmp_path / "a.ome.zarr")
    assert np.array_equal(np.asarray(back), np.asarray(image))
    for what in ("pixel_size", "channels", "colors", "bits", "time_step", "notices"):
        assert getattr(back, what) == getattr(image, what), what
    words = json.loads((tmp_path / "a.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert words["version"] == "0.5"


def test_channels_that_nobody_coloured_are_not_all_white(tmp_path: Path, image: abbe.Image) -> None:
    """OME-Zarr wants a colour, and white is OME's own where none is given: channels shown so are one grey picture."""
    abbe.save(image.replace(colors=(None, None, None)), tmp_path / "none.ome.zarr")
    assert abbe.open(tmp_path / "none.ome.zarr").colors == (None, None, None)
    abbe.save(image.replace(colors=("#ffffff",) * 3), tmp_path / "chosen.ome.zarr")
    assert abbe.open(tmp_path / "chosen.ome.zarr").colors == ("#ffffff",) * 3
    abbe.save(image.select([2]), tmp_path / "one.ome.zarr")
    assert abbe.open(tmp_path / "one.ome.zarr").colors == ("#ffffff",)
    words = {"axes": "CYX", "Channel": {"Name": ["DAPI", "actin", "µ"], "Color": [-1, -1, -1]}}
    tifffile.imwrite(tmp_path / "others.ome.tif", np.asarray(image)[0, :, 0], metadata=words)
    assert abbe.open(tmp_path / "others.ome.tif").colors == (None, None, None)


def test_large_planes_get_smaller_levels_for_viewers(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    plane = np.add.outer(np.arange(1500.0), np.arange(1301.0)).astype(np.float32)
    abbe.save(plane, tmp_path / "a.zarr")
    small = zarr.open_array(str(tmp_path / "a.zarr" / "1"), mode="r")
    assert small.shape == (1, 1, 1, 750, 650)
    assert small[0, 0, 0, 10, 20] == plane[20:22, 40:42].mean()
    assert np.array_equal(abbe.open(tmp_path / "a.zarr").plane(), plane)


def words_of(folder: Path) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((folder / "zarr.json").read_text())["attributes"]["ome"]
    return words


def test_viewers_show_each_channel_between_its_own_values(tmp_path: Path, rng: np.random.Generator) -> None:
    """The window that napari and vizarr begin with; between 0 and 65535 an image of 200 counts is black."""
    pixels = np.stack([rng.integers(90, 200, (2, 600, 40)), np.full((2, 600, 40), 7)]).astype(np.uint16)
    image = abbe.Image.from_array(pixels, axes="CZYX", bits=12)
    abbe.save(image, tmp_path / "a.zarr")
    first, flat = (c["window"] for c in words_of(tmp_path / "a.zarr")["omero"]["channels"])
    assert first == {"min": 0, "max": 4095, "start": pixels[0].min(), "end": pixels[0].max()}
    assert (flat["start"], flat["end"]) == (7, 8)
    abbe.save(image.replace(bits=None), tmp_path / "b.zarr", dtype="float32")
    first = words_of(tmp_path / "b.zarr")["omero"]["channels"][0]["window"]
    abbe.save(image.replace(bits=6), tmp_path / "c.zarr")  # a file that says fewer bits than it has
    assert words_of(tmp_path / "c.zarr")["omero"]["channels"][0]["window"]["max"] == pixels[0].max()
    assert first == {"min": pixels[0].min(), "max": pixels[0].max(), "start": pixels[0].min(), "end": pixels[0].max()}


def test_an_ome_zarr_is_called_as_the_user_called_it(tmp_path: Path) -> None:
    abbe.save(np.zeros((9, 8), np.uint8), tmp_path / "cell 3.ome.zarr")
    assert words_of(tmp_path / "cell 3.ome.zarr")["multiscales"][0]["name"] == "cell 3"
    assert abbe.open(tmp_path / "cell 3.ome.zarr").provenance.facts["name"] == "cell 3"


def test_pixels_of_smaller_levels_are_of_two_whatever_the_size(tmp_path: Path) -> None:
    abbe.save(abbe.Image.from_array(np.zeros((2, 2051), np.uint8), pixel_size=0.1), tmp_path / "a.zarr")
    levels = words_of(tmp_path / "a.zarr")["multiscales"][0]["datasets"]
    scales = [level["coordinateTransformations"][0]["scale"][3:] for level in levels]
    assert scales == [[0.1, 0.1], [0.2, 0.2], [0.2, 0.4]]


@pytest.mark.parametrize(("unit", "step", "told"), [(None, 0.1, True), (None, 1.0, False), ("micrometer", 0.1, False)])
def test_a_pixel_size_without_a_unit_is_told(tmp_path: Path, unit: str | None, step: float, told: bool) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    group.create_array("0", shape=(9, 8), dtype="u2", chunks=(9, 8))[:] = np.arange(72).reshape(9, 8)
    axes = [{"name": a, "type": "space", **({"unit": unit} if unit else {})} for a in "yx"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [step, step]}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    found = abbe.open(tmp_path / "a.zarr")
    assert found.pixel_size[2] == (pytest.approx(step) if unit else None)
    assert [n.code for n in found.notices] == (["pixel_size"] if told else [])
    assert all("0.1 x 0.1 without its unit" in n.message for n in found.notices)
    assert abbe.open(tmp_path / "a.zarr", pixel_size=0.1).notices == ()


def test_version_04_opens(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    array = group.create_array("0", shape=(2, 9, 8), dtype="u2", chunks=(1, 9, 8))
    array[:] = np.arange(144).reshape(2, 9, 8)
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "nanometer"} for a in "yx")]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 65, 65]}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    group.attrs["omero"] = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00FF00"}]}
    found = abbe.open(tmp_path / "a.zarr")
    assert found.shape == (1, 2, 1, 9, 8)
    assert found.pixel_size == (None, pytest.approx(0.065), pytest.approx(0.065))
    assert found.channels == ("DAPI", "GFP")
    assert np.array_equal(found.plane(c=1), np.arange(72, 144).reshape(9, 8))


def test_a_folder_that_would_run_code_is_refused(tmp_path: Path, image: abbe.Image) -> None:
    zarr = pytest.importorskip("zarr")
    group = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=2)
    group.create_array("0", shape=(9, 8), dtype="u2", chunks=(9, 8))
    group.attrs["multiscales"] = [{"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}]
    words = json.loads((tmp_path / "a.zarr" / "0" / ".zarray").read_text())
    words["filters"] = [{"id": "pickle"}]
    (tmp_path / "a.zarr" / "0" / ".zarray").write_text(json.dumps(words))
    with pytest.raises(NotAnImageError, match="code of its own"):
        abbe.open(tmp_path / "a.zarr")


@pytest.mark.parametrize("spoil", ["path", "json", "missing", "empty"])
def test_a_damaged_folder_is_refused(tmp_path: Path, image: abbe.Image, spoil: str) -> None:
    import shutil

    abbe.save(image, tmp_path / "a.zarr")
    words = tmp_path / "a.zarr" / "zarr.json"
    if spoil == "path":
        words.write_text(words.read_text().replace('"path": "0"', '"path": "../../etc"'))
    elif spoil == "json":
        words.write_text(words.read_text()[:100])
    elif spoil == "missing":
        shutil.rmtree(tmp_path / "a.zarr" / "0")
    else:
        words.write_text("{}")
    with pytest.raises(AbbeError):
        np.asarray(abbe.open(tmp_path / "a.zarr"))


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, image: abbe.Image) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(ExistsError):
            abbe.save(image, tmp_path / "a.zarr", overwrite=overwrite)
    assert (tmp_path / "a.zarr" / "thesis.txt").exists()


@pytest.mark.parametrize("place", ["notes.txt", "0.txt", "figures/notes.txt", "labels/mine.tif"])
def test_a_file_that_somebody_put_into_an_image_keeps_it_from_being_replaced(tmp_path: Path, image: abbe.Image, place: str) -> None:
    abbe.save(image, tmp_path / "a.zarr")
    (tmp_path / "a.zarr" / place).parent.mkdir(exist_ok=True)
    (tmp_path / "a.zarr" / place).write_text("years of work")
    with pytest.raises(ExistsError, match=f"{place} in it is no part of an OME-Zarr"):
        abbe.save(image, tmp_path / "a.zarr", overwrite=True)
    assert (tmp_path / "a.zarr" / place).read_text() == "years of work"
    assert abbe.open(tmp_path / "a.zarr").shape == image.shape


@pytest.mark.parametrize("version", [2, 3])
def test_an_image_is_replaced_with_its_labels_and_what_systems_put_there(tmp_path: Path, image: abbe.Image, version: int) -> None:
    """Version 2, which OME-Zarr 0.4 is made of, could not be replaced at all."""
    import zarr

    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=version)
    for name in ("0", "labels/cells/0"):
        group.create_array(name, shape=(64, 64), chunks=(32, 32), dtype="u2")[:] = 7
    (tmp_path / "a.zarr" / "OME").mkdir()
    (tmp_path / "a.zarr" / "OME" / "METADATA.ome.xml").write_text("<OME/>")
    (tmp_path / "a.zarr" / ".DS_Store").write_text("")
    with pytest.raises(ExistsError, match="exists already"):
        abbe.save(image, tmp_path / "a.zarr")
    abbe.save(image, tmp_path / "a.zarr", overwrite=True)
    assert abbe.open(tmp_path / "a.zarr").shape == image.shape
    assert not (tmp_path / "a.zarr" / "labels").exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def website(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "www"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()


def test_a_url_is_a_file_on_the_command_line_too(
    website: tuple[str, Path], image: abbe.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its arguments are paths, which make one slash of two."""
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    address, folder = website
    abbe.save(image, folder / "cells.ome.tif")
    assert frame.main(["info", "--json", f"{address}/cells.ome.tif"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["file"], said["bytes"], said["shape"]) == (f"{address}/cells.ome.tif", None, list(image.shape))
    assert frame.main(["info", f"{address}/cells.ome.tif"]) == 0
    assert capsys.readouterr().out.startswith(f"{address}/cells.ome.tif\n  format      OME-TIFF\n")
    assert frame.main(["info", f"{address}/none.tif"]) == 1
    assert f"could not fetch {address}/none.tif" in capsys.readouterr().err
    assert as_url(Path("C:/cells.tif")) is None
    assert as_url(Path("cells/a.tif")) is None


def test_paths_that_look_like_urls_and_urls_of_files(image: abbe.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may be called as the beginning of a URL is; `file:///` has three slashes, of which a path leaves one."""
    pytest.importorskip("fsspec")
    (tmp_path / "plate1:").mkdir()
    abbe.save(image, tmp_path / "plate1:" / "cells.ome.tif")
    monkeypatch.chdir(tmp_path)
    for path in (Path("plate1:/cells.ome.tif"), Path(f"file://{tmp_path}/plate1:/cells.ome.tif")):
        assert np.array_equal(np.asarray(abbe.open(path)), np.asarray(image))
    assert as_url(Path("file:///data/a.tif")) == "file:///data/a.tif"
    assert as_url(Path("s3://data/a.tif")) == "s3://data/a.tif"
    assert as_url(Path()) is None


@pytest.mark.parametrize("version", [2, 3])
def test_levels_of_an_image_without_its_description_are_no_images(version: int, tmp_path: Path) -> None:
    """They were said to be three images, of which another be opened."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "cells.zarr"), mode="w", zarr_format=version)
    for k in range(3):
        group.create_array(str(k), shape=(32 >> k, 32 >> k), dtype="uint16", chunks=(16, 16))
    with pytest.raises(NotAnImageError, match=r"^cells.zarr is a Zarr folder without the description of an image") as said:
        abbe.open(tmp_path / "cells.zarr")
    assert "images, of which" not in str(said.value)
    assert said.value.images == ()
    (tmp_path / "cells.zarr" / "0" / "zarr.json").write_text("{")  # damaged, it may have been an image, as the others may be
    with pytest.raises(NotAnImageError, match="damaged"):
        abbe.open(tmp_path / "cells.zarr")


def test_a_file_behind_a_url_opens_and_leaves_nothing(
    website: tuple[str, Path], image: abbe.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc
    import os
    import tempfile

    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    address, folder = website
    abbe.save(image, folder / "cells.ome.tif")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    found = abbe.open(f"{address}/cells.ome.tif")
    assert np.array_equal(np.asarray(found), np.asarray(image))
    assert found.provenance.source == f"{address}/cells.ome.tif"
    assert found.provenance.digest == abbe.open(folder / "cells.ome.tif").provenance.digest
    with pytest.raises(StorageError, match="could not fetch"):
        abbe.open(f"{address}/nothing.tif")
    del found
    gc.collect()
    assert os.listdir(scratch) == []
