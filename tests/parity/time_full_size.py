"""Times Stable Diffusion 1.4's parts with diffusers, at full size and on random weights.

To be run beside `storm-studio bench --parts-only --model FOLDER` on the same machine in the same hour:
a guided prediction, an update (cross-attention maps and their gradient, the whole UNet, as the released
code does) and a decode, each once to warm up and then timed. FOLDER is written where it is missing.

usage: time_full_size.py FOLDER [--device cuda] [--dtype float16] [--threads N] [--repeat N]
"""

import argparse
import json
import shutil
import statistics
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

GRID = (16, 16)
CONTEXT = (77, 768)


def parse_arguments():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments.add_argument("--dtype", choices=("float32", "float16"), default="float32")
    arguments.add_argument("--threads", type=int, help="torch's threads; its own default if not given")
    arguments.add_argument("--repeat", type=int, default=5)
    return arguments.parse_args()


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write(folder, device):
    """A diffusers folder in f16 with the classes' own random weights."""
    texts = shapes.TEXT_ENCODER["sd1"] | {"hidden_act": spellings.TEXT_ENCODER["sd1"]["hidden_act"]}
    write_json(folder / "model_index.json", spellings.MODEL_INDEX["sd1"])
    write_json(folder / "scheduler" / "scheduler_config.json", spellings.SCHEDULER["sd1"])
    write_json(folder / "tokenizer" / "tokenizer_config.json", spellings.tokenizer_config("sd1"))
    shutil.copyfile(REPOSITORY / "assets" / "clip" / "merges.txt", folder / "tokenizer" / "merges.txt")
    unet = shapes.UNET["sd1"] | {"_class_name": "UNet2DConditionModel"}
    vae = shapes.VAE | {"_class_name": "AutoencoderKL"}
    weights = "diffusion_pytorch_model.safetensors"
    torch.manual_seed(1)
    with torch.device(device):
        for name, config, file, build in (
            ("text_encoder", texts, "model.safetensors", lambda: CLIPTextModel(CLIPTextConfig(**texts))),
            ("vae", vae, weights, lambda: AutoencoderKL.from_config(shapes.VAE)),
            ("unet", unet, weights, lambda: UNet2DConditionModel.from_config(shapes.UNET["sd1"])),
        ):
            state = build().state_dict()
            write_json(folder / name / "config.json", config)
            named = {
                key if name != "text_encoder" or key.startswith("text_model.") else f"text_model.{key}": value
                for key, value in state.items()
            }
            tensors = {key: value.half().contiguous().cpu() for key, value in named.items()}
            save_file(tensors, folder / name / file, metadata={"format": "pt"})


def main():
    arguments = parse_arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if not (arguments.folder / "unet").exists():
        write(arguments.folder, arguments.device)
    dtype = getattr(torch, arguments.dtype)
    placed = {"device": arguments.device, "dtype": dtype}

    def load(kind, part):
        return kind.from_pretrained(arguments.folder / part, torch_dtype=dtype).eval().to(arguments.device).requires_grad_(False)

    unet, vae = load(UNet2DConditionModel, "unet"), load(AutoencoderKL, "vae")
    latents, context = torch.randn(1, 4, 64, 64, **placed), torch.randn(2, *CONTEXT, **placed)
    weight = torch.ones(*GRID, 77, **placed)

    @torch.no_grad()
    def prediction():
        return unet(latents.expand(2, -1, -1, -1), 501, context).sample

    @torch.no_grad()
    def decode():
        return vae.decode(latents).sample

    def update():
        return tools.map_gradient(unet, latents, 501, context[1:], GRID, weight)

    for what, part in (("a guided prediction", prediction), ("an update (maps and gradient)", update), ("decoding a picture", decode)):
        seconds = []
        for _ in range(arguments.repeat + 2):
            if arguments.device == "cuda":
                torch.cuda.synchronize()
            began = time.perf_counter()
            part()
            if arguments.device == "cuda":
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - began)
        seconds = seconds[2:]
        print(f"{what}: {statistics.median(seconds):.4f} s ({min(seconds):.4f} to {max(seconds):.4f})", flush=True)
    name = torch.cuda.get_device_name() if arguments.device == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"{arguments.dtype} on {name}, torch {torch.__version__}")


if __name__ == "__main__":
    main()
