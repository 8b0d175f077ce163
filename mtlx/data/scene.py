"""Random scenes of solids before a wall, seen straight on, with exact labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtlx.types import Array, Float, PRNGKeyArray

CLASSES = ("wall", "sphere", "cone", "tile")
FAR, NEAR = 3.5, 1.0
AMBIENT, FOG = 0.3, 0.35


class Scene(NamedTuple):
    """K solids and a wall; lengths in half the side of the image."""

    kind: Array  # [K] int32, 1 .. 3: which of CLASSES
    centre: Array  # [K, 3] x to the right, y down, z away from the eye
    radius: Array  # [K] of a sphere or cone, half the side of a tile
    slope: Array  # [K + 1, 2] dz/dx and dz/dy of a tile; last, of the wall
    colour: Array  # [K + 1, 3]
    light: Array  # [3] unit vector towards the light


class View(NamedTuple):
    """What a scene looks like, and what is true of it, pixel by pixel."""

    image: Array  # [S, S, 3] 0 .. 1
    segmentation: Array  # [S, S] int32, index in CLASSES
    depth: Array  # [S, S] distance along z
    normals: Array  # [S, S, 3] unit vectors towards the eye


def draw_scene(key: PRNGKeyArray, num_solids: int) -> Scene:
    """A scene whose solids lie between the distances 1 and 3, its wall about 3.5."""
    keys = jax.random.split(key, 6)
    uniform = jax.random.uniform
    place = uniform(keys[1], (num_solids, 3), minval=-0.8, maxval=0.8)
    slope = uniform(keys[3], (num_solids + 1, 2), minval=-0.6, maxval=0.6)
    light = uniform(keys[5], (2,), minval=-1.0, maxval=1.0)
    light = jnp.append(light, -1.0)
    return Scene(
        kind=jax.random.randint(keys[0], (num_solids,), 1, len(CLASSES)),
        centre=place.at[:, 2].set(2.0 + place[:, 2] / 2.0),
        radius=uniform(keys[2], (num_solids,), minval=0.2, maxval=0.5),
        slope=slope.at[-1].multiply(0.3),
        colour=uniform(keys[4], (num_solids + 1, 3), minval=0.4, maxval=1.0),
        light=light / jnp.linalg.norm(light),
    )


def render(scene: Scene, side: int) -> View:
    """The scene under parallel rays: a depth buffer, and matt surfaces in a fog.

    Colour is c (a + (1 - a) max(0, <n, light>)) exp(-f (z - 1)), so that shading tells
    of normals and fog of depth, each only together with the other and the colour.

    Args:
        scene: see `draw_scene`.
        side: S, in pixels.
    """
    at = (jnp.arange(side) + 0.5) * (2.0 / side) - 1.0
    y, x = jnp.meshgrid(at, at, indexing="ij")
    depths, slopes = _surfaces(scene, x, y)
    nearest = jnp.argmin(depths, axis=-1)

    def seen(values):  # [S, S, K + 1, ...] -> [S, S, ...] of the nearest surface
        index = nearest.reshape(side, side, *(1,) * (values.ndim - 2))
        return jnp.take_along_axis(values, index, axis=2)[:, :, 0]

    depth, slope = seen(depths), seen(slopes)
    towards = jnp.concatenate([slope, -jnp.ones_like(slope[..., :1])], axis=-1)
    normals = towards / jnp.linalg.norm(towards, axis=-1, keepdims=True)
    shade = AMBIENT + (1.0 - AMBIENT) * jnp.maximum(normals @ scene.light, 0.0)
    dimmed = shade * jnp.exp(-FOG * (depth - NEAR))
    kinds = jnp.append(scene.kind, 0)
    return View(
        image=jnp.clip(scene.colour[nearest] * dimmed[..., None], 0.0, 1.0),
        segmentation=kinds[nearest].astype(jnp.int32),
        depth=depth,
        normals=normals,
    )


def _surfaces(
    scene: Scene, x: Float[Array, "side side"], y: Float[Array, "side side"]
) -> tuple[Float[Array, "side side surfaces"], Float[Array, "side side surfaces 2"]]:
    """z and (dz/dx, dz/dy) of every solid and the wall; z is inf beside a solid."""
    place = jnp.stack([x, y], axis=-1)[:, :, None]  # [S, S, 1, 2]
    d = place - scene.centre[None, None, :, :2]
    radius = scene.radius[None, None]
    distance = jnp.sqrt(jnp.sum(jnp.square(d), axis=-1))
    # Where a formula has no value, the pixel is outside of that solid.
    height = jnp.sqrt(jnp.maximum(jnp.square(radius) - jnp.square(distance), 1e-9))
    ratio = 1.0 / jnp.maximum(distance, 1e-6)
    tilt = scene.slope[None, None, :-1]
    z = scene.centre[None, None, :, 2]
    kind = scene.kind[None, None]
    inside = jnp.where(
        kind == 3, jnp.max(jnp.abs(d), axis=-1) < radius, distance < radius
    )

    def of_kind(sphere, cone, tile):
        at = kind.reshape(kind.shape + (1,) * (tile.ndim - kind.ndim))
        return jnp.where(at == 1, sphere, jnp.where(at == 2, cone, tile))

    plane = z + jnp.sum(tilt * d, axis=-1)
    depths = of_kind(z - height, z - radius + distance, plane)
    slopes = of_kind(d / height[..., None], d * ratio[..., None], tilt)
    wall = scene.slope[-1]
    behind = FAR + jnp.sum(place * wall[None, None, None], axis=-1)
    along = jnp.broadcast_to(wall[None, None, None], (*behind.shape, 2))
    depths = jnp.where(inside, depths, jnp.inf)
    return (
        jnp.concatenate([depths, behind], axis=2),
        jnp.concatenate([slopes, along], axis=2),
    )
