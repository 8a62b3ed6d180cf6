"""Files of several images: the first opens with a word about the others, and "cells.lif#2" is the third."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.cli.frame import main
from abbe.errors import NotAnImageError, ParameterError, StorageError
from abbe.formats import opening, remote
from abbe.formats.naming import numbered, stem
from abbe.formats.opening import image_names, sole
from abbe.formats.untrusted import open_untrusted


@pytest.fixture
def positions(shared_data: Path) -> Path:
    pytest.importorskip("liffile")
    return shared_data / "formats" / "Multiposition.lif"


@pytest.fixture
def two(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, list[np.ndarray]]:
    """An OME-TIFF with two images of different size, names and pixel sizes."""
    images = [rng.integers(0, 4000, shape, dtype=np.uint16) for shape in ((2, 40, 50), (3, 30, 20))]
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for k, pixels in enumerate(images):
            size = {"PhysicalSizeX": 0.1 + k, "PhysicalSizeY": 0.1 + k}
            tif.write(
                pixels, metadata={"axes": "CYX", "Name": f"field {k}", "Channel": {"Name": [f"{k}{c}" for c in range(len(pixels))]}, **size}
            )
    return path, images


def test_the_warning_says_how_to_open_the_others(positions: Path) -> None:
    image = abbe.open(positions)
    said = next(n.message for n in image.notices if n.code == "dropped")
    assert said.startswith("the file holds 3 images; the first was opened, Pos001_S001. Open another as ")
    places = re.findall(r"Multiposition\.lif#\d", said)
    assert places == ["Multiposition.lif#1", "Multiposition.lif#2"]
    for place in places:
        assert abbe.open(positions.with_name(place)).shape == image.shape


def test_each_image_of_a_lif_opens_as_itself(positions: Path) -> None:
    import liffile

    with liffile.LifFile(positions) as file:
        truth = [np.asarray(one.asarray())[None, :, None] for one in file.images]
        names = [one.name for one in file.images]
    assert image_names(positions) == tuple(names)
    for k, pixels in enumerate(truth):
        image = abbe.open(f"{positions}#{k}")
        assert np.array_equal(np.asarray(image), pixels)
        assert image.provenance.facts["name"] == names[k]
        assert image.provenance.source == f"{positions}#{k}"
        assert image.provenance.digest == abbe.open(positions).provenance.digest
        assert not [n for n in image.notices if n.code == "dropped"]  # whoever names one knows
    assert not np.array_equal(truth[0], truth[1])


def test_each_image_of_a_tiff_has_its_own_words(two: tuple[Path, list[np.ndarray]]) -> None:
    path, images = two
    for k, pixels in enumerate(images):
        image = abbe.open(f"{path}#{k}")
        assert np.array_equal(np.asarray(image)[0, :, 0], pixels)
        assert image.pixel_size[2] == pytest.approx(0.1 + k)
        assert image.channels == tuple(f"{k}{c}" for c in range(len(pixels)))
    assert image_names(path) == ("field 0, 2 x 40 x 50", "field 1, 3 x 30 x 20")


def test_a_plain_tiff_with_pages_of_different_size(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "pages.tif"
    images = [rng.integers(0, 255, shape, dtype=np.uint8) for shape in ((40, 50), (30, 20))]
    with tifffile.TiffWriter(path) as tif:
        for pixels in images:
            tif.write(pixels, metadata=None)
    for k, pixels in enumerate(images):
        assert np.array_equal(np.asarray(abbe.open(f"{path}#{k}"))[0, 0, 0], pixels)


@pytest.mark.parametrize("first", ["image", "copy"])
def test_a_small_copy_of_an_image_is_none_of_its_own(first: str, tmp_path: Path, rng: np.random.Generator) -> None:
    """It was listed as a second image; where it came first, it was what opened."""
    path = tmp_path / "slide.tif"
    pixels = rng.integers(0, 255, (60, 50), dtype=np.uint8)
    with tifffile.TiffWriter(path) as tif:
        for name in (first, "copy" if first == "image" else "image"):
            tif.write(pixels if name == "image" else pixels[::7, ::6].copy(), metadata=None, subfiletype=int(name == "copy"))
    image = abbe.open(path)
    assert np.array_equal(np.asarray(image)[0, 0, 0], pixels)
    assert not [n for n in image.notices if n.code == "dropped"]
    assert image_names(path) == ()


def test_an_image_that_is_no_smaller_than_any_other_is_no_small_copy(tmp_path: Path, rng: np.random.Generator) -> None:
    """Whatever its page says: it was hidden, and nothing said so."""
    images = [rng.integers(0, 255, shape, dtype=np.uint8) for shape in ((40, 50), (80, 90), (10, 12))]
    with tifffile.TiffWriter(tmp_path / "pages.tif") as tif:
        for k, pixels in enumerate(images):
            tif.write(pixels, metadata=None, subfiletype=int(k > 0))
    assert [name.partition(", ")[2] for name in image_names(tmp_path / "pages.tif")] == ["40 x 50", "80 x 90"]
    assert np.array_equal(np.asarray(abbe.open(tmp_path / "pages.tif#1"))[0, 0, 0], images[1])


def test_scenes_of_a_czi(shared_data: Path, tmp_path: Path) -> None:
    """The three frames of a recording, called scenes in the file's directory."""
    pytest.importorskip("czifile")
    data = (shared_data / "formats" / "CellDivision_T3_Z5_CH2_X240_Y170.czi").read_bytes()
    frames = np.asarray(abbe.open(shared_data / "formats" / "CellDivision_T3_Z5_CH2_X240_Y170.czi"))
    path = tmp_path / "scenes.czi"
    frame = rb"T\0\0\0([\0-\2]\0\0\0\x01\0\0\0.{4}\x01\0\0\0)"  # dimension, start, size, coordinate, stored size
    path.write_bytes(re.sub(frame, rb"S\0\0\0\1", data, flags=re.DOTALL))
    first = abbe.open(path)
    assert "3 images" in first.notices[0].message
    assert image_names(path) == ("scene 0", "scene 1", "scene 2")
    for k in range(3):
        assert np.array_equal(np.asarray(abbe.open(f"{path}#{k}")), frames[k : k + 1])


