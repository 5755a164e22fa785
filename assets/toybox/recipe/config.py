"""The choices of this recipe, from config.json beside this file, and where the work stands."""
import json
import os

import torch

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "config.json")) as _file:
    CONFIG = json.load(_file)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
GROUP = 250 if DEVICE == "cuda" else 10  # pictures that are painted or encoded together


def save(value, path):
    """Writes a file whole or not at all, so that a run that is killed can go on."""
    torch.save(value, path + ".part")
    os.replace(path + ".part", path)


def save_json(value, path):
    with open(path + ".part", "w") as file:
        json.dump(value, file, indent=1)
    os.replace(path + ".part", path)
