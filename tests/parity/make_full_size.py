"""Writes a Stable Diffusion checkpoint of full size with random weights, and what diffusers computes.

Not part of the tests that run by themselves: 4.3 GB on disk and about 10 GB of memory. The Rust side
reads the folder and reports errors, times and peak memory:

    python tests/parity/make_full_size.py /tmp/full-size
    FULL_SIZE=/tmp/full-size cargo test --release --test integration full_size -- --ignored --nocapture

usage: make_full_size.py FOLDER [--family sd1|sd2] [--half] [--threads N]
"""

import argparse
import json
import resource
import shutil
import sys
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "fixtures"))

import fixture_tools as tools  # noqa: E402
import full_size_shapes as shapes  # noqa: E402
import narrow_configs as spellings  # noqa: E402
from make_narrow import randomise  # noqa: E402

GRID = (16, 16)
WEIGHTS = "diffusion_pytorch_model.safetensors"


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_model(folder, model, config, file, dtype):
    """One component, as its config and its weights in `dtype`."""
    write_json(folder / "config.json", config)
    weights = {name: weight.to(dtype).contiguous() for name, weight in model.state_dict().items()}
    save_file(weights, folder / file, metadata={"format": "pt"})


def timed(what, compute):
    began = time.monotonic()
    result = compute()
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--family", choices=("sd1", "sd2"), default="sd1")
    arguments.add_argument("--half", action="store_true", help="store f16, compute with the rounded weights in f32")
    arguments.add_argument("--threads", type=int, default=2)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    family, folder = arguments.family, arguments.folder
    dtype = torch.float16 if arguments.half else torch.float32

    unet_config = shapes.UNET[family] | {"_class_name": "UNet2DConditionModel"}
    vae_config = shapes.VAE | {"_class_name": "AutoencoderKL"}
    text_config = shapes.TEXT_ENCODER[family] | {"hidden_act": spellings.TEXT_ENCODER[family]["hidden_act"]}
    generator = torch.Generator().manual_seed(1)
    write_json(folder / "model_index.json", spellings.MODEL_INDEX[family])
    write_json(folder / "scheduler" / "scheduler_config.json", spellings.SCHEDULER[family])
    write_json(folder / "tokenizer" / "tokenizer_config.json", spellings.tokenizer_config(family))
    shutil.copyfile(REPOSITORY / "assets" / "clip" / "merges.txt", folder / "tokenizer" / "merges.txt")

    text = CLIPTextModel(CLIPTextConfig(**text_config)).eval()
    randomise(text, generator)
    write_model(folder / "text_encoder", text, text_config, "model.safetensors", dtype)
    ids = torch.randint(0, 49406, (2, 77), generator=generator)
    ids[:, 0] = 49406
    text.to(dtype).float()
    with torch.no_grad():
        context = timed("text encoder", lambda: text(ids).last_hidden_state)
    del text

    vae = AutoencoderKL.from_config(vae_config).eval()
    randomise(vae, generator)
    write_model(folder / "vae", vae, vae_config, WEIGHTS, dtype)
    vae.to(dtype).float()
    latents = tools.normal(0, 1, 4, 64, 64)
    vae_latents = tools.normal(2, 1, 4, 32, 32)
    with torch.no_grad():
        decoded = timed("decode 256 x 256", lambda: vae.decode(vae_latents / vae.config.scaling_factor).sample)
    del vae

    unet = UNet2DConditionModel.from_config(unet_config).eval().requires_grad_(False)
    randomise(unet, generator)
    write_model(folder / "unet", unet, unet_config, WEIGHTS, dtype)
    unet.to(dtype).float()
    batch = latents.expand(2, -1, -1, -1)
    with torch.no_grad():
        prediction = timed("prediction, batch 2", lambda: unet(batch, tools.TIMESTEP, context).sample)
    weight = tools.normal(1, *GRID, 77)
    value, gradient = timed(
        "maps and gradient, batch 1",
        lambda: tools.map_gradient(unet, latents, tools.TIMESTEP, context[1:], GRID, weight),
    )
    tensors = {
        "text.ids": ids,
        "text.hidden": context,
        "unet.latents": latents,
        "unet.prediction": prediction,
        "gradient.weight": weight,
        "gradient.value": value,
        "gradient.latents": gradient,
        "vae.latents": vae_latents,
        "vae.decoded": decoded,
    }
    tools.save(folder / "reference.safetensors", tensors, family=family, timestep=tools.TIMESTEP)
    print(f"peak memory of this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
