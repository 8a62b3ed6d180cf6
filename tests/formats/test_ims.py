"""Imaris files, built here by the published layout of version 5.5."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import abbe
from abbe.cli.frame import EXTRAS, main
from abbe.errors import AbbeError, AxesError, LimitError, MissingExtraError, NotAnImageError, ParameterError, StorageError
from abbe.formats.untrusted import open_untrusted

h5py = pytest.importorskip("h5py")

GZIP = {"compression": "gzip", "compression_opts": 2}
BLOCK = (4, 16, 32)


def said(group: Any, **attributes: object) -> None:
    """Attributes as Imaris stores them: arrays of single letters."""
    for name, value in attributes.items():
        group.attrs[name] = np.frombuffer(str(value).encode(), "S1")


def write_ims(path: Path, pixels: np.ndarray, how: dict[str, Any] | None = None, **image: object) -> np.ndarray:
    """`pixels` are TCZYX; what is stored is padded to whole blocks, with 7 where there is no image."""
    frames, channels, depth, height, width = pixels.shape
    padded = [-(-n // b) * b for n, b in zip(pixels.shape[2:], BLOCK)]
    with h5py.File(path, "w") as file:
        said(
            file,
            ImarisDataSet="ImarisDataSet",
            ImarisVersion="5.5.0",
            DataSetDirectoryName="DataSet",
            DataSetInfoDirectoryName="DataSetInfo",
        )
        for t in range(frames):
            for c in range(channels):
                group = file.create_group(f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}")
                said(group, ImageSizeX=width, ImageSizeY=height, ImageSizeZ=depth)
                stored = np.full(padded, 7, pixels.dtype)
                stored[:depth, :height, :width] = pixels[t, c]
                group.create_dataset("Data", data=stored, **({"chunks": BLOCK, **GZIP} if how is None else how))
                small = file.create_group(f"DataSet/ResolutionLevel 1/TimePoint {t}/Channel {c}")
                small.create_dataset("Data", data=stored[::2, ::2, ::2])
        info = file.create_group("DataSetInfo")
        whole = {"X": width, "Y": height, "Z": depth, "Unit": "um", "RecordingDate": "2021-03-04 05:06:07.500", "Name": "embryo"}
        whole |= {"ExtMin0": "10.0", "ExtMin1": "-5", "ExtMin2": "0", "ExtMax0": 10 + width * 0.1, "ExtMax1": -5 + height * 0.2}
        whole |= {"ExtMax2": depth * 0.5, "LensPower": "63x", "NumericalAperture": "1.4"}
        said(info.create_group("Image"), **(whole | image))
        for c in range(channels):
            words = {"Name": ("DAPI", "Alexa 488", "c")[c], "Color": ("0.000 0.000 1.000", "0.000 1.000 0.000", "1 1 1")[c]}
            words |= {"ColorMode": "BaseColor", "LSMEmissionWavelength": (461, 519, 0)[c], "LSMExcitationWavelength": (405, 488, 0)[c]}
            said(info.create_group(f"Channel {c}"), **words, MicroscopeMode="Confocal", Description="(description not specified)")
        times = {f"TimePoint{t + 1}": f"2021-03-04 05:0{6 + t}:07.500" for t in range(frames)}
        said(info.create_group("TimeInfo"), DatasetTimePoints=frames, **times)
    return pixels


@pytest.fixture
def movie(tmp_path: Path, rng: np.random.Generator) -> tuple[Path, np.ndarray]:
    path = tmp_path / "movie.ims"
    return path, write_ims(path, rng.integers(0, 4000, (3, 2, 6, 37, 45), dtype=np.uint16))


def test_an_ims_opens_with_the_pixels_of_full_resolution_without_padding(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    image = abbe.open(path)
    assert image.provenance.format == "IMS"
    assert image.shape == pixels.shape
    assert np.array_equal(np.asarray(image), pixels)
    box = (slice(1, 3), slice(1, 2), slice(3, 6), slice(14, 37), slice(30, 45))
    assert np.array_equal(image.read(box), pixels[box])


def test_its_facts_arrive(movie: tuple[Path, np.ndarray]) -> None:
    image = abbe.open(movie[0])
    assert image.pixel_size == pytest.approx((0.5, 0.2, 0.1))
    assert image.channels == ("DAPI", "Alexa 488")
    assert image.colors == ("#0000ff", "#00ff00")
    assert image.time_step == pytest.approx(60)
    assert image.provenance.acquired == "2021-03-04T05:06:07.500"
    assert image.provenance.facts["name"] == "embryo"
    optics = image.optics
    assert (optics.numerical_aperture, optics.magnification, optics.modality) == (1.4, 63, "confocal")
    assert (optics.emission, optics.excitation) == ((461, 519), (405, 488))
    assert not image.notices


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": BLOCK},
        {"chunks": BLOCK, **GZIP, "shuffle": True},
        {"chunks": BLOCK, **GZIP, "fletcher32": True},
        {"chunks": (3, 11, 13), "shuffle": True},
    ],
    ids=["one piece", "blocks", "shuffled", "checksums", "odd blocks"],
)
def test_every_way_of_storing_gives_the_same_pixels(tmp_path: Path, rng: np.random.Generator, dtype: str, how: dict[str, Any]) -> None:
    pixels = (rng.random((1, 1, 5, 33, 40)) * 200).astype(dtype)
    write_ims(tmp_path / "a.ims", pixels, how)
    assert np.array_equal(np.asarray(abbe.open(tmp_path / "a.ims")), pixels)


def test_blocks_of_newer_files_are_packed_with_lz4(tmp_path: Path, rng: np.random.Generator) -> None:
    """Packed by another implementation of the filter, and put into the file as they are."""
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = rng.integers(0, 50, (1, 1, *BLOCK), dtype=np.uint16)
    write_ims(tmp_path / "a.ims", pixels, {})
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"]
        del group["Data"]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(BLOCK)
        plan.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, (0,))
        space = h5py.h5s.create_simple(BLOCK)
        data = h5py.h5d.create(group.id, b"Data", h5py.h5t.py_create(np.dtype("<u2")), space, plan)
        data.write_direct_chunk((0, 0, 0), imagecodecs.lz4h5_encode(pixels[0, 0].tobytes()))
    assert np.array_equal(np.asarray(abbe.open(tmp_path / "a.ims")), pixels)


def test_a_block_that_was_never_written_reads_as_the_fill_value(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 4, 32, 32), np.uint16), {})
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"]
        del group["Data"]
        data = group.create_dataset("Data", (4, 32, 32), "u2", chunks=BLOCK, fillvalue=5, **GZIP)
        data[:, 16:] = 9
    read = np.asarray(abbe.open(tmp_path / "a.ims"))[0, 0]
    assert (read[:, :16] == 5).all()
    assert (read[:, 16:] == 9).all()


def test_words_that_nobody_wrote_are_no_names(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 2, 3, 20, 30), np.uint8), Name="(name not specified)")
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        said(file["DataSetInfo/Channel 1"], Name="(name not specified)")
    image = abbe.open(tmp_path / "a.ims")
    assert image.channels == ("DAPI", "channel 1")
    assert "name" not in image.provenance.facts


def test_one_plane_has_no_z_step(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 1, 20, 30), np.uint8))
    assert abbe.open(tmp_path / "a.ims").pixel_size == (None, pytest.approx(0.2), pytest.approx(0.1))


@pytest.mark.parametrize(("unit", "expected"), [("nm", 1e-4), ("mm", 100), ("", 0.1), ("pixel", None)])
def test_the_unit_counts(tmp_path: Path, unit: str, expected: float | None) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 3, 20, 30), np.uint8), Unit=unit or " ")
    x = abbe.open(tmp_path / "a.ims").pixel_size[2]
    assert x is None if expected is None else x == pytest.approx(expected)


def test_attributes_as_strings_and_numbers_will_do(tmp_path: Path) -> None:
    """Other programs write whole strings."""
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 3, 20, 30), np.uint8))
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        file["DataSetInfo/Channel 0"].attrs["Name"] = "GFP µ"
        file["DataSetInfo/Image"].attrs["ExtMax0"] = 16.0
        for name, n in (("X", 30), ("Y", 20), ("Z", 3)):
            file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"].attrs[f"ImageSize{name}"] = np.uint32(n)
    image = abbe.open(tmp_path / "a.ims")
    assert image.channels == ("GFP µ",)
    assert image.pixel_size[2] == pytest.approx(0.2)
    assert image.shape == (1, 1, 3, 20, 30)


def test_a_channel_that_a_stopped_recording_lacks_reads_as_0_with_a_word(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    with h5py.File(path, "r+") as file:
        del file["DataSet/ResolutionLevel 0/TimePoint 2/Channel 1"]
    image = abbe.open(path)
    (notice,) = image.notices
    assert notice.code == "damaged"
    assert notice.message.startswith("1 of 6 stacks are not in the file")
    assert not np.asarray(image)[2, 1].any()
    assert np.array_equal(np.asarray(image)[:2], pixels[:2])


def test_only_blocks_that_a_region_touches_are_read(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.formats.vendor import ims

    pixels = write_ims(tmp_path / "a.ims", rng.integers(0, 99, (1, 1, 8, 64, 64), dtype=np.uint8))
    decoded = []
    plain = ims._plain
    monkeypatch.setattr(ims, "_plain", lambda *a: decoded.append(1) or plain(*a))
    image = abbe.open(tmp_path / "a.ims")
    assert not decoded
    part = (slice(0, 1), slice(0, 1), slice(0, 1), slice(0, 10), slice(0, 40))
    assert np.array_equal(image.read(part), pixels[part])
    assert len(decoded) == 2
    for z in range(4):  # planes of the same blocks are not decoded again
        image.read((*part[:2], slice(z, z + 1), *part[3:]))
    assert len(decoded) == 2


def test_the_blocks_that_are_kept_are_bounded(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    from abbe.formats.vendor import ims

    monkeypatch.setattr(ims, "CACHE", 3 * 4 * 16 * 32)
    pixels = write_ims(tmp_path / "a.ims", rng.integers(0, 99, (1, 1, 8, 64, 64), dtype=np.uint8))
    image = abbe.open(tmp_path / "a.ims")
    assert np.array_equal(np.asarray(image), pixels)
    assert sum(block.nbytes for block in image.pixels._cache.values()) <= ims.CACHE  # type: ignore[attr-defined]


def pixels_of(data: bytes) -> bytes:
    """In the other process."""
    return np.asarray(pickle.loads(data)).tobytes()


def test_it_goes_to_another_process(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    image = abbe.open(path)
    np.asarray(image)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(pixels_of, pickle.dumps(image)).result() == pixels.tobytes()


def test_a_file_that_changed_since_is_refused(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    image = abbe.open(path)
    write_ims(path, pixels[:1])
    with pytest.raises(StorageError, match="changed by another program"):
        np.asarray(image)


def test_a_child_process_reads_the_same(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    image = open_untrusted(path)
    assert np.array_equal(np.asarray(image), pixels)
    assert image.optics == abbe.open(path).optics


# ------------------------------------------------------------------------------------------------- damaged, hostile, others
def test_hdf5_of_other_programs_is_called_so(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t00000/s00/0/cells"] = np.ones((3, 4, 5), np.uint16)
    with pytest.raises(NotAnImageError, match=r"a.h5 is an HDF5 file, but none of Imaris .* which abbe does not open; save or export it"):
        abbe.open(tmp_path / "a.h5")


@pytest.mark.parametrize("what", ["DataSet/ResolutionLevel 0/TimePoint 0", "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"])
def test_a_file_without_pixels_says_so(movie: tuple[Path, np.ndarray], what: str) -> None:
    with h5py.File(movie[0], "r+") as file:
        del file[what]
    with pytest.raises(NotAnImageError, match=r"movie.ims holds no pixels"):
        abbe.open(movie[0])


def test_a_file_without_any_words_opens_all_the_same(movie: tuple[Path, np.ndarray]) -> None:
    path, pixels = movie
    with h5py.File(path, "r+") as file:
        del file["DataSetInfo"]
    image = abbe.open(path)
    assert np.array_equal(np.asarray(image), pixels)
    assert image.pixel_size == (None, None, None)


def test_a_file_that_was_cut_or_changed_never_gives_wrong_pixels(movie: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, pixels = movie
    data = path.read_bytes()
    cut = tmp_path / "cut.ims"
    for share in (0.001, 0.02, 0.3, 0.7, 0.98, 0.9999):
        cut.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(NotAnImageError):
            np.asarray(abbe.open(cut))
    rng = np.random.default_rng(1)
    for _ in range(60):  # gzip has checksums; HDF5's own tables have none, and may end in an error or in other facts, never in a traceback
        broken = bytearray(data)
        for place in rng.integers(8, len(data), 20):
            broken[place] ^= 1 << int(rng.integers(8))
        cut.write_bytes(broken)
        try:
            read = np.asarray(abbe.open(cut))
        except AbbeError:
            continue
        assert read.ndim == pixels.ndim


def test_a_size_beyond_what_is_stored_is_refused(movie: tuple[Path, np.ndarray]) -> None:
    with h5py.File(movie[0], "r+") as file:
        for t in range(3):
            for c in range(2):
                said(file[f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}"], ImageSizeX=5000)
    with pytest.raises(NotAnImageError, match=r"damaged: wanted stacks of \(6, 37, 5000\) pixels, got \(8, 48, 64\)"):
        abbe.open(movie[0])


@pytest.mark.parametrize("link", ["soft", "external"])
def test_links_out_of_the_file_are_not_followed(tmp_path: Path, movie: tuple[Path, np.ndarray], link: str) -> None:
    secret = tmp_path / "secret.ims"
    shutil.copy(movie[0], secret)
    with h5py.File(movie[0], "r+") as file:
        place = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
        del file[place]
        other = "/DataSet/ResolutionLevel 0/TimePoint 1/Channel 0"
        file[place] = h5py.SoftLink(other) if link == "soft" else h5py.ExternalLink("secret.ims", f"/{place}")
    with pytest.raises(NotAnImageError, match="holds no pixels"):
        abbe.open(movie[0])


@pytest.mark.parametrize("kind", ["external", "virtual"])
def test_pixels_in_other_files_are_refused(tmp_path: Path, kind: str) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 4, 32, 32), np.uint8))
    (tmp_path / "secret").write_bytes(bytes(range(256)) * 16)
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"]
        del group["Data"]
        if kind == "external":
            group.create_dataset("Data", (4, 32, 32), "u1", external=[(str(tmp_path / "secret"), 0, 4096)])
        else:
            layout = h5py.VirtualLayout((4, 32, 32), "u1")
            layout[:] = h5py.VirtualSource(tmp_path / "other.ims", "Data", (4, 32, 32))
            group.create_virtual_dataset("Data", layout)
    with pytest.raises(NotAnImageError, match="keeps pixels in other files, which abbe does not follow"):
        abbe.open(tmp_path / "a.ims")


def test_a_block_that_grows_beyond_its_size_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    import zlib

    write_ims(tmp_path / "a.ims", np.ones((1, 1, *BLOCK), np.uint8))
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        data = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"]
        data.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(2**28)))
    code = (
        "import resource, sys, abbe\nfrom abbe.errors import NotAnImageError\nimage = abbe.open(sys.argv[1])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    image.plane()\nexcept NotAnImageError:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.ims")], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100_000  # kB


def test_a_block_larger_than_may_be_decoded_at_once_is_refused(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 1, 16, 32), np.uint8))
    with h5py.File(tmp_path / "a.ims", "r+") as file:
        group = file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"]
        del group["Data"]
        group.create_dataset("Data", (1, 2**16, 2**16), "u1", chunks=(1, 2**16, 2**15 + 2**10), **GZIP)
    with pytest.raises(LimitError, match="wanted blocks of at most"):
        abbe.open(tmp_path / "a.ims")


@pytest.mark.parametrize(("dtype", "word"), [("f8", "float64"), ("i2", "int16")])
def test_pixel_types_that_imaris_has_not_are_refused(tmp_path: Path, dtype: str, word: str) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 4, 32, 32), dtype))
    with pytest.raises(NotAnImageError, match=f"a.ims holds {word} values"):
        abbe.open(tmp_path / "a.ims")


def test_a_filter_that_abbe_does_not_know_is_named(tmp_path: Path) -> None:
    write_ims(tmp_path / "a.ims", np.ones((1, 1, 4, 32, 32), np.uint8), {"chunks": BLOCK, "compression": "lzf"})
    with pytest.raises(NotAnImageError, match=r"HDF5 filter 32000\); save it with gzip"):
        abbe.open(tmp_path / "a.ims")


def test_axes_and_numbers_that_the_file_contradicts_are_refused(movie: tuple[Path, np.ndarray]) -> None:
    with pytest.raises(AxesError, match="IMS files name their own, here TCZYX"):
        abbe.open(movie[0], axes="ZYX")
    with pytest.raises(ParameterError, match="which holds one image"):
        abbe.open(f"{movie[0]}#1")


def test_without_h5py_the_extra_is_named(movie: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"abbe\[formats\]"):
        abbe.open(movie[0])
    assert EXTRAS["h5py"] == "formats"


def test_it_is_found_by_batch_server_and_napari(movie: tuple[Path, np.ndarray], capsys: pytest.CaptureFixture[str]) -> None:
    import abbe.napari
    from abbe.batch.finding import is_wanted
    from abbe.server.folders import IMAGES

    assert is_wanted("plate/Movie.IMS", ())
    assert ".ims" in IMAGES
    assert '"*.ims"' in (Path(abbe.napari.__file__).parent / "napari.yaml").read_text()
    assert main(["info", str(movie[0])]) == 0
    assert "confocal, 63x, NA 1.4, excitation 405, 488 nm, emission 461, 519 nm" in capsys.readouterr().out