def test_positions_of_an_nd2(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three frames of a recording, called positions."""
    nd2 = pytest.importorskip("nd2")
    path = shared_data / "formats" / "cluster.nd2"
    frames = np.asarray(abbe.open(path))
    monkeypatch.setattr(nd2.ND2File, "sizes", {"P": 3, "Z": 10, "C": 2, "Y": 31, "X": 38})
    assert image_names(path) == ("position 0", "position 1", "position 2")
    for k in range(3):
        assert np.array_equal(np.asarray(abbe.open(f"{path}#{k}")), frames[k : k + 1])


def test_a_number_that_no_image_has_is_refused(positions: Path, shared_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"wanted the images Multiposition.lif#0 to #2, got Multiposition.lif#3"):
        abbe.open(f"{positions}#3")
    tifffile.imwrite(tmp_path / "one.tif", np.arange(256, dtype=np.uint8).reshape(16, 16))
    abbe.save(abbe.open(tmp_path / "one.tif"), tmp_path / "one.png")
    for name in ("one.tif", "one.png"):
        assert abbe.open(tmp_path / f"{name}#0").shape == (1, 1, 1, 16, 16)
        with pytest.raises(ParameterError, match=f"{name} alone, which holds one image, got {name}#1"):
            abbe.open(tmp_path / f"{name}#1")


def test_a_file_whose_real_name_has_a_number_sign_is_that_file(tmp_path: Path) -> None:
    for k, name in enumerate(("cells#1", "cells.tif", "cells.tif#1", "well #2.tif", "#3")):
        tifffile.imwrite(tmp_path / name, np.full((16, 16), k, np.uint8))
        assert np.asarray(abbe.open(tmp_path / name)).max() == k
        assert numbered(tmp_path / name) == (tmp_path / name, None)
    with pytest.raises(StorageError, match="there is no file"):
        abbe.open(tmp_path / "well #2")
    assert numbered(Path("x/cells.lif#12")) == (Path("x/cells.lif"), 12)
    for text in ("cells#a.lif", "cells.lif#", "#4", "cells.lif#-1", "cells.lif#1234567"):
        assert numbered(Path(text)) == (Path(text), None)


def test_results_are_named_after_file_and_number() -> None:
    assert stem(Path("a/cells.lif#2")) == "cells_2"
    assert stem(Path("cells.ome.tif#0")) == "cells_0"


def test_the_address_of_a_web_page_ends_at_the_number_sign() -> None:
    assert remote.numbered("https://x.org/a.lif#2") == ("https://x.org/a.lif", 2)
    assert remote.numbered("https://x.org/a.lif#top") == ("https://x.org/a.lif#top", None)
    assert remote.numbered("s3://bucket/a#2") == ("s3://bucket/a#2", None)


def test_a_decoder_in_a_process_of_its_own_reads_the_named_image(two: tuple[Path, list[np.ndarray]]) -> None:
    path, images = two
    image = open_untrusted(f"{path}#1")
    assert np.array_equal(np.asarray(image)[0, :, 0], images[1])
    assert image.provenance.digest == abbe.open(path).provenance.digest


def test_a_session_that_links_to_one_of_several_images_reads_that_one(two: tuple[Path, list[np.ndarray]], tmp_path: Path) -> None:
    path, images = two
    with abbe.Session.create(tmp_path / "a.abbe", abbe.open(f"{path}#1"), original="link") as session:
        assert np.array_equal(np.asarray(session.image(session.original.id))[0, :, 0], images[1])


def test_info_lists_the_images(two: tuple[Path, list[np.ndarray]], capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = two
    assert main(["info", f"{path}#1"]) == 0
    said = capsys.readouterr().out
    assert f"{path}#0  field 0, 2 x 40 x 50" in said
    assert "3 channels x 30 x 20 pixels" in said
    assert main(["info", str(path), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["images"]
    assert [one["open"] for one in listed] == [f"{path}#0", f"{path}#1"]


def test_enhance_takes_several_images_of_one_file(two: tuple[Path, list[np.ndarray]], tmp_path: Path) -> None:
    path, images = two
    assert main(["enhance", f"{path}#0", f"{path}#1", "--steps", "denoise", "-o", str(tmp_path / "results")]) == 0
    made = sorted(p.name for p in (tmp_path / "results").iterdir())
    assert [name.partition("_")[2][0] for name in made] == ["0", "1"]
    for name, pixels in zip(made, images):
        assert abbe.open(tmp_path / "results" / name).shape[3:] == pixels.shape[1:]


def test_a_damaged_file_of_several_says_so_whichever_is_named(positions: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.lif"
    shutil.copy(positions, cut)
    cut.write_bytes(cut.read_bytes()[:-1000])
    with pytest.raises(NotAnImageError):
        np.asarray(abbe.open(f"{cut}#2"))


def test_positions_along_an_axis_of_a_tiff(tmp_path: Path, rng: np.random.Generator) -> None:
    """As Micro-Manager stores them, in one series."""
    pixels = rng.integers(0, 4000, (2, 3, 2, 4, 20, 30), dtype=np.uint16)
    path = tmp_path / "well.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "TRCZYX"})
    assert image_names(path) == ("position 0", "position 1", "position 2")
    assert "the first was opened, position 0. Open another as well.tif#1 (position 1)" in abbe.open(path).notices[0].message
    assert np.array_equal(np.asarray(abbe.open(path)), pixels[:, 0])
    for k in range(3):
        assert np.array_equal(np.asarray(abbe.open(f"{path}#{k}")), pixels[:, k])
    with pytest.raises(ParameterError, match=r"well\.tif#0 to #2"):
        abbe.open(f"{path}#3")


def test_images_that_lie_along_two_axes_count_through_both(tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 200, (2, 3, 20, 30), dtype=np.uint8)
    path = tmp_path / "sim.tif"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": "APYX"})
    assert image_names(path)[4] == "angle 1, phase 1"
    assert np.array_equal(np.asarray(abbe.open(f"{path}#4"))[0, 0, 0], pixels[1, 1])


def test_a_zarr_folder_of_several_says_how_to_open_the_others(tmp_path: Path) -> None:
    """As bioformats2raw writes them."""
    folder = tmp_path / "plate.zarr"
    folder.mkdir()
    (folder / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {}}')
    for k in range(2):
        abbe.save(abbe.Image.from_array(np.full((20, 30), k, np.uint8)), tmp_path / f"{k}.ome.zarr")
        shutil.move(tmp_path / f"{k}.ome.zarr", folder / str(k))
    said = next(n.message for n in abbe.open(folder).notices if n.code == "dropped")
    assert said.endswith("holds 2 images; the first was opened, 0. Open another as plate.zarr#1 (1)")
    assert np.asarray(abbe.open(tmp_path / "plate.zarr#1")).max() == 1
    assert np.asarray(abbe.open(tmp_path / "plate.zarr/1")).max() == 1


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_fields_of_a_plate_are_its_images(version: str, tmp_path: Path) -> None:
    """They were refused, each to be opened by its folder. A well that was not imaged is listed, too, and has none."""
    plate = tmp_path / "plate.zarr"

    def describe(folder: Path, words: dict[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if version == "0.5":
            (folder / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {"ome": words}}))
        else:
            (folder / ".zgroup").write_text('{"zarr_format": 2}')
            (folder / ".zattrs").write_text(json.dumps(words))

    describe(plate, {"plate": {"wells": [{"path": "A/1"}, {"path": "A/2"}, {"path": "B/1"}, {"path": "B/2"}]}})
    for k, name in enumerate(("A/1/0", "A/1/1", "B/1/0")):
        describe(plate / name[:3], {"well": {"images": [{"path": str(field)} for field in range(2 if name[0] == "A" else 1)]}})
        abbe.save(abbe.Image.from_array(np.full((20, 30), k + 1, np.uint8)), tmp_path / f"{k}.ome.zarr")
        shutil.move(tmp_path / f"{k}.ome.zarr", plate / name)
    (plate / "B" / "2").mkdir()
    (plate / "B" / "2" / ("zarr.json" if version == "0.5" else ".zattrs")).write_text("{")
    assert image_names(plate) == ("A/1/0", "A/1/1", "B/1/0", "B/2/0")
    assert "4 images; the first was opened, A/1/0. Open another as plate.zarr#1 (A/1/1)" in abbe.open(plate).notices[0].message
    for k in range(3):
        assert np.asarray(abbe.open(tmp_path / f"plate.zarr#{k}")).max() == k + 1
    with pytest.raises(NotAnImageError, match=r"plate\.zarr/B/2/0 is a Zarr folder without the description of an image"):
        abbe.open(tmp_path / "plate.zarr#3")
    assert image_names(plate / "A" / "1") == ("0", "1")
    for words in ({"plate": {"wells": [{"path": "../../elsewhere"}]}}, {"plate": {"wells": []}}):
        describe(plate, words)
        with pytest.raises(NotAnImageError, match=r"outside itself|a plate without any image"):
            abbe.open(plate)


def test_one_that_cannot_be_read_hides_no_other(two: tuple[Path, list[np.ndarray]]) -> None:
    """The first was opened, failed, and nothing was said of the others; nor were they listed."""
    path, images = two
    with tifffile.TiffFile(path) as tif:
        tag = tif.series[0].pages[0].tags["StripOffsets"]
        place, width = tag.valueoffset, {4: 4, 16: 8}[int(tag.dtype)]
    with path.open("r+b") as file:
        file.seek(place)
        file.write((2**30).to_bytes(width, "little"))
    with pytest.raises(NotAnImageError, match=r"cut short.*the file holds 2 images.*open another as two\.ome\.tif#1 \(field 1"):
        abbe.open(path)
    assert image_names(path) == sole(path) == ("field 0, 2 x 40 x 50", "field 1, 3 x 30 x 20")
    assert np.array_equal(np.asarray(abbe.open(f"{path}#1"))[0, :, 0], images[1])
    with pytest.raises(NotAnImageError, match=r"copy it again from its source$"):
        abbe.open(f"{path}#0")


def test_photon_arrival_times_hide_no_other_image_of_a_lif(positions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import liffile

    monkeypatch.setattr(liffile.LifImage, "is_flim", property(lambda self: str(self.path) == "Pos001_S001"))
    with pytest.raises(NotAnImageError, match=r"\(FLIM\).*open another as Multiposition.lif#1 \(Pos002_S001\)"):
        abbe.open(positions)
    assert len(image_names(positions)) == 3
    assert abbe.open(f"{positions}#1").shape == abbe.open(f"{positions}#2").shape


def test_a_long_file_is_read_once_for_the_digest_of_all_its_images(
    two: tuple[Path, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A LIF of 20 GB with 40 images would be read 40 times."""
    path, _ = two
    os.utime(path, (1.6e9, 1.6e9))
    read: list[Path] = []
    digest = hashlib.file_digest
    monkeypatch.setattr(opening, "LONG", 1)
    monkeypatch.setattr(opening.hashlib, "file_digest", lambda file, name: (read.append(path), digest(file, name))[1])
    found = {abbe.open(f"{path}#{k}").provenance.digest for k in (0, 1, 0)}
    assert found == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert len(read) == 1
    path.write_bytes(path.read_bytes() + b" ")
    assert abbe.open(f"{path}#1").provenance.digest == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("date", [1.6e9, None])
def test_a_file_that_is_written_into_has_another_digest(
    date: float | None, two: tuple[Path, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place, with the length and the date of before: by a program that keeps dates, or within the clock's grain of a change before."""
    path, _ = two
    monkeypatch.setattr(opening, "LONG", 1)
    if date is None:
        monkeypatch.setattr(opening, "_state", lambda descriptor: (os.fstat(descriptor).st_size,))  # a disk that keeps but whole seconds
    else:
        os.utime(path, (date, date))
    for last in b"ab":
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert opening.digester(path)() == hashlib.sha256(path.read_bytes()).hexdigest()
