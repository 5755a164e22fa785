"""Writes a Stable Diffusion XL whose UNet has its full size and random weights, and what diffusers predicts.

Not part of the tests that run by themselves: 5.2 GB on disk and about 11 GB of memory. Text encoders and
autoencoder have their widths and few layers, so that the folder opens. The Rust side reads the folder,
once this script has ended:

    python tests/parity/make_full_size_sdxl.py /tmp/full-size-sdxl
    FULL_SIZE_SDXL=/tmp/full-size-sdxl cargo test --release --test integration full_size_sdxl -- --ignored --nocapture

usage: make_full_size_sdxl.py FOLDER [--side CELLS] [--threads N]
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
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "fixtures"))

import fixture_tools as tools  # noqa: E402
import full_size_sdxl as full_size  # noqa: E402
import narrow_xl_configs as narrow  # noqa: E402
from make_narrow import randomise, write_json, write_part  # noqa: E402
from make_narrow_xl import write_tokenizer  # noqa: E402

WEIGHTS = "diffusion_pytorch_model.safetensors"
TIME_IDS = [1000, 1200, 16, 40, 768, 1344]


def random_weights(unet, generator):
    """f16 weights of a network without memory; uniform numbers, which are made faster than normal ones."""
    weights = {}
    for name, parameter in unet.named_parameters():
        numbers = torch.empty(parameter.shape).uniform_(-1.7, 1.7, generator=generator)
        if parameter.dim() >= 2:
            numbers /= parameter[0].numel() ** 0.5
        elif name.endswith("weight"):
            numbers = 1 + 0.2 * numbers
        else:
            numbers *= 0.1
        weights[name] = numbers.half()
    return weights


def write_folder(folder, toybox):
    """Everything but the UNet, small."""
    generator = torch.Generator().manual_seed(2)
    vocabulary = json.loads((toybox / "tokenizer" / "vocab.json").read_text(encoding="utf-8"))
    small = {"vocab_size": len(vocabulary), "num_hidden_layers": 2, "intermediate_size": 64}
    text_config, text_config_2 = full_size.TEXT_ENCODER | small, full_size.TEXT_ENCODER_2 | small
    text = CLIPTextModel(CLIPTextConfig(**text_config))
    text_2 = CLIPTextModelWithProjection(CLIPTextConfig(**text_config_2))
    vae = AutoencoderKL.from_config(narrow.VAE)
    for model in (text, text_2, vae):
        randomise(model, generator)
    half = torch.float16
    write_part(folder / "text_encoder", "model.safetensors", text_config, full_size.prefixed(text), half)
    write_part(folder / "text_encoder_2", "model.safetensors", text_config_2, full_size.prefixed(text_2), half)
    write_part(folder / "vae", WEIGHTS, narrow.VAE, vae.state_dict(), half)
    write_tokenizer(folder / "tokenizer", narrow.SPECIAL_TOKENS, toybox)
    write_tokenizer(folder / "tokenizer_2", narrow.SPECIAL_TOKENS_2, toybox)
    (folder / "scheduler").mkdir()
    write_json(folder / "scheduler" / "scheduler_config.json", narrow.SCHEDULER)
    write_json(folder / "model_index.json", narrow.MODEL_INDEX)


def timed(what, compute):
    began = time.monotonic()
    result = compute()
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
    return result


@torch.no_grad()
def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--side", type=int, default=32, help="rows and columns of the latents")
    arguments.add_argument("--threads", type=int, default=2)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    folder, side = arguments.folder, arguments.side
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_folder(folder, REPOSITORY / "assets" / "toybox")

    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(full_size.UNET)
    weights = timed("weights", lambda: random_weights(unet, torch.Generator().manual_seed(1)))
    (folder / "unet").mkdir()
    write_json(folder / "unet" / "config.json", full_size.UNET)
    timed("saving", lambda: save_file(weights, folder / "unet" / WEIGHTS, metadata={"format": "pt"}))
    for name in list(weights):
        unet.load_state_dict({name: weights.pop(name).float()}, strict=False, assign=True)
    unet.eval().requires_grad_(False)

    latents = tools.normal(0, 1, 4, side, side)
    context = tools.normal(1, 1, 77, 2048)
    pooled = tools.normal(2, 1, 1280)
    added = {"text_embeds": pooled, "time_ids": torch.tensor([TIME_IDS], dtype=torch.float32)}
    prediction = timed(
        "prediction",
        lambda: unet(latents, tools.TIMESTEP, context, added_cond_kwargs=added).sample,
    )
    with tools.CrossAttentionMaps(unet) as maps:
        timed("the same with maps", lambda: unet(latents, tools.TIMESTEP, context, added_cond_kwargs=added))
    grids = maps.by_grid(side, side)
    tensors = {
        "latents": latents,
        "hidden": context,
        "pooled": pooled,
        "time_ids": torch.tensor(TIME_IDS),
        "prediction": prediction,
        "maps.coarse": tools.head_and_layer_average(grids[side // 4, side // 4]),
        "maps.fine": tools.head_and_layer_average(grids[side // 2, side // 2]),
    }
    tools.save(folder / "reference.safetensors", tensors, timestep=tools.TIMESTEP, side=side)
    print(f"peak memory of this script: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
