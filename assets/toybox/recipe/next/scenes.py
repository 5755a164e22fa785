"""Synthetic scenes: glossy toys on studio grounds, with captions as noisy as the web's.

A scene is one to three objects that stand on a ground without overlap; two or three of them may be the same.
Its caption names them in random order. Relation phrases are rare, and wrong as often as right, and so are sizes:
a model trained on these pairs knows the objects and their colours, but not where to put them.

Sprites come from the npm package @lobehub/fluent-emoji-3d (Microsoft's Fluent emoji, MIT licence): `use` takes the
package's folder. Run as a script, this writes a sheet of scenes: scenes.py SPRITES OUT.png
"""
import colorsys
import os
import sys
from typing import NamedTuple

import numpy as np
from PIL import Image

SIZE = 128  # pixels, both sides
OBJECTS = {
    "cat": "1f431", "dog": "1f436", "rabbit": "1f430", "horse": "1f40e", "elephant": "1f418", "bird": "1f426", "duck": "1f986",
    "turtle": "1f422", "fish": "1f41f", "car": "1f697", "bus": "1f68c", "train": "1f682", "boat": "26f5", "airplane": "2708-fe0f",
    "rocket": "1f680", "tree": "1f333", "flower": "1f33b", "apple": "1f34e", "cake": "1f370", "ball": "26bd", "clock": "23f0",
    "book": "1f4d5", "chair": "1fa91", "house": "1f3e0", "umbrella": "2602-fe0f", "star": "2b50", "balloon": "1f388", "cup": "2615",
    "hat": "1f3a9", "guitar": "1f3b8",
}
PLURALS = {"fish": "fish", "bus": "buses"}
ALOFT = {"airplane": 5, "rocket": 5, "balloon": 6, "bird": 0, "star": 2, "umbrella": 2}  # pixels between object and shadow
# Hue in degrees, saturation, and where the body's middle tone lies.
COLOURS = {
    "red": (356, 0.85, 0.48), "orange": (24, 0.95, 0.54), "yellow": (47, 0.96, 0.58), "green": (130, 0.70, 0.42),
    "blue": (216, 0.85, 0.48), "purple": (272, 0.65, 0.45), "pink": (330, 0.75, 0.66), "black": (230, 0.12, 0.15),
}
LEADING = {"bus": 40, "train": "all"}  # hue of the body, where another part has more colour
SIZES = {"small": 28, "normal": 40, "big": 56}
SIZE_WORDS = {"small": ["small", "little"], "big": ["big", "large"]}
NUMBERS = {2: "two", 3: "three"}
PHRASES = {
    "left": ["to the left of", "on the left of", "left of"],
    "right": ["to the right of", "on the right of", "right of"],
    "above": ["above", "on top of", "over"],
    "below": ["below", "under"],
}
OPENINGS = ["a photo of", "a picture of", "an image of", "toys :"]
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}


class Thing(NamedTuple):
    """An object of a scene; centre and extent in [0, 1]. `mirrored` tells how its sprite stands there (see `mask`)."""
    name: str
    colour: str | None
    size: str
    x: float
    y: float
    w: float
    h: float
    mirrored: bool


class Kinds(NamedTuple):
    """What scenes are made of: a stage of the curriculum."""
    names: tuple = tuple(OBJECTS)
    counts: tuple = (0.2, 0.5, 0.3)  # shares of scenes with one, two, three objects
    sizes: tuple = (0.25, 0.45, 0.3)  # shares of small, normal, big
    same: float = 0.3  # share of scenes with two or three of the same, where there is more than one
    coloured: float = 0.62  # share of objects in a colour that is not their own


class Mention(NamedTuple):
    """A noun of a caption: which word it is, which word its colour is (or None), and which things it names."""
    noun: int
    colour: int | None
    things: tuple


_folder, _sprites = None, {}
_y, _x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)


def use(assets):
    """Takes sprites from this folder: the npm package or its assets."""
    global _folder
    _folder = os.path.join(assets, "assets") if os.path.isdir(os.path.join(assets, "assets")) else assets


def plural(name):
    return PLURALS.get(name, name + "s")


def hsv(rgb):
    """Hue in degrees, saturation and value of [..., 3] in [0, 1]."""
    high, low = rgb.max(-1), rgb.min(-1)
    span = np.maximum(high - low, 1e-6)
    r, g, b = np.moveaxis(rgb, -1, 0)
    hue = np.where(high == r, (g - b) / span % 6, np.where(high == g, (b - r) / span + 2, (r - g) / span + 4)) * 60
    return hue, (high - low) / np.maximum(high, 1e-6), high


