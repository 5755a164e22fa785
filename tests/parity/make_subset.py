"""Writes the part of the recorded STORM runs that continuous integration carries.

A whole run is 9 to 22 MB. Kept of each are all scalars, a dozen attention maps spread over the
steps, the refinement and the attribute term, and of their gradients the columns that matter.
README.md in the fixtures folder documents the tensors.

usage: make_subset.py REFERENCE_DIR [--out DIR]
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

# Losses whose maps are kept. `whole` are those whose gradient is kept over all 77 columns.
RUNS = {
    # Steps 0, 1, 3; step 5 before, in and after refinement; from 40 on with the attribute term:
    # steps 7 and 9, then step 10 likewise.
    "left-blue-dog": {"records": [0, 1, 5, 9, 11, 20, 37, 40, 44, 46, 60, 77], "whole": [60]},
    # Steps 0, 1, 2, 3; step 5 before, in and after refinement; steps 6, 7 and 8, the last two
    # with the attribute term.
    "above": {"records": [0, 1, 3, 5, 9, 11, 20, 30, 40, 41, 43, 45], "whole": [20]},
    # 9 and 10, as 39 and 40, differ in the columns of their token softmax.
    "sd2-left": {"records": [0, 1, 3, 5, 9, 10, 14, 25, 39, 40, 43, 45], "whole": [9]},
}
FIRST, REFINEMENT, OWN = 0, 1, 2


def kinds(steps):
    """What each loss belongs to: a step's first is before refinement, its last the step's own update."""
    out = []
    for index, step in enumerate(steps):
        first = index == 0 or steps[index - 1] != step
        last = index + 1 == len(steps) or steps[index + 1] != step
        out.append(FIRST if first else OWN if last else REFINEMENT)
    return torch.tensor(out)


def scalars(run, read):
    """Everything of the run that is a number: losses, coordinates, updates."""
    losses, updates = range(run["losses"]), range(run["updates"])
    steps = torch.cat([read(f"loss.{n}.step") for n in losses])
    step_sizes = torch.cat([read(f"update.{n}.step_size") for n in updates])
    moved = torch.stack([(read(f"update.{n}.after") - read(f"update.{n}.before")).norm() for n in updates])
    return {
        "values": torch.cat([read(f"loss.{n}.value") for n in losses]),
        "steps": steps,
        "kinds": kinds(steps.tolist()),
        "coordinates": torch.stack([read(f"loss.{n}.coordinate") for n in losses]),
        "step_sizes": step_sizes,
        "gradient_norms": moved / step_sizes,
    }


def softmax_columns(gradient):
    """One past the last token with a gradient, after checking what the test relies on.

    A softmax ignores a constant added to its inputs, so each pixel's gradient sums to zero over
    the softmax's columns, and the columns outside get none.
    """
    used = (gradient != 0).flatten(0, 1).any(0).nonzero().flatten()
    if used[0] != 1 or len(used) != used[-1]:
        raise ValueError(f"the gradient is not on columns 1 to {used[-1]}")
    if gradient.double().sum(-1).abs().max() > 1e-3 * gradient.abs().max():
        raise ValueError("the gradient does not sum to zero over the columns")
    return used[-1] + 1


def subset(source, records, whole):
    """The kept tensors of one run and its metadata."""
    with safe_open(source, "pt") as file:
        run, read = json.loads(file.metadata()["run"]), file.get_tensor
        (subject, object_), adjectives = run["token_indices"]
        tokens = [subject, object_, *(token for token in adjectives if token is not None)]
        tensors = scalars(run, read)
        ends = []
        for n in records:
            gradient = read(f"loss.{n}.grad_maps")
            ends.append(softmax_columns(gradient))
            tensors[f"loss.{n}.maps"] = read(f"loss.{n}.maps")
            tensors[f"loss.{n}.grad_tokens"] = gradient[..., tokens].contiguous()
            if n in whole:
                tensors[f"loss.{n}.grad_maps"] = gradient
        tensors["records"], tensors["column_ends"] = torch.tensor(records), torch.stack(ends)
    return tensors, run | {"tokens": tokens}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("reference", type=Path)
    fixtures = Path(__file__).resolve().parents[1] / "fixtures"
    arguments.add_argument("--out", type=Path, default=fixtures / "reference")
    arguments = arguments.parse_args()

    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, choice in RUNS.items():
        tensors, run = subset(arguments.reference / f"{name}.safetensors", **choice)
        path = arguments.out / f"{name}.safetensors"
        save_file(tensors, path, metadata={"run": json.dumps(run)})
        print(f"{path.name}: {path.stat().st_size} bytes, {run}")
        for key in ("records", "column_ends", "kinds"):
            print(f"  {key} {tensors[key].tolist()}")
        print(f"  gradient_norms {tensors['gradient_norms'].min():.6f} to {tensors['gradient_norms'].max():.6f}")


if __name__ == "__main__":
    main()
