"""CelebA's files: two lists with a line an image, and JPEGs of 178 x 218."""

import io
from pathlib import Path

import numpy as np

from mtlx.data.errors import DataError

WIDTH, HEIGHT = 178, 218
SPLITS = ("train", "validation", "test")  # 0, 1 and 2 in the partition
ATTRIBUTES = (
    "5_o_Clock_Shadow",
    "Arched_Eyebrows",
    "Attractive",
    "Bags_Under_Eyes",
    "Bald",
    "Bangs",
    "Big_Lips",
    "Big_Nose",
    "Black_Hair",
    "Blond_Hair",
    "Blurry",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Chubby",
    "Double_Chin",
    "Eyeglasses",
    "Goatee",
    "Gray_Hair",
    "Heavy_Makeup",
    "High_Cheekbones",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "Narrow_Eyes",
    "No_Beard",
    "Oval_Face",
    "Pale_Skin",
    "Pointy_Nose",
    "Receding_Hairline",
    "Rosy_Cheeks",
    "Sideburns",
    "Smiling",
    "Straight_Hair",
    "Wavy_Hair",
    "Wearing_Earrings",
    "Wearing_Hat",
    "Wearing_Lipstick",
    "Wearing_Necklace",
    "Wearing_Necktie",
    "Young",
)


def parse_attributes(content: str, path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the N images, and whether they have the attributes, uint8 [N, 40].

    The first line is N, the second the 40 names; then a line an image, its name and 1
    or -1 an attribute.

    Raises:
        DataError: another number of lines, other names, or a line that is not so.
    """
    lines = content.splitlines()
    names = lines[1].split() if len(lines) > 1 else []
    if tuple(names) != ATTRIBUTES:
        raise DataError(
            f"{path}, line 2: expected CelebA's {len(ATTRIBUTES)} attributes, from "
            f"{ATTRIBUTES[0]} to {ATTRIBUTES[-1]}, found {len(names)} names, "
            f"{names[:2]} .. . Fetch the file again."
        )
    rows = lines[2:]
    if lines[0].strip() != str(len(rows)):
        raise DataError(
            f"{path}: expected as many images as line 1 says, {lines[0].strip()!r}, "
            f"found {len(rows)}. Fetch the file again."
        )
    images, labels = [], np.empty((len(rows), len(ATTRIBUTES)), np.uint8)
    for number, line in enumerate(rows):
        name, *values = line.split() or [""]
        if len(values) != len(ATTRIBUTES) or not set(values) <= {"1", "-1"}:
            raise DataError(
                f"{path}, line {number + 3}: expected the name of an image and "
                f"{len(ATTRIBUTES)} times 1 or -1, found {line[:60]!r}. Fetch the file "
                f"again."
            )
        images.append(name)
        labels[number] = [value == "1" for value in values]
    return images, labels


def parse_partition(content: str, path: Path, images: list[str]) -> np.ndarray:
    """[N] the split of each image: 0, 1 or 2, see `SPLITS`.

    Args:
        content: a line an image, its name and number.
        path: of the file, for error messages.
        images: names of the images, in the order of the lines.

    Raises:
        DataError: other images, or another number.
    """
    rows = [line.split() for line in content.splitlines()]
    if len(rows) != len(images):
        raise DataError(
            f"{path}: expected a line for each of the {len(images)} images that have "
            f"attributes, found {len(rows)}. Fetch the file again."
        )
    for number, (row, image) in enumerate(zip(rows, images, strict=True)):
        if row[:1] != [image] or row[1:] not in (["0"], ["1"], ["2"]):
            raise DataError(
                f"{path}, line {number + 1}: expected {image} and 0, 1 or 2, found "
                f"{' '.join(row)!r}. Fetch the file again."
            )
    return np.array([int(split) for _, split in rows], np.int8)


def decode(jpeg: bytes, path: Path, size: int) -> np.ndarray:
    """uint8 [size, size, 3] of one image, by Pillow's bilinear resize of the whole.

    The sides are not in proportion: the picture is not cut.

    Raises:
        DataError: no JPEG, a damaged one, or one of another size.
    """
    from PIL import Image  # most data sets need no images decoded

    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            found = image.size
            if found == (WIDTH, HEIGHT):
                whole = image.convert("RGB")
                small = whole.resize((size, size), Image.Resampling.BILINEAR)
                return np.asarray(small)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(
            f"{path}: expected a JPEG, found a damaged or another file ({error}). "
            f"Fetch it again."
        ) from error
    raise DataError(
        f"{path}: expected an aligned image of {WIDTH} x {HEIGHT}, found "
        f"{found[0]} x {found[1]}. Take img_align_celeba, not the images in the wild."
    )
