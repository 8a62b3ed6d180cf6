"""Which files of a folder are a user's images."""

from __future__ import annotations

from pathlib import Path

from abbe.errors import NotAnImageError, ParameterError
from abbe.formats import open as open_image
from abbe.image import Image

#: what systems put into folders by themselves, beside files whose names begin with a dot
OF_SYSTEMS = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")


def files_in(folder: Path) -> list[Path]:
    """The files in `folder` by name, without those of systems; what is none of an image among them `opened` tells."""
    return sorted(path for path in folder.glob("*") if path.is_file() and not is_of_a_system(path))


def is_of_a_system(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in OF_SYSTEMS


def opened(path: Path) -> Image:
    """The image in a folder of images. Raises `ParameterError` where it is none."""
    try:
        return open_image(path)
    except NotAnImageError as problem:
        raise ParameterError(
            f"wanted images alone in the folder {path.parent}, got {path.name}; take it out of there ({problem})"
        ) from problem


def folder_of(parent: Path, names: tuple[str, ...]) -> str | None:
    """The folder in `parent` that has the first of these names, in whatever case, as it is written there; None where there is none."""
    for name in names:
        if (parent / name).is_dir():
            return name
        alike = sorted(path.name for path in parent.iterdir() if path.name.lower() == name and path.is_dir())
        if alike:
            return alike[0]
    return None