def rgb_of(hue, saturation, lightness):
    """HSL to RGB, arrays or numbers; hue in degrees."""
    k = np.stack([(n + hue / 30) % 12 for n in (0, 8, 4)], -1)
    amount = saturation * np.minimum(lightness, 1 - lightness)
    return lightness[..., None] - amount[..., None] * np.maximum(-1, np.minimum(np.minimum(k - 3, 9 - k), 1))


def recoloured(rgba, colour, leading=None):
    """The body (what has the sprite's leading hue, or its greys if it has none) in another colour; lights and darks stay."""
    rgb, alpha = rgba[..., :3], rgba[..., 3]
    hue, saturation, value = hsv(rgb)
    light = rgb @ np.array([0.299, 0.587, 0.114])
    chroma = saturation * value
    solid = alpha * (chroma > 0.22)
    if leading == "all":
        body = np.ones_like(hue)
    elif leading or solid.sum() > 0.35 * alpha.sum():
        histogram = np.histogram(hue, 72, (0, 360), weights=solid * chroma)[0]
        smooth = sum(np.roll(histogram, k) for k in range(-4, 5))
        leading = leading or smooth.argmax() * 5 + 2.5
        apart = np.abs((hue - leading + 180) % 360 - 180)
        body = np.clip((75 - apart) / 30, 0, 1) * np.clip((chroma - 0.06) / 0.12, 0, 1)
    else:
        body = np.clip((0.40 - chroma) / 0.15, 0, 1)
    # Other parts follow a little, so that the colour reads at forty pixels.
    body = np.maximum(body, 0.25 * (chroma > 0.1)) * np.clip((light - 0.06) / 0.10, 0, 1)
    weight = alpha * (body > 0.5)
    order = np.sort(light[weight > 0.5])
    low, middle, high = order[[int(q * (len(order) - 1)) for q in (0.03, 0.5, 0.98)]]
    low, high = min(low, middle - 0.08), max(high, middle + 0.10)
    target_hue, target_saturation, target = COLOURS[colour]
    top = 0.36 if colour == "black" else min(0.90, target + 0.34)
    rise = np.clip((light - middle) / (high - middle), 0, 1.4)
    tone = np.where(light < middle, target * (1 - 0.5 * (middle - light) / (middle - low)), target + (top - target) * (0.35 * rise + 0.65 * rise**3))
    tone = np.clip(tone, 0.03, 0.96)
    shifted = target_hue + (8 if colour in ("yellow", "orange") else 0) * np.clip((light - middle) * 2, -1, 1)
    paint = rgb_of(shifted % 360, np.full_like(tone, target_saturation), tone)
    mixed = rgb * (1 - body[..., None]) + paint * body[..., None]
    return np.concatenate([np.clip(mixed, 0, 1), alpha[..., None]], -1)


def sprite(name, colour=None):
    """The object's picture, cropped to its ink, RGBA."""
    key = (name, colour)
    if key not in _sprites:
        rgba = np.asarray(Image.open(os.path.join(_folder, OBJECTS[name] + ".webp")).convert("RGBA"), np.float32) / 255
        if colour:
            rgba = recoloured(rgba, colour, LEADING.get(name))
        picture = Image.fromarray((rgba * 255).round().astype(np.uint8), "RGBA")
        _sprites[key] = picture.crop(picture.getchannel("A").point(lambda a: 255 * (a > 24)).getbbox())
    return _sprites[key]


