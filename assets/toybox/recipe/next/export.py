"""Gathers what was trained into one diffusers folder of f16 safetensors, with its helpers beside it: export.py SPRITES WORK OUT

OUT gets tokenizer, text_encoder, unet, vae, scheduler, model_index.json, latent_rgb.json (a least-squares RGB of the scaled
latents, for previews without a decoder), vocabulary.json (what the model knows; README.md states its format) and, as far as
they are trained, detector.safetensors and preview_decoder.
"""
import json
import os
import shutil
import sys

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTokenizer

import data
import scenes
from config import CONFIG, save_json


def latent_rgb(vae, work):
    pictures = torch.load(data.path(work, "autoencoder", data.HELD_OUT))["pictures"][:256].float() / 127.5 - 1
    with torch.no_grad():
        latents = torch.cat([vae.encode(x).latent_dist.mean for x in pictures.split(16)]) * vae.config.scaling_factor
    small = torch.nn.functional.interpolate(pictures, size=latents.shape[-2:], mode="area")
    rows = latents.permute(0, 2, 3, 1).reshape(-1, 4)
    fit = torch.linalg.lstsq(torch.cat([rows, torch.ones(len(rows), 1)], 1), small.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    return {"factors": fit[:4].tolist(), "bias": fit[4].tolist(), "range": "[-1, 1], rows are latent channels, columns R G B"}


def vocabulary():
    """What the model knows, in the words that its captions use."""
    return {
        "objects": [{"word": n, "plural": scenes.plural(n)} for n in CONFIG["objects"]],
        "colours": CONFIG["colours"],
        "sizes": scenes.SIZE_WORDS,
        "extents": {name: pixels / scenes.SIZE for name, pixels in scenes.SIZES.items()},
        "numbers": [{"word": "one", "count": 1}, *({"word": w, "count": n} for n, w in scenes.NUMBERS.items())],
        "most_objects": 3,
        "filler": sorted(set(" ".join(["a an one and with , : next to beside", *scenes.OPENINGS, *(p for ps in scenes.PHRASES.values() for p in ps)]).split())),
    }


def main():
    sprites, work, out = sys.argv[1:4]
    scenes.use(sprites)
    vae = AutoencoderKL.from_pretrained(f"{work}/vae")
    rgb = latent_rgb(vae, work)
    pipeline = StableDiffusionPipeline(
        vae=vae, unet=UNet2DConditionModel.from_pretrained(f"{work}/unet"), text_encoder=CLIPTextModel.from_pretrained(f"{work}/text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(f"{work}/tokenizer"), safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        scheduler=PNDMScheduler(**CONFIG["schedule"], skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1))
    pipeline.to(torch.float16).save_pretrained(out, safe_serialization=True)

    def edit(path, change):
        with open(path) as file:
            config = json.load(file)
        change(config)
        with open(path, "w") as file:
            json.dump(config, file, indent=2)

    # Published PNDM configs carry this for programs that run them with DDIM.
    edit(f"{out}/scheduler/scheduler_config.json", lambda c: c.update(clip_sample=False))
    for part in ("unet", "vae"):  # no paths of the machine that trained it
        edit(f"{out}/{part}/config.json", lambda c: c.pop("_name_or_path", None))
    # Newer transformers leave out the prefix that every published checkpoint has.
    weights = f"{out}/text_encoder/model.safetensors"
    save_file({k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in load_file(weights).items()}, weights, metadata={"format": "pt"})
    for extra in ("vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"):
        shutil.copy(f"{work}/tokenizer/{extra}", f"{out}/tokenizer/{extra}")
    save_json(rgb, f"{out}/latent_rgb.json")
    save_json(vocabulary(), f"{out}/vocabulary.json")
    if os.path.exists(f"{work}/detector.safetensors"):
        shutil.copy(f"{work}/detector.safetensors", out)
    if os.path.exists(f"{work}/preview_decoder"):
        shutil.copytree(f"{work}/preview_decoder", f"{out}/preview_decoder", dirs_exist_ok=True)
    for folder, _, files in os.walk(out):  # safetensors writes for its owner only
        for file in files:
            os.chmod(os.path.join(folder, file), 0o644)
    sizes = {os.path.relpath(os.path.join(d, f), out): os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(out) for f in fs if f.endswith(".safetensors")}
    print(sizes, f"{sum(sizes.values()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
