"""Renders scenes in shards of a thousand: data.py SPRITES WORK SET COUNT [FIRST]

SET is a name under "sets" of config.json, or "autoencoder". A shard WORK/data/SET_000.pt holds pictures [1000, 3, 128, 128]
uint8 and their things; its number and its set make its seed, so shards can be added at any time and are the same again.
Number 999 is held out from training.
"""
import os
import sys
import zlib

import numpy as np
import torch

import scenes
from config import CONFIG, save

HELD_OUT = CONFIG["held_out_seed"]


def path(work, name, number, kind="scenes"):
    return os.path.join(work, "data", f"{kind}_{name}_{number:03d}.pt")


def kinds(name):
    """What a set's scenes are made of."""
    if name == "autoencoder":
        return scenes.Kinds()
    chosen = CONFIG["sets"][name]
    return scenes.Kinds(names=tuple(CONFIG["objects"]), **{k: tuple(v) if isinstance(v, list) else v for k, v in chosen.items()})


def render(work, name, number, size=1000):
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    made = [scenes.scene(rng, kinds(name)) for _ in range(size)]
    pictures = torch.from_numpy(np.stack([np.asarray(p) for p, _ in made])).permute(0, 3, 1, 2).contiguous()
    save({"pictures": pictures, "things": [[tuple(t) for t in ts] for _, ts in made]}, path(work, name, number))


def shards(work, name, kind="scenes"):
    """Numbers of the shards there are, the held-out one apart."""
    return [k for k in range(HELD_OUT) if os.path.exists(path(work, name, k, kind))]


if __name__ == "__main__":
    scenes.use(sys.argv[1])
    work, name, count = sys.argv[2], sys.argv[3], int(sys.argv[4])
    first = int(sys.argv[5]) if len(sys.argv) > 5 else 0
    os.makedirs(os.path.join(work, "data"), exist_ok=True)
    for number in [HELD_OUT, *range(first, first + count)]:
        if not os.path.exists(path(work, name, number)):
            render(work, name, number)
            print("shard", name, number, flush=True)
