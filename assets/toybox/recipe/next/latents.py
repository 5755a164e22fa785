"""Encodes rendered scenes once the autoencoder is final: latents.py SPRITES WORK SET...

A shard WORK/data/latents_SET_000.pt holds a thousand scenes and their mirror images: latents [2000, 4, 32, 32] f16 (means,
not yet scaled), the things of each, and what share of each cell of the 16x16 maps every thing covers, [things, 16, 16] uint8.
"""
import os
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL

import data
import scenes
from config import DEVICE, save

CELLS = 16


def coverage(thing):
    """Share of each cell that a thing covers, [16, 16] uint8 of 255."""
    part = scenes.SIZE // CELLS
    return (scenes.mask(thing).reshape(CELLS, part, CELLS, part).mean((1, 3)) * 255).round().astype(np.uint8)


@torch.no_grad()
def encode(work, vae, name, number):
    shard = torch.load(data.path(work, name, number))
    things = [[scenes.Thing(*t) for t in ts] for ts in shard["things"]]
    things += [[t._replace(x=1 - t.x, mirrored=not t.mirrored) for t in ts] for ts in things]
    covers = [torch.from_numpy(np.stack([coverage(t) for t in ts])) for ts in things]
    codes = []
    for pictures in (shard["pictures"], shard["pictures"].flip(-1)):
        for x in pictures.split(25):
            x = (x.to(DEVICE).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
            codes.append(vae.encode(x).latent_dist.mean.half().cpu())
    save({"latents": torch.cat(codes), "things": [[tuple(t) for t in ts] for ts in things], "covers": covers}, data.path(work, name, number, "latents"))


def main():
    scenes.use(sys.argv[1])
    work = sys.argv[2]
    vae = AutoencoderKL.from_pretrained(f"{work}/vae").eval().to(DEVICE, memory_format=torch.channels_last)
    for name in sys.argv[3:]:
        for number in data.shards(work, name):
            if not os.path.exists(data.path(work, name, number, "latents")):
                encode(work, vae, name, number)
                print("latents", name, number, flush=True)


if __name__ == "__main__":
    main()
