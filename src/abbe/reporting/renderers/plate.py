"""A figure on a page of the PDF: the picture, and its caption under it."""

from __future__ import annotations

import struct
from typing import Any

from abbe.reporting.model import Figure
from abbe.reporting.renderers.typography import markup

#: how much a picture may shrink, so that it fits under what stands on its page instead of leaving that white
SMALLEST = 0.66


def plate(figure: Figure, style: Any, width: float, height: float) -> Any:
    """A flowable: the picture with its caption, which stay together; at most `width` by `height` points."""
    from reportlab.platypus import Flowable, Paragraph

    pixels = figure.size
    full = min(width / pixels[0], height / pixels[1])
    caption = Paragraph(f"<b>{markup(figure.title)}.</b> {markup(figure.caption)}", style)

    class Plate(Flowable):  # type: ignore[misc]
        def wrap(self, across: float, down: float) -> tuple[float, float]:
            """As large as it may be; smaller where that saves a page's end from staying white."""
            _, below = caption.wrap(across, down)
            below += style.spaceBefore
            scale = full
            room = (down - below) / pixels[1]
            if full * SMALLEST <= room < full:
                scale = room
            self._size, self._below = (pixels[0] * scale, pixels[1] * scale), below
            self.width, self.height = across, self._size[1] + below
            return self.width, self.height

        def getSpaceAfter(self) -> float:  # noqa: N802 - reportlab's name
            return float(style.spaceAfter)

        def draw(self) -> None:
            _draw(self.canv, figure.png, self._below, self._size)
            caption.drawOn(self.canv, 0, 0)

    return Plate()


# ---------------------------------------------------------------------------------------------- a PNG as it is
def _draw(canvas: Any, png: bytes, up: float, size: tuple[float, float]) -> None:
    """The picture at (0, up). Its compressed bytes go into the PDF as they are: unpacking and packing them took half a report's time."""
    document = canvas._doc
    name = f"abbe-{len(document.idToObject)}"
    document.addForm(name, _stream(png))
    canvas.saveState()
    canvas.translate(0, up)
    canvas.scale(*size)
    canvas.doForm(name)
    canvas.restoreState()


def _stream(png: bytes) -> Any:
    """An image of PDF with the data of a PNG of 8-bit RGB, which PDF's "predictor 15" reads (ISO 32000-1, 7.4.4.4)."""
    from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFStream

    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", png[16:29])
    assert (bits, kind, interlaced) == (8, 2, 0)  # as every figure is drawn
    stream = PDFStream(content=b"".join(_data(png)))
    entries = {
        "Type": PDFName("XObject"),
        "Subtype": PDFName("Image"),
        "Width": width,
        "Height": height,
        "BitsPerComponent": bits,
        "ColorSpace": PDFName("DeviceRGB"),
        "Filter": PDFArray([PDFName("FlateDecode")]),
        "DecodeParms": PDFArray([PDFDictionary({"Predictor": 15, "Colors": 3, "BitsPerComponent": bits, "Columns": width})]),
    }
    for key, value in entries.items():
        stream.dictionary[key] = value
    return stream


def _data(png: bytes) -> list[bytes]:
    """What the IDAT chunks of a PNG hold."""
    found, place = [], 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            found.append(png[place + 8 : place + 8 + length])
        place += 12 + length
    return found
