"""Files of a set of OME-TIFFs, such as the positions of one recording: each opens as what it holds."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import abbe
from abbe.errors import NotAnImageError
from abbe.formats.tiff.sets import first_file

UUIDS = [f"urn:uuid:11111111-1111-1111-1111-11111111111{k}" for k in range(3)]
SCHEMA = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
DEPTH, HEIGHT, WIDTH = 3, 20, 24


def image(k: int, planes: str) -> str:
    """Image number k of the XML, with a pixel size of its own."""
    size = f'SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="1" SizeZ="{DEPTH}" SizeT="1"'
    step = f'PhysicalSizeX="0.{k + 1}" PhysicalSizeY="0.{k + 1}" PhysicalSizeZ="0.5"'
    channel = f'<Channel ID="Channel:{k}:0" Name="dye {k}" SamplesPerPixel="1"/>'
    pixels = f'<Pixels ID="Pixels:{k}" DimensionOrder="XYCZT" Type="uint16" {size} {step}>{channel}{planes}</Pixels>'
    return f'<Image ID="Image:{k}" Name="position">{pixels}</Image>'


def planes_in(k: int) -> str:
    """All planes of an image, in file k."""
    where = f'<UUID FileName="Pos{k}.ome.tif">{UUIDS[k]}</UUID>'
    return "".join(f'<TiffData FirstZ="{z}" IFD="{z}" PlaneCount="1">{where}</TiffData>' for z in range(DEPTH))


def full(k: int) -> str:
    images = "".join(image(j, planes_in(j)) for j in range(3))
    return f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA} UUID="{UUIDS[k]}">{images}</OME>'


def pointing(k: int) -> str:
    """As Micro-Manager writes into all files but the first."""
    if k == 0:
        return full(0)
    pointer = f'<BinaryOnly MetadataFile="Pos0.ome.tif" UUID="{UUIDS[0]}"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA} UUID="{UUIDS[k]}">{pointer}</OME>'


def write(path: Path, pixels: np.ndarray, xml: str, **layout: object) -> None:
    with tifffile.TiffWriter(path) as writer:
        for z, plane in enumerate(pixels):
            writer.write(plane, description=xml if z == 0 else None, metadata=None, **layout)


@pytest.fixture
def stacks(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 4000, (3, DEPTH, HEIGHT, WIDTH)).astype(np.uint16)


@pytest.mark.parametrize("words", [full, pointing])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_each_position_of_a_recording_opens_as_itself(
    tmp_path: Path, stacks: np.ndarray, words: Callable[[int], str], compression: str | None
) -> None:
    """Whichever was named, the first position was opened."""
    for k in range(3):
        write(tmp_path / f"Pos{k}.ome.tif", stacks[k], words(k), compression=compression)
    for k in range(3):
        opened = abbe.open(tmp_path / f"Pos{k}.ome.tif")
        assert np.array_equal(np.asarray(opened)[0, 0], stacks[k])
        assert opened.pixel_size == pytest.approx((0.5, 0.1 * (k + 1), 0.1 * (k + 1)))
        assert opened.channels == (f"dye {k}",)
        assert opened.notices == ()
        assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(opened))), np.asarray(opened))


@pytest.mark.parametrize("name", ["Pos1.ome.tif", "renamed.ome.tif"])
def test_a_position_without_the_others_keeps_its_own_words(tmp_path: Path, stacks: np.ndarray, name: str) -> None:
    write(tmp_path / name, stacks[1], full(1))
    opened = abbe.open(tmp_path / name)
    assert np.array_equal(np.asarray(opened)[0, 0], stacks[1])
    assert opened.pixel_size == pytest.approx((0.5, 0.2, 0.2))
    assert opened.channels == ("dye 1",)


def test_a_position_whose_description_is_missing_says_so(tmp_path: Path, stacks: np.ndarray) -> None:
    write(tmp_path / "Pos1.ome.tif", stacks[1], pointing(1))
    opened = abbe.open(tmp_path / "Pos1.ome.tif", axes="ZYX")
    assert np.array_equal(np.asarray(opened)[0, 0], stacks[1])
    assert ["Pos0.ome.tif" in n.message for n in opened.notices] == [True]
    (tmp_path / "Pos0.ome.tif").write_bytes(b"no TIFF at all")
    assert "Pos0.ome.tif" in abbe.open(tmp_path / "Pos1.ome.tif", axes="ZYX").notices[0].message


def test_an_image_whose_planes_lie_in_several_files_is_whole_from_each_of_them(tmp_path: Path, stacks: np.ndarray) -> None:
    where = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="z{z}.ome.tif">{UUIDS[z]}</UUID></TiffData>' for z in range(DEPTH)
    )
    for z in range(DEPTH):
        xml = f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA} UUID="{UUIDS[z]}">{image(0, where)}</OME>'
        write(tmp_path / f"z{z}.ome.tif", stacks[0, z : z + 1], xml)
    for z in range(DEPTH):
        opened = abbe.open(tmp_path / f"z{z}.ome.tif")
        assert np.array_equal(np.asarray(opened)[0, 0], stacks[0])
        assert opened.notices == ()


def test_words_are_those_of_the_first_image_that_has_planes(tmp_path: Path, stacks: np.ndarray) -> None:
    """A deleted position leaves its description behind."""
    images = image(0, "") + image(1, "<TiffData/>")
    write(tmp_path / "a.ome.tif", stacks[1], f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA}>{images}</OME>')
    opened = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(np.asarray(opened)[0, 0], stacks[1])
    assert opened.channels == ("dye 1",)


def test_several_images_in_one_file_are_named(tmp_path: Path, stacks: np.ndarray) -> None:
    images = "".join(image(k, f'<TiffData IFD="{DEPTH * k}" PlaneCount="{DEPTH}"/>') for k in range(3))
    write(tmp_path / "a.ome.tif", stacks.reshape(-1, HEIGHT, WIDTH), f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA}>{images}</OME>')
    opened = abbe.open(tmp_path / "a.ome.tif")
    assert np.array_equal(np.asarray(opened)[0, 0], stacks[0])
    (notice,) = opened.notices
    assert notice.message.startswith("the file holds 3 images; the first was opened")


@pytest.mark.parametrize("words", [full, pointing])
def test_a_position_is_no_part_of_another(tmp_path: Path, stacks: np.ndarray, words: Callable[[int], str]) -> None:
    for k in range(3):
        write(tmp_path / f"Pos{k}.ome.tif", stacks[k], words(k))
    for k in range(3):
        assert first_file(tmp_path / f"Pos{k}.ome.tif") == tmp_path / f"Pos{k}.ome.tif"


def test_a_plane_of_a_stack_belongs_to_the_file_with_the_first(tmp_path: Path, stacks: np.ndarray) -> None:
    where = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="Pos{z}.ome.tif">{UUIDS[z]}</UUID></TiffData>' for z in range(DEPTH)
    )
    for z in range(DEPTH):
        xml = f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA} UUID="{UUIDS[z]}">{image(0, where)}</OME>'
        write(tmp_path / f"Pos{z}.ome.tif", stacks[0, z : z + 1], xml)
    assert [first_file(tmp_path / f"Pos{z}.ome.tif").name for z in range(DEPTH)] == ["Pos0.ome.tif"] * 3
    tifffile.imwrite(tmp_path / "alone.tif", stacks[0, 0])
    assert first_file(tmp_path / "alone.tif") == tmp_path / "alone.tif"


COMPANION = "urn:uuid:11111111-1111-1111-1111-111111111119"


@pytest.fixture
def companions(tmp_path: Path, stacks: np.ndarray) -> Path:
    """A stack of two channels in a file each, whose words are in a third that holds no pixels, as bfconvert writes them."""
    planes = ""
    for c in range(2):
        where = f'<UUID FileName="Pos{c}.ome.tif">{UUIDS[c]}</UUID>'
        planes += "".join(f'<TiffData FirstC="{c}" FirstZ="{z}" IFD="{z}" PlaneCount="1">{where}</TiffData>' for z in range(DEPTH))
        pointer = f'<BinaryOnly MetadataFile="set.companion.ome" UUID="{COMPANION}"/>'
        write(tmp_path / f"Pos{c}.ome.tif", stacks[c], f'<OME {SCHEMA} UUID="{UUIDS[c]}">{pointer}</OME>')
    both = image(0, '<Channel ID="Channel:0:1" Name="dye 1" SamplesPerPixel="1"/>' + planes).replace('SizeC="1"', 'SizeC="2"')
    words = f'<?xml version="1.0" encoding="UTF-8"?>\n<OME {SCHEMA} UUID="{COMPANION}">{both}</OME>\n'
    (tmp_path / "set.companion.ome").write_text(words)
    return tmp_path


def test_the_words_of_a_set_may_lie_in_a_companion(companions: Path, stacks: np.ndarray) -> None:
    """Planes of depth were taken for channels, and the companion was said to be missing."""
    for c in range(2):
        found = abbe.open(companions / f"Pos{c}.ome.tif")
        assert np.array_equal(np.asarray(found)[0], stacks[:2])
        assert found.channels == ("dye 0", "dye 1")
        assert found.pixel_size == (0.5, 0.1, 0.1)
        assert found.notices == ()
        part = (slice(0, 1), slice(1, 2), slice(0, DEPTH), slice(3, 9), slice(0, 9))
        assert np.array_equal(pickle.loads(pickle.dumps(found.pixels)).read(part), found.read(part))
        assert first_file(companions / f"Pos{c}.ome.tif").name == "Pos0.ome.tif"
    with pytest.raises(NotAnImageError, match="open one of these"):
        abbe.open(companions / "set.companion.ome")


@pytest.mark.parametrize("text", ["", "<OME", "<a/>", "\0\1\2"])
def test_a_companion_that_makes_no_sense_is_told(companions: Path, stacks: np.ndarray, text: str) -> None:
    (companions / "set.companion.ome").write_text(text)
    found = abbe.open(companions / "Pos1.ome.tif")
    assert np.array_equal(np.asarray(found).reshape(stacks[1].shape), stacks[1])
    assert [n.code for n in found.notices] == ["damaged", "axes_guessed"]
