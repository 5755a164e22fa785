"""Times one picture with diffusers on the weights that Storm Studio embeds.

To be run beside `storm-studio bench` on the same machine in the same hour: prompt to decoded
picture, classifier-free guidance, the folder's own PNDM. The first picture only warms up.

usage: time_diffusers.py [--model DIR] [--threads N] [--repeat N] [--save FILE] …
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline

REPOSITORY = Path(__file__).resolve().parents[2]


def parse_arguments():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--model", type=Path, default=REPOSITORY / "assets" / "toybox", help="a diffusers folder")
    arguments.add_argument("--prompt", default="a cat to the left of a dog")
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--guidance-scale", type=float, default=7.5)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int, help="torch's threads; its own default if not given")
    arguments.add_argument("--repeat", type=int, default=5, help="pictures timed, after one that is not")
    arguments.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments.add_argument("--dtype", choices=("float32", "float16", "bfloat16"), default="float32")
    arguments.add_argument("--save", type=Path, help="where to write the picture as PNG")
    arguments.add_argument("--json", action="store_true", help="print one JSON line instead of a sentence")
    return arguments.parse_args()


def load(arguments):
    """The pipeline, with nothing printed on the way."""
    for library in (diffusers, transformers):
        library.logging.set_verbosity_error()
        library.logging.disable_progress_bar()
    pipeline = StableDiffusionPipeline.from_pretrained(
        arguments.model, dtype=getattr(torch, arguments.dtype), safety_checker=None
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(arguments.device)


def picture(pipeline, arguments):
    """One picture as PIL image; the copy to the host waits for the device."""
    return pipeline(
        arguments.prompt,
        num_inference_steps=arguments.steps,
        guidance_scale=arguments.guidance_scale,
        generator=torch.Generator().manual_seed(arguments.seed),
    ).images[0]


def main():
    arguments = parse_arguments()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    pipeline = load(arguments)
    image = picture(pipeline, arguments)
    seconds = []
    for _ in range(arguments.repeat):
        start = time.perf_counter()
        image = picture(pipeline, arguments)
        seconds.append(time.perf_counter() - start)
    if arguments.save:
        image.save(arguments.save)
    result = {
        "median_s": round(statistics.median(seconds), 3),
        "fastest_s": round(min(seconds), 3),
        "slowest_s": round(max(seconds), 3),
        "repeat": arguments.repeat,
        "steps": arguments.steps,
        "guidance_scale": arguments.guidance_scale,
        "scheduler": type(pipeline.scheduler).__name__,
        "size": list(image.size),
        "threads": torch.get_num_threads(),
        "device": arguments.device,
        "dtype": arguments.dtype,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        print("median {median_s} s ({fastest_s} to {slowest_s}) over {repeat} pictures".format(**result))
        print("{size[0]}x{size[1]}, {steps} {scheduler} steps, guidance {guidance_scale}".format(**result))
        print("{threads} threads on {device}, {dtype}, torch {torch}, diffusers {diffusers}".format(**result))


if __name__ == "__main__":
    main()
