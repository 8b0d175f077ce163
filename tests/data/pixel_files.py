"""Made-up images in the format of MTAN's preprocessed NYUv2 and Cityscapes."""

import numpy as np

SIDES = (32, 64)


def write_pixels(folder, name, rows=(6, 4), sides=SIDES, classes=13, label="label"):
    """Writes `folder/name/{train,val}/<kind>/<n>.npy`; normals for NYUv2 alone.

    A tenth of the pixels has no class, another no depth, another no normal.

    Returns:
        {"train" or "val": {kind: the arrays [N, ...] as they are in the files}}.
    """
    rng, made = np.random.default_rng(0), {}
    for part, count in zip(("train", "val"), rows, strict=True):
        shape = (count, *sides)
        known = rng.random((3, *shape)) >= 0.1
        classes_of = rng.integers(0, classes, shape)
        normals = rng.normal(size=(*shape, 3))
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
        made[part] = {
            "image": rng.integers(0, 256, (*shape, 3)) / 255.0,
            label: np.where(known[0], classes_of, -1).astype(np.float32),
            "depth": (known[1] * rng.uniform(0.7, 10, shape))[..., None],
        }
        if name == "nyuv2":
            made[part]["normal"] = known[2][..., None] * normals
        for kind, arrays in made[part].items():
            place = folder / name / part / kind
            place.mkdir(parents=True)
            for number, array in enumerate(arrays):
                np.save(place / f"{number}.npy", array)
    return made
