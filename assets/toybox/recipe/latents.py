"""Encodes rendered scenes once the autoencoder is final: latents.py WORK SET... [--until COUNT]

A shard WORK/data/latents_SET_000.pt holds the latents of a thousand scenes and of their mirror images, [2000, 4, 32, 32] f16
(means, not yet scaled), beside what the scenes' shard says of them (data.py). With --until, waits for shards that are still
being rendered, until so many are encoded.
"""
import argparse
import os
import time

import torch
from diffusers import AutoencoderKL

import data
from config import DEVICE, GROUP, save


@torch.no_grad()
def encode(work, vae, name, number):
    shard = torch.load(data.path(work, name, number))
    codes = []
    for pictures in (shard["pictures"], shard["pictures"].flip(-1)):
        for x in pictures.split(GROUP):
            x = (x.to(DEVICE).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
            codes.append(vae.encode(x).latent_dist.mean.half().cpu())
    save({"latents": torch.cat(codes)} | {k: shard[k] for k in ("covers", "ids", "mentions")}, data.path(work, name, number, "latents"))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("work")
    args.add_argument("sets", nargs="+")
    args.add_argument("--until", type=int, default=0)
    args = args.parse_args()
    vae = AutoencoderKL.from_pretrained(f"{args.work}/vae").eval().to(DEVICE, memory_format=torch.channels_last)
    while True:
        for name in args.sets:
            for number in data.shards(args.work, name):
                if not os.path.exists(data.path(args.work, name, number, "latents")):
                    encode(args.work, vae, name, number)
                    print("latents", name, number, flush=True)
        if sum(len(data.shards(args.work, name, "latents")) for name in args.sets) >= args.until:
            break
        time.sleep(0.2)


if __name__ == "__main__":
    main()
