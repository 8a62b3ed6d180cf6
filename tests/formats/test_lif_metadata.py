"""What the layouts of Leica's XML say of lens, light and detectors: those of LAS AF and LAS X, cut down to what is read."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest

import abbe
from abbe.formats.vendor.lif_metadata import Words, parse
from abbe.restoration import advise


def channel(**properties: str) -> str:
    said = "".join(f"<ChannelProperty><Key>{key}</Key><Value>{value}</Value></ChannelProperty>" for key, value in properties.items())
    return f"<ChannelDescription>{said}</ChannelDescription>"


def scan(detectors: str, lines: str, more: str = "", bands: str | None = None) -> str:
    """A block of LAS X; of the detectors "1*" is on, of the lines those with an intensity."""
    bands = (
        '<MultiBand Channel="1" LeftWorld="410" RightWorld="480" DyeName="DAPI"/><MultiBand Channel="2" LeftWorld="500" \
RightWorld="550" DyeName="Alexa 488"/><MultiBand Channel="3" LeftWorld="570" RightWorld="630"/>'
        if bands is None
        else bands
    )
    on = "".join(
        f'<Detector Channel="{c.rstrip("*")}" Name="{"PMT Trans" if c.startswith("101") else "HyD " + c[0]}" BeamRoute="{c[0]};0" '
        f'IsActive="{int(c.endswith("*"))}"/>'
        for c in detectors.split()
    )
    lit = "".join(f'<LaserLineSetting LaserLine="{pair.split(":")[0]}" IntensityDev="{pair.split(":")[1]}"/>' for pair in lines.split())
    return (
        f'<ATLConfocalSettingDefinition NumericalAperture="1.4" Magnification="63" Immersion="OIL" RefractionIndex="1.518" PinholeAiry="1" '
        f"{more}><Spectro>{bands}</Spectro><DetectorList>{on}</DetectorList><AotfList><Aotf>{lit}</Aotf></AotfList>"
        f"</ATLConfocalSettingDefinition>"
    )


def words(inside: str, channels: str | int) -> Words:
    described = channel() * channels if isinstance(channels, int) else channels
    count = channels if isinstance(channels, int) else channels.count("<ChannelDescription>")
    xml = f"<Element><Data><Image><ImageDescription><Channels>{described}</Channels></ImageDescription>{inside}</Image></Data></Element>"
    return parse(fromstring(xml), count)


def sequential(*scans: str) -> str:
    master = scan("1* 2* 3*", "405:1 488:1 561:1")
    return (
        f'<Attachment Name="HardwareSetting">{master}<LDM_Block_Sequential>'
        f"<LDM_Block_Sequential_Master>{master}</LDM_Block_Sequential_Master>"
        f"<LDM_Block_Sequential_List>{''.join(scans)}</LDM_Block_Sequential_List></LDM_Block_Sequential></Attachment>"
    )


def test_the_microscope_of_a_las_af_file_is_known(shared_data: Path) -> None:
    """Sequential scans: detector 2 with 488 nm, 3 with 561 nm, 1 with 405 nm, which the nuclei, last of the channels, confirm."""
    pytest.importorskip("liffile")
    image = abbe.open(shared_data / "formats" / "Multiposition.lif")
    optics = image.optics
    assert (optics.numerical_aperture, optics.magnification, optics.refractive_index) == (0.75, 40, 1)
    assert (optics.modality, optics.pinhole) == ("confocal", 1)
    assert optics.excitation == (488, 561, 405)
    assert optics.emission == pytest.approx((531, 605, (410.146 + 471.705) / 2), abs=0.01)
    widths = advise(image.replace(pixel_size=(None, 0.1, 0.1))).psf
    assert widths is not None
    assert all(width is not None and width > 1 for width in widths)


def test_detectors_that_were_on_at_once_get_the_line_beside_their_band() -> None:
    found = words(f'<Attachment Name="HardwareSetting">{scan("1* 2* 3*", "405:2 488:1.5 496:-1 561:3 633:0")}</Attachment>', 3)
    assert found.optics.excitation == (405, 488, 561)
    assert found.optics.emission == (445, 525, 600)
    assert found.channels == ("DAPI", "Alexa 488", None)
    assert found.optics.modality == "confocal"
    assert (found.optics.numerical_aperture, found.optics.magnification, found.optics.refractive_index) == (1.4, 63, 1.518)


def test_channels_lie_in_the_order_of_sequential_scans_and_the_master_is_none() -> None:
    found = words(sequential(scan("1 2 3*", "561:3"), scan("1* 2* 3", "405:1 488:1")), 3)
    assert found.optics.excitation == (561, 405, 488)
    assert found.optics.emission == (600, 445, 525)


def test_channels_that_name_their_scan_and_detector_are_believed() -> None:
    named = [
        channel(DetectorName="HyD 2", SequentialSettingIndex="1", DyeName="GFP"),
        channel(DetectorName="HyD 3", SequentialSettingIndex="0", DyeName="mCherry"),
        channel(DetectorName="HyD 1", BeamRoute="1;0", SequentialSettingIndex="1"),
    ]
    found = words(sequential(scan("1 2 3*", "561:3"), scan("1* 2* 3", "405:1 488:1")), "".join(named))
    assert found.channels == ("GFP", "mCherry", "DAPI")
    assert found.optics.excitation == (488, 561, 405)
    assert found.optics.emission == (525, 600, 445)


def test_a_detector_of_transmitted_light_has_no_wavelength() -> None:
    found = words(scan("2* 101*", "488:2"), 2)
    assert found.transmitted == (False, True)
    assert found.optics.excitation == (488, None)
    assert found.optics.emission == (525, None)
    assert found.channels == ("Alexa 488", "PMT Trans")
    assert found.optics.modality == "confocal"


def test_depletion_is_no_excitation() -> None:
    found = words(scan("2* 3", "488:2 775:60", 'IsSTEDActive="1"'), 1)
    assert found.optics.modality == "sted"
    assert found.optics.excitation == (488,)


def test_one_depleted_channel_makes_an_image_that_nobody_may_take_for_confocal() -> None:
    found = words(sequential(scan("2*", "488:1"), scan("3*", "561:2 775:60", 'IsSTEDActive="1"')), 2)
    assert found.optics.modality == "sted"
    assert found.optics.excitation == (488, 561)


def test_infrared_light_on_visible_dyes_is_multiphoton() -> None:
    found = words(scan("2*", "920:12"), 1)
    assert found.optics.modality == "multiphoton"
    assert found.optics.excitation == (920,)
    assert found.optics.emission == (525,)
    assert found.optics.pinhole is None


def test_an_external_detector_without_a_band_has_no_emission() -> None:
    found = words(scan("4*", "488:1"), 1)
    assert found.optics.emission == ()
    assert found.optics.excitation == (488,)


def test_settings_of_another_number_of_detectors_tell_no_wavelengths() -> None:
    found = words(scan("1* 2*", "405:1 488:1"), 3)
    assert (found.optics.emission, found.optics.excitation, found.channels) == ((), (), ())
    assert found.optics.numerical_aperture == 1.4
    assert found.optics.modality == "confocal"


def test_a_camera_has_the_wavelengths_of_its_filter_cubes() -> None:
    infos = (
        '<WideFieldChannelInfo ContrastingMethodName="FLUO" FluoCubeName="DAP" UserDefName="DAPI" EmissionWavelength="460" '
        'ExcitationWavelength="360"/><WideFieldChannelInfo ContrastingMethodName="FLUO" FluoCubeName="GFP" EmissionWavelength="525"/>'
        '<WideFieldChannelInfo ContrastingMethodName="TL-DIC" UserDefName="DIC" EmissionWavelength="540"/>'
    )
    camera = (
        '<Attachment Name="HardwareSetting" DataSourceType="1"><ATLCameraSettingDefinition ObjectiveName="HC PL FLUOTAR 20x/0,55 DRY" '
        f'Magnification="20"><WideFieldChannelConfigurator>{infos}</WideFieldChannelConfigurator></ATLCameraSettingDefinition></Attachment>'
    )
    found = words(camera, 3)
    assert found.channels == ("DAPI", "GFP", "DIC")
    assert found.transmitted == (False, False, True)
    assert found.optics.modality == "widefield"
    assert found.optics.emission == (460, 525, None)
    assert found.optics.excitation == (360, None, None)
    assert (found.optics.numerical_aperture, found.optics.magnification, found.optics.refractive_index) == (0.55, 20, 1)


def record(name: str, kind: str, attribute: str, value: object, data: object = 0, about: str = "") -> str:
    return (
        f'<FilterSettingRecord ObjectName="{name}" ClassName="{kind}" Attribute="{attribute}" Variant="{value}" Data="{data}" '
        f'Description="{about or name}"/>'
    )


@pytest.mark.parametrize(
    ("lens", "expected"),
    [
        ("HCX PL APO lambda blue 63.0x1.40 OIL UV", (1.4, 63, 1.515)),
        ("HCX PL APO CS 20.0x0.70 DRY UV", (0.7, 20, 1.0)),
        ("HCX PL APO 63.0x1.20 W BL UV", (1.2, 63, 1.333)),
        ("HC PL APO 20.0x0.70 IMM UV", (0.7, 20, None)),
        ("Dummy", (None, None, None)),
    ],
)
def test_records_alone_tell_the_microscope_of_an_old_file(lens: str, expected: tuple[float | None, ...]) -> None:
    """Before LAS AF 2 nothing but these records was written; beam splitters count their lines where lasers have wavelengths."""
    records = [
        record("PMT 1", "CDetectionUnit", "State", "Inactive", 1),
        record("PMT 2", "CDetectionUnit", "State", "Active", 2),
        record("PMT Trans", "CDetectionUnit", "State", "Active", 100),
        record("SP Mirror Channel 2", "CSpectrophotometerUnit", "Wavelength", 500, 0, "SP Mirror Channel 2 (left)"),
        record("SP Mirror Channel 2", "CSpectrophotometerUnit", "Wavelength", 560, 1, "SP Mirror Channel 2 (right)"),
        record("SP Mirror Channel 2", "CSpectrophotometerUnit", "Stain", "FITC"),
        record("AOTF", "CAotf", "Intensity", 20.5, 488, "AOTF (488)"),
        record("AOTF", "CAotf", "Intensity", 0, 476, "AOTF (476)"),
        record("AOBS", "CAotf", "Intensity", 100, 2, "AOBS (2)"),
        record("Turret", "CTurret", "Objective", lens),
    ]
    airy = '<ScannerSetting><ScannerSettingRecord Identifier="dblPinholeAiry" Variant="1.5"/></ScannerSetting>'
    found = words(f"<Attachment><HardwareSetting>{airy}<FilterSetting>{''.join(records)}</FilterSetting></HardwareSetting></Attachment>", 2)
    optics = found.optics
    assert (optics.numerical_aperture, optics.magnification, optics.refractive_index) == expected
    assert (optics.excitation, optics.emission) == ((488, None), (530, None))
    assert found.channels == ("FITC", "PMT Trans")
    assert (optics.modality, optics.pinhole) == ("confocal", 1.5)


@pytest.mark.parametrize(
    ("stamps", "ticks"),
    [
        (
            '<TimeStamp HighInteger="30762974" LowInteger="2684354560"/><TimeStamp HighInteger="30762975" LowInteger="0"/>',
            (30762974 << 32) + 2684354560,
        ),
        ("1d5689000000000 1d5689100000000", 0x1D5689000000000),
        ("", None),
        ("no number", None),
        ("ffffffffffffffffffff", None),
        ('<TimeStamp HighInteger="0" LowInteger="0"/>', None),
    ],
)
def test_the_first_time_stamp_is_when_it_was_recorded(stamps: str, ticks: int | None) -> None:
    """Steps of 100 ns since 1601, in numpy's calendar."""
    expected = None if ticks is None else f"{np.datetime64('1601-01-01') + np.timedelta64(ticks // 10**7, 's')}Z"
    assert words(f"<TimeStampList>{stamps}</TimeStampList>", 1).acquired == expected


def test_xml_without_settings_tells_nothing() -> None:
    assert words("", 2) == Words(transmitted=(False, False))
    assert parse(fromstring("<Element/>"), 1) == Words()
