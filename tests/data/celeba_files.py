"""Made-up files in CelebA's form."""

import numpy as np
from PIL import Image

from mtlx.data.builders.celeba_format import ATTRIBUTES, HEIGHT, WIDTH


def write_celeba(folder, splits, seed=0):
    """JPEGs of 178 x 218 with the two lists, in `folder`.

    Args:
        folder: is made.
        splits: [N] 0, 1 or 2.
        seed: of pixels and attributes.

    Returns:
        Attributes [N, 40] of 0 and 1; the red of a face is high if it smiles.
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, (len(splits), len(ATTRIBUTES)))
    names = [f"{number:06}.jpg" for number in range(1, len(splits) + 1)]
    images = folder / "img_align_celeba"
    images.mkdir(parents=True)
    smiles = labels[:, ATTRIBUTES.index("Smiling")]
    for name, smile in zip(names, smiles, strict=True):
        coarse = rng.integers(0, 100, (7, 6, 3)) + [120 * smile, 0, 0]
        face = Image.fromarray(coarse.astype(np.uint8)).resize((WIDTH, HEIGHT))
        face.save(images / name, quality=90)
    lines = [str(len(names)), " ".join(ATTRIBUTES)]
    for name, row in zip(names, labels, strict=True):
        lines.append(name + "".join(f" {2 * value - 1:2}" for value in row))
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    rows = "".join(f"{n} {s}\n" for n, s in zip(names, splits, strict=True))
    (folder / "list_eval_partition.txt").write_text(rows)
    return labels
