"""Rendered scenes, noised part of the way and painted again by the model: its own hand, with known places.

A detector that has only seen rendered glyphs misses what the model paints softly or in the ground's tint.
Here a scene's latents are noised to between 40 and 85 % of the schedule and denoised under the scene's caption
with guidance, so objects keep their places and take on the model's manner. Two things the scene's list of objects
then gets wrong are marked unknown, and the detector's loss leaves them out: an object whose box no longer resembles
the scene (correlation under KEPT), and whatever the model painted on bare ground (twins, strangers).

usage: repaint.py MODEL_FOLDER COUNT SEED OUT.pt   (MODEL_FOLDER as export.py writes it)
"""
import sys

import numpy as np
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

import scenes
from where import DEVICE

BATCH, STEPS, KEPT, BARE = 25, 25, 0.6, 0.06


def tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 127.5 - 1


def resemblance(a, b, centre, half=10):
    """Correlation of two pictures [3, 64, 64] in the box around `centre` (in [0, 1])."""
    x, y = (int(round(c * scenes.SIZE)) for c in centre)
    a, b = (p[:, max(0, y - half) : y + half, max(0, x - half) : x + half].flatten() for p in (a, b))
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])


def strangers(picture, objects):
    """Cells [16, 16] of a picture [3, 64, 64] away from every object, yet with something on them: the ground is smooth."""
    cells = torch.nn.functional.unfold(torch.nn.functional.pad(picture[None], (2, 2, 2, 2), mode="replicate"), 8, stride=4).view(3, 64, 16, 16)
    grid = (torch.arange(16) + 0.5) / 16
    near = torch.zeros(16, 16, dtype=torch.bool)
    for _, _, (x, y) in objects:
        near |= ((grid[None, :] - x).abs() < 0.3) & ((grid[:, None] - y).abs() < 0.3)
    return (cells.std(1).mean(0) > BARE) & ~near


@torch.no_grad()
def main():
    model, count, seed, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    pipe = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None, feature_extractor=None, requires_safety_checker=False).to(DEVICE)
    scheduler = DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    encode = lambda texts: pipe.text_encoder(pipe.tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids.to(DEVICE))[0]
    empty, kept = encode([""]), []
    while len(kept) * BATCH < count:
        made = [scenes.scene(rng) for _ in range(BATCH)]
        x = torch.stack([tensor(p) for p, _ in made])
        scheduler.set_timesteps(STEPS)
        first = int(round(STEPS * (1 - rng.uniform(0.4, 0.85))))
        guidance = rng.choice([5.0, 7.5])
        z = pipe.vae.encode(x.to(DEVICE)).latent_dist.sample() * pipe.vae.config.scaling_factor
        z = scheduler.add_noise(z, torch.randn_like(z), scheduler.timesteps[first : first + 1])
        states = torch.cat([empty.expand(BATCH, -1, -1), encode([scenes.caption(rng, o) for _, o in made])])
        for t in scheduler.timesteps[first:]:
            without, given = pipe.unet(torch.cat([z, z]), t, states).sample.chunk(2)
            z = scheduler.step(without + guidance * (given - without), t, z).prev_sample
        y = pipe.vae.decode(z / pipe.vae.config.scaling_factor).sample.clamp(-1, 1).cpu()
        objects = [[(n, c, p, resemblance(a, b, p) >= KEPT) for n, c, p in o] for (_, o), a, b in zip(made, x, y)]
        unknown = torch.stack([strangers(b, o) for (_, o), b in zip(made, y)])
        kept.append((((y + 1) * 127.5).round().byte(), unknown, objects))
        print(len(kept) * BATCH, round(np.mean([k for o in objects for *_, k in o]), 3), round(unknown.any(-1).any(-1).float().mean().item(), 3), flush=True)
    torch.save({"pictures": torch.cat([p for p, _, _ in kept]), "unknown": torch.cat([u for _, u, _ in kept]), "objects": [o for _, _, os in kept for o in os]}, out)


if __name__ == "__main__":
    main()