def ground(rng):
    """A studio: a backdrop in one sweep, or floor and wall, with a pool of light. [SIZE, SIZE, 3] in [0, 1]."""
    y, x = _y / (SIZE - 1), _x / (SIZE - 1)
    kind, hue = rng.random(), rng.random()
    if kind < 0.18:  # saturated
        saturation, value = rng.uniform(0.35, 0.62), rng.uniform(0.65, 0.92)
    elif kind < 0.26:  # dim
        saturation, value = rng.uniform(0.1, 0.45), rng.uniform(0.35, 0.55)
    else:
        saturation, value = rng.uniform(0.02, 0.26), rng.uniform(0.82, 0.98)
    floor = np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32)
    if rng.random() < 0.5:  # floor and wall meet high in the picture, so that what stands, stands on the floor
        other = (hue + (0 if saturation > 0.3 else rng.choice([0, rng.uniform(-0.12, 0.12), 0.5]))) % 1
        wall = np.array(colorsys.hsv_to_rgb(other, saturation * rng.uniform(0.4, 1.1), np.clip(value * rng.uniform(0.86, 1.1), 0, 1)), np.float32)
        horizon, soft = rng.uniform(0.1, 0.26), rng.uniform(0.006, 0.03)
        share = 1 / (1 + np.exp(-(y - horizon) / soft))
        field = wall * (1 - share[..., None]) + floor * share[..., None]
        field = field * (1 - 0.10 * np.exp(-np.abs(y - horizon) / 0.07) * (y > horizon) * rng.random())[..., None]
    else:
        top = floor * rng.uniform(0.8, 1.05)
        field = top * (1 - y[..., None]) + floor * y[..., None]
    cx, cy = rng.uniform(0.2, 0.8), rng.uniform(0.25, 0.7)
    far = np.sqrt((x - cx) ** 2 + ((y - cy) * 1.2) ** 2)
    field = field * (1.06 - rng.uniform(0.08, 0.28) * far)[..., None]
    return np.clip(field, 0, 1).astype(np.float32)


def shadow(field, thing, light):
    """Darkens the ground under a thing, in place: a close dark core and a wide soft skirt, to the side away from the light."""
    cx, base, w = thing.x * SIZE, (thing.y + thing.h / 2) * SIZE - 1, thing.w * SIZE
    lift = ALOFT.get(thing.name, 0) * w / 40
    rows = slice(max(0, int(base + lift - 0.6 * w)), int(base + lift + 0.6 * w) + 1)
    columns = slice(max(0, int(cx - 1.2 * w)), int(cx + 1.2 * w) + 1)
    y, x, dark = _y[rows, columns], _x[rows, columns], 0
    for across, down, depth, shift in ((0.40, 0.07, 0.42, 0.02), (0.58, 0.16, 0.26, 0.10)):
        if lift:
            across, down, depth = across * 0.85, down * 1.2, depth * 0.62
        r = ((x - cx - light * shift * w) / (across * w)) ** 2 + ((y - base - lift) / (down * w)) ** 2
        dark = dark + depth * np.exp(-1.1 * r**1.5)
    field[rows, columns] *= 1 - dark[..., None] * np.array([1.0, 0.97, 0.90], np.float32)


def shown(kind, size, mirrored):
    """A sprite as it stands in a scene, RGBA, of `size` [width, height] in pixels."""
    picture = sprite(*kind).resize(size, Image.LANCZOS)
    return picture.transpose(Image.FLIP_LEFT_RIGHT) if mirrored else picture


def mask(thing):
    """The object's coverage of each pixel of its scene, [SIZE, SIZE] in [0, 1]."""
    w, h = round(thing.w * SIZE), round(thing.h * SIZE)
    left, top = round(thing.x * SIZE - w / 2), round(thing.y * SIZE - h / 2)
    whole = np.zeros((SIZE, SIZE), np.float32)
    whole[top : top + h, left : left + w] = np.asarray(shown((thing.name, thing.colour), (w, h), thing.mirrored).getchannel("A"), np.float32) / 255
    return whole


def scene(rng, kinds=Kinds()):
    """Returns (picture, things)."""
    while True:
        placed = arrangement(rng, kinds)
        if placed:
            return painted(rng, placed), placed


def arrangement(rng, kinds):
    """Things in free places, or None where they did not fit."""
    count = int(rng.choice([1, 2, 3], p=kinds.counts))
    chosen = [(str(rng.choice(kinds.names)), str(rng.choice(list(COLOURS))) if rng.random() < kinds.coloured else None) for _ in range(count)]
    if count > 1 and rng.random() < kinds.same:
        same = count if rng.random() < 0.6 else 2
        chosen[:same] = [chosen[0]] * same
    elif len({n for n, _ in chosen}) < count and rng.random() < 0.7:
        return None
    scale = 1 if count < 3 else 0.92
    placed, previous, size, side = [], None, None, None
    for kind in chosen:
        if kind != previous:  # the same things are of one size
            size = str(rng.choice(list(SIZES), p=kinds.sizes))
            side = SIZES[size] * rng.uniform(0.92, 1.08) * scale
        previous = kind
        whole = sprite(kind[0]).size
        # Long things are given a little more length, so that areas are alike.
        longest = side * (1.12 - 0.12 * min(whole) / max(whole))
        w, h = (max(1, round(v * longest / max(whole))) for v in whole)
        gap = 3 / SIZE
        for _ in range(60):
            left, top = int(rng.integers(1, SIZE - w)), int(rng.integers(1, SIZE - h - 3))
            thing = Thing(*kind, size, (left + w / 2) / SIZE, (top + h / 2) / SIZE, w / SIZE, h / SIZE, bool(rng.random() < 0.5))
            if all(abs(thing.x - o.x) > (thing.w + o.w) / 2 + gap or abs(thing.y - o.y) > (thing.h + o.h) / 2 + gap for o in placed):
                break
        else:
            return None
        placed.append(thing)
    return placed


