"""Paints prompts with what is trained so far: PNDM as the exported model's scheduler says, classifier-free guidance.

Run as a script, this writes a contact sheet: sampling.py WORK OUT.png [--sheet all|grid|pairs] [--guidance 7.5] [--seed 0]
"""
import argparse

import torch
from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from PIL import Image, ImageDraw
from transformers import CLIPTextModel, CLIPTokenizer

from config import CONFIG, DEVICE, GROUP
from text import ids_of
from attention import captured

STEPS, GUIDANCE = 25, 7.5


def scheduler():
    return PNDMScheduler(**CONFIG["schedule"], skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1)


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


class Model:
    """Text encoder, UNet and autoencoder of a folder: where the training works, or a finished model."""

    def __init__(self, folder, unet="unet"):
        self.text = CLIPTextModel.from_pretrained(f"{folder}/text_encoder", torch_dtype=torch.float32).eval().to(DEVICE)
        self.tokenizer = CLIPTokenizer.from_pretrained(f"{folder}/tokenizer")
        self.unet = UNet2DConditionModel.from_pretrained(f"{folder}/{unet}", torch_dtype=torch.float32).eval().to(DEVICE, memory_format=torch.channels_last)
        self.vae = AutoencoderKL.from_pretrained(f"{folder}/vae", torch_dtype=torch.float32).eval().to(DEVICE, memory_format=torch.channels_last)
        self.maps = captured(self.unet)

    @torch.no_grad()
    def states(self, prompts):
        return self.text(ids_of(self.tokenizer, prompts).to(DEVICE))[0]

    @torch.no_grad()
    def paint(self, prompts, seeds, steps=STEPS, guidance=GUIDANCE, watch=None):
        """Pictures [n, 3, 128, 128] in [-1, 1] of prompts from noise by seeds. `watch`, if given, is called at each step with its
        index and the prompt's maps [n, 256, 77], means over the layers and heads at 16x16."""
        states = torch.cat([self.states([""]).expand(len(prompts), -1, -1), self.states(prompts)])
        z = torch.stack([torch.randn(4, 32, 32, generator=torch.Generator().manual_seed(int(s))) for s in seeds]).to(DEVICE)
        plan = scheduler()
        plan.set_timesteps(steps)
        for index, t in enumerate(plan.timesteps):
            self.maps.clear()
            without, given = self.unet(torch.cat([z, z]).contiguous(memory_format=torch.channels_last), t, states).sample.chunk(2)
            if watch:
                watch(index, torch.stack(self.maps).mean(0)[len(prompts) :])
            z = plan.step(without + guidance * (given - without), t, z).prev_sample
        return self.decode(z)

    @torch.no_grad()
    def decode(self, z):
        return torch.cat([self.vae.decode(part / self.vae.config.scaling_factor).sample.clamp(-1, 1) for part in z.split(8)]).cpu()


def images(pictures):
    return [Image.fromarray(p) for p in ((pictures + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()]


def grid_prompts():
    """All objects, each in its own colour and in all others."""
    return [article(f"{colour} {name}" if colour else name) for name in CONFIG["objects"] for colour in (None, *CONFIG["colours"])]


def pair_prompts(count=24):
    """Pairs in colours, counts, threes, sizes and relations."""
    colours, names = CONFIG["colours"], CONFIG["objects"]
    half = len(names) // 2
    pairs = [f"{article(f'{colours[k % 8]} {a}')} and {article(b)}" for k, (a, b) in enumerate(zip(names[:half], names[half:]))]
    rest = ["two cats", "three apples", "two blue cars", "three red balloons", "a red car and a blue house", "a black cat and an orange ball", "a cat to the left of a dog",
            "a cat to the right of a dog", "a small dog next to a big car", "a cat, a dog and a rabbit", "a red apple and a blue cup and a clock", "two cats and a dog"]
    return (pairs + rest)[:count]


def labelled(picture, words):
    side, height = picture.size
    whole = Image.new("RGB", (side, height + 24), (255, 255, 255))
    whole.paste(picture, (0, 0))
    lines, line = [], ""
    for word in words.split():
        if len(line) + len(word) > 20:
            lines, line = [*lines, line], ""
        line = f"{line} {word}".strip()
    for k, text in enumerate([*lines, line][:2]):
        ImageDraw.Draw(whole).text((2, height + 1 + 11 * k), text, fill=(0, 0, 0))
    return whole


def sheet(cells, across, gap=4):
    w, h = cells[0].size
    whole = Image.new("RGB", (across * (w + gap) - gap, -(-len(cells) // across) * (h + gap) - gap), (255, 255, 255))
    for k, cell in enumerate(cells):
        whole.paste(cell, (k % across * (w + gap), k // across * (h + gap)))
    return whole


def main():
    args = argparse.ArgumentParser()
    args.add_argument("folder")
    args.add_argument("out")
    args.add_argument("--unet", default="unet", help="subfolder of the UNet")
    args.add_argument("--sheet", choices=["singles", "grid", "pairs", "all"], default="all")
    args.add_argument("--guidance", type=float, default=GUIDANCE)
    args.add_argument("--steps", type=int, default=STEPS)
    args.add_argument("--seed", type=int, default=0)
    args.add_argument("--group", type=int, default=max(12, GROUP))
    args = args.parse_args()
    singles = [article(n) for n in CONFIG["objects"]]
    prompts = {"singles": singles, "grid": grid_prompts(), "pairs": pair_prompts(), "all": singles + pair_prompts()}[args.sheet]
    across = 1 + len(CONFIG["colours"]) if args.sheet == "grid" else 8
    model, cells = Model(args.folder, args.unet), []
    for start in range(0, len(prompts), args.group):
        part = prompts[start : start + args.group]
        pictures = images(model.paint(part, [args.seed + start + k for k in range(len(part))], args.steps, args.guidance))
        cells += [p if args.sheet == "grid" else labelled(p, w) for p, w in zip(pictures, part)]
    sheet(cells, across).save(args.out)


if __name__ == "__main__":
    main()
