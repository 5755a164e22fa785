"""Rendered scenes, noised part of the way and painted again by the model, which keeps the places: repaint.py SPRITES WORK COUNT

The detector learns the model's hand from them and is measured on them. A scene counts only if each of its objects still looks
about as it was rendered; how many do is printed. Writes WORK/data/repainted_train_000.pt and so on, 250 scenes each, and
repainted_held_000.pt, from scenes that no training saw. Shards that exist are left as they are.
"""
import os
import sys

import numpy as np
import torch

import data
import scenes
from config import CONFIG, DEVICE, GROUP, save
from sampling import Model, scheduler

CHOICES = CONFIG["repaint"]
SIZE, TOGETHER = 250, min(GROUP, 50)  # scenes of a shard; scenes that are noised alike


@torch.no_grad()
def again(model, pictures, captions, rng):
    """Pictures [n, 3, 128, 128] in [-1, 1], painted again from a timestep between the limits of config.json."""
    x = pictures.to(DEVICE).contiguous(memory_format=torch.channels_last)
    z = model.vae.encode(x).latent_dist.mean * model.vae.config.scaling_factor
    states = torch.cat([model.states([""]).expand(len(captions), -1, -1), model.states(captions)])
    kept = scheduler().alphas_cumprod.to(DEVICE)
    top = int(rng.integers(*CHOICES["noised"]))
    steps = np.linspace(top, 0, max(2, CHOICES["steps"] * top // 1000) + 1).round().astype(int)
    z = kept[top].sqrt() * z + (1 - kept[top]).sqrt() * torch.from_numpy(rng.standard_normal(z.shape).astype(np.float32)).to(DEVICE)
    for t, after in zip(steps[:-1], steps[1:]):  # DDIM
        without, given = model.unet(torch.cat([z, z]), torch.tensor(int(t)), states).sample.chunk(2)
        noise = without + CHOICES["guidance"] * (given - without)
        clean = (z - (1 - kept[t]).sqrt() * noise) / kept[t].sqrt()
        z = kept[after].sqrt() * clean + (1 - kept[after]).sqrt() * noise
        model.maps.clear()
    return model.decode(z)


def alike(before, after, things):
    """Whether every object still looks about as it did: mean difference over its pixels, at half the resolution."""
    small = lambda v: torch.nn.functional.avg_pool2d(v[None], 2)[0]
    apart = (small(before) - small(after)).abs().mean(0)
    masks = [small(torch.from_numpy(scenes.mask(t))[None])[0] for t in things]
    return all((apart * m).sum() / m.sum() < CHOICES["alike_below"] for m in masks)


def main():
    scenes.use(sys.argv[1])
    work, count = sys.argv[2], int(sys.argv[3])
    model = Model(work)
    for kind, number in [("held", 0), ("held", 1), *(("train", k) for k in range(count))]:
        path = f"{work}/data/repainted_{kind}_{number:03d}.pt"
        if os.path.exists(path):
            continue
        shard = torch.load(data.path(work, "all", data.HELD_OUT if kind == "held" else number % max(1, len(data.shards(work, "all")))))
        rng = np.random.default_rng([17, kind == "held", number])
        order = rng.permutation(len(shard["things"])) if kind == "train" else np.arange(number * SIZE, (number + 1) * SIZE)
        pictures, chosen = [], []
        for start in range(0, SIZE, TOGETHER):
            pick = order[start : start + TOGETHER]
            before = shard["pictures"][torch.from_numpy(pick)].float() / 127.5 - 1
            things = [[scenes.Thing(*t) for t in shard["things"][i]] for i in pick]
            after = again(model, before, [scenes.caption(rng, ts)[0] for ts in things], rng)
            for b, a, ts, i in zip(before, after, things, pick.tolist()):
                if alike(b, a, ts):
                    pictures.append(((a + 1) * 127.5).round().byte())
                    chosen.append(i)
        facts = {k: shard[k][chosen] for k in ("boxes", "kinds", "colours", "masks", "strangers")}
        save({"pictures": torch.stack(pictures), "things": [shard["things"][i] for i in chosen]} | facts, path)
        print(kind, number, f"{len(chosen)} of {SIZE} kept", flush=True)


if __name__ == "__main__":
    main()