def painted(rng, placed):
    """The picture of these things, on a ground that everything stands out from."""
    sprites = []
    for t in placed:
        w, h = round(t.w * SIZE), round(t.h * SIZE)
        rgba = np.asarray(shown((t.name, t.colour), (w, h), t.mirrored), np.float32) / 255
        mean = (rgba[..., :3] * rgba[..., 3:]).sum((0, 1)) / rgba[..., 3].sum()
        sprites.append((rgba, mean, round(t.x * SIZE - w / 2), round(t.y * SIZE - h / 2)))
    for _ in range(12):
        field = ground(rng)
        if all(np.abs(field[top + rgba.shape[0] // 2, left + rgba.shape[1] // 2] - mean).max() > 0.22 for rgba, mean, left, top in sprites):
            break
    light = rng.choice([-1, 1])
    for thing in placed:
        shadow(field, thing, light)
    for rgba, _, left, top in sprites:
        part = field[top : top + rgba.shape[0], left : left + rgba.shape[1]]
        part += rgba[..., 3:] * (rgba[..., :3] - part)
    return Image.fromarray((np.clip(field, 0, 1) * 255).round().astype(np.uint8))


def caption(rng, things):
    """A caption in random order, and its mentions. Sizes and relations are wrong half the time; numbers are right or left out."""
    groups = {}
    for index, thing in enumerate(things):
        groups.setdefault((thing.name, thing.colour), []).append(index)
    groups = list(groups.items())
    words, mentions = (str(rng.choice(OPENINGS)).split() if rng.random() < 0.06 else []), []
    order = rng.permutation(len(groups))
    for position, k in enumerate(order):
        (name, colour), members = groups[k]
        if position:
            before, here = things[groups[order[position - 1]][1][0]], things[members[0]]
            if rng.random() < 0.2:
                across, down = here.x - before.x, here.y - before.y
                truth = ("left" if across > 0 else "right") if abs(across) > abs(down) else ("above" if down > 0 else "below")
                relation = truth if rng.random() < 0.5 else OPPOSITE[truth]
                words += str(rng.choice(PHRASES[relation])).split()
            else:
                words += str(rng.choice(["and", "with", ",", "next to", "beside"], p=[0.5, 0.15, 0.15, 0.12, 0.08])).split()
        described = []
        if rng.random() < 0.45:
            size = things[members[0]].size if rng.random() < 0.5 else str(rng.choice(list(SIZES)))
            if size in SIZE_WORDS:
                described.append(str(rng.choice(SIZE_WORDS[size])))
        named = colour and rng.random() < 0.92
        if named:
            described.append(colour)
        described.append(name if len(members) == 1 else plural(name))
        if len(members) > 1:
            if rng.random() < 0.88:
                words.append(NUMBERS[len(members)])
        elif rng.random() < 0.9:
            words.append("one" if rng.random() < 0.08 else "an" if described[0][0] in "aeiou" else "a")
        words += described
        mentions.append(Mention(len(words) - 1, len(words) - 2 if named else None, tuple(members)))
    return " ".join(words), mentions


def sheet(pictures, across, gap=3):
    side = pictures[0].size[0] + gap
    whole = Image.new("RGB", (across * side - gap, -(-len(pictures) // across) * side - gap), (255, 255, 255))
    for k, picture in enumerate(pictures):
        whole.paste(picture, (k % across * side, k // across * side))
    return whole


if __name__ == "__main__":
    use(sys.argv[1])
    rng = np.random.default_rng(0)
    made = [scene(rng) for _ in range(40)]
    for _, things in made[:16]:
        print(caption(rng, things))
    sheet([p for p, _ in made], 8).save(sys.argv[2])
