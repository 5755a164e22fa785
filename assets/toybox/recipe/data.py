"""Renders scenes in shards of a thousand: data.py SPRITES WORK SET COUNT [SET COUNT...] [--first N] [--jobs N]

SET is a name under "sets" of config.json, or "autoencoder". A shard WORK/data/scenes_SET_000.pt holds pictures
[1000, 3, 128, 128] uint8 and their things; its number and its set make its seed, so shards can be added at any time and are the
same again. Number 999 is held out from training.

Of its things a shard holds, for the detector, boxes [1000, 3, 4] (centre and extents), kinds [1000, 3] (which of the objects; -1
a thing that the model is not taught, -2 none), colours [1000, 3] (0 its own), and [1000, 128, 128] uint8 the coverage of each
pixel by objects (masks) and by things that the model is not taught (strangers).

A shard of one of the sets also holds what the UNet's training asks of the scenes and, behind them, of their mirror images:
covers [2000, 3, 16, 16] uint8, the share of each cell of the 16x16 maps that every thing covers; ids [2000, captions, 77] and
mentions [2000, captions, 3, 3] of some captions each (attention.py says what a mention is). That needs WORK/tokenizer (text.py).
"""
import argparse
import multiprocessing
import os
import zlib

import numpy as np
import torch

import scenes
from config import CONFIG, save

HELD_OUT = CONFIG["held_out_seed"]
CELLS, MOST = 16, 3


def path(work, name, number, kind="scenes"):
    return os.path.join(work, "data", f"{kind}_{name}_{number:03d}.pt")


def kinds(name):
    """What a set's scenes are made of."""
    if name == "autoencoder":
        return scenes.Kinds()
    chosen = CONFIG["sets"][name]
    return scenes.Kinds(names=tuple(CONFIG["objects"]), **{k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})


def coverage(mask):
    """Share of each cell that a thing with this mask covers, [16, 16] uint8 of 255."""
    part = scenes.SIZE // CELLS
    return (mask.reshape(CELLS, part, CELLS, part).mean((1, 3)) * 255).round().astype(np.uint8)


def facts(scene_things, masks):
    """Boxes, kinds, colours, masks and strangers of scenes, as the head of this file says; the masks of each scene's things."""
    count, names, colours = len(scene_things), CONFIG["objects"], [None, *CONFIG["colours"]]
    boxes, kinds, shades = np.zeros((count, MOST, 4), np.float32), np.full((count, MOST), -2, np.int64), np.zeros((count, MOST), np.int64)
    covered = np.zeros((2, count, scenes.SIZE, scenes.SIZE), np.uint8)
    for k, things in enumerate(scene_things):
        for m, (t, mask) in enumerate(zip(things, masks[k])):
            boxes[k, m], shades[k, m] = t[3:7], colours.index(t.colour)
            kinds[k, m] = names.index(t.name) if t.name in names else -1
            whole = covered[0 if t.name in names else 1, k]
            np.maximum(whole, (mask * 255).round().astype(np.uint8), out=whole)
    return {k: torch.from_numpy(v) for k, v in (("boxes", boxes), ("kinds", kinds), ("colours", shades), ("masks", covered[0]), ("strangers", covered[1]))}


def mirrored(things):
    return [t._replace(x=1 - t.x, mirrored=not t.mirrored) for t in things]


def described(rng, scene_things, masks, tokenizer):
    """Covers, ids and mentions of scenes and of their mirror images, as the head of this file says."""
    covers = np.zeros((len(scene_things), MOST, CELLS, CELLS), np.uint8)
    for k, things in enumerate(scene_things):
        covers[k, : len(things)] = [coverage(mask) for mask in masks[k]]
    each = CONFIG["unet"]["captions"]
    texts, mentions = [], np.zeros((2 * len(scene_things), each, MOST, 3), np.int8)
    for k, things in enumerate([*scene_things, *map(mirrored, scene_things)]):
        for c in range(each):
            text, named = scenes.caption(rng, things)
            texts.append(text)
            for m, mention in enumerate(named):
                mentions[k, c, m] = mention.noun + 1, 0 if mention.colour is None else mention.colour + 1, sum(1 << t for t in mention.things)
    ids = tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    return {
        "covers": torch.from_numpy(np.concatenate([covers, covers[..., ::-1]])),
        "ids": ids.to(torch.int16).view(len(mentions), each, -1), "mentions": torch.from_numpy(mentions)}


def render(work, name, number, size=1000):
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    made = [scenes.scene(rng, kinds(name)) for _ in range(size)]
    pictures = torch.from_numpy(np.stack([np.asarray(p) for p, _ in made])).permute(0, 3, 1, 2).contiguous()
    placed = [ts for _, ts in made]
    masks = [[scenes.mask(t) for t in ts] for ts in placed]
    shard = {"pictures": pictures, "things": [[tuple(t) for t in ts] for ts in placed]} | facts(placed, masks)
    if name in CONFIG["sets"]:
        from transformers import CLIPTokenizer
        shard |= described(rng, placed, masks, CLIPTokenizer.from_pretrained(f"{work}/tokenizer"))
    save(shard, path(work, name, number))


def shards(work, name, kind="scenes"):
    """Numbers of the shards there are, the held-out one apart."""
    return [k for k in range(HELD_OUT) if os.path.exists(path(work, name, k, kind))]


def job(arguments):
    sprites, work, name, number = arguments
    torch.set_num_threads(1)
    scenes.use(sprites)
    render(work, name, number)
    return name, number


def main():
    args = argparse.ArgumentParser()
    args.add_argument("sprites")
    args.add_argument("work")
    args.add_argument("wanted", nargs="+", metavar="SET COUNT")
    args.add_argument("--first", type=int, default=0, help="number of the first shard")
    args.add_argument("--jobs", type=int, default=1, help="processes")
    args = args.parse_args()
    os.makedirs(os.path.join(args.work, "data"), exist_ok=True)
    wanted = list(zip(args.wanted[::2], map(int, args.wanted[1::2])))
    numbers = [(name, number) for name, count in wanted for number in (HELD_OUT, *range(args.first, args.first + count))]
    numbers = [(args.sprites, args.work, *n) for n in numbers if not os.path.exists(path(args.work, *n))]
    with multiprocessing.Pool(args.jobs) as pool:
        for name, number in pool.imap_unordered(job, numbers):
            print("shard", name, number, flush=True)


if __name__ == "__main__":
    main()
