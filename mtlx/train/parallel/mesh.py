"""The device mesh: data x model x member."""

from collections.abc import Mapping

import jax
from jax.sharding import AxisType, Mesh

AXES = ("data", "model", "member")


def make_mesh(sizes: Mapping[str, int] | None = None) -> Mesh:
    """A mesh with the axes "data", "model" and "member", in this order.

    Rows of a batch lie along "data", rows of embedding tables along "model", runs of a
    population along "member". The first devices are taken where the mesh needs fewer
    than there are; with several processes it has to take all.

    Args:
        sizes: devices along each axis. One that is missing is 1, or for "data" -1: all
            devices that the others leave.

    Raises:
        ValueError: an unknown axis, a size that is no number of devices, or a mesh that
            does not fit the devices.
    """
    found = dict(sizes or {})
    if not set(found) <= set(AXES):
        raise ValueError(
            f"Expected mesh to give sizes of {', '.join(AXES)}, found "
            f"{', '.join(map(str, found))}."
        )
    data, model, member = ({"data": -1, "model": 1, "member": 1} | found).values()
    if min(model, member) < 1 or data < -1 or data == 0:
        raise ValueError(
            f"Expected mesh sizes >= 1 (data may be -1, for the rest), found {found}."
        )
    count = jax.device_count()
    if data == -1:
        data = count // (model * member)
    needed = data * model * member
    if needed > count or needed < 1 or (jax.process_count() > 1 and needed != count):
        raise ValueError(
            f"Expected a mesh for the {count} devices that there are, found data x "
            f"model x member = {data} x {model} x {member}. Choose smaller sizes, or "
            f"start more devices; several processes use all of theirs."
        )
    devices = jax.devices()[:needed]
    # Explicit axes, jax's default, are refused by linen's Embed and Dropout.
    kinds = (AxisType.Auto,) * len(AXES)
    return jax.make_mesh((data, model, member), AXES, axis_types=kinds, devices=devices)
