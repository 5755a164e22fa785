"""Measures the gates: measure.py SPRITES WORK [--count 512] [--only NAME...]

Every figure of the model card but those of STORM, which the program itself measures (`storm-studio evaluate`). Work is done in
small pieces, each appended to WORK/measured/NAME.jsonl as it is finished, so a run that is killed goes on; the figures of what
there is are written to WORK/measured/figures.json at the end. The folder belongs to one set of weights: remove it for others.

  autoencoder   PSNR on held-out scenes
  text          how far padding states are from the empty prompt's
  detector      found in place, false finds, extents, masks, colours; on held-out scenes rendered, reconstructed, repainted
  single, pair, three    objects recognised, colours at their objects; maps, on pairs
  relation      two objects and a relation, standard sampling: recognised, unconditional, conditional
"""
import argparse
import json
import os

import numpy as np
import torch

import data
import detector
import scenes
from config import CONFIG, DEVICE, GROUP, save_json
from sampling import STEPS, Model, article
from text import ids_of, padding_error

GATES = {  # figure: (at least or at most, value)
    "autoencoder psnr": (">=", 30), "text padding, largest": ("<=", 1e-3),
    "detector rendered found": (">=", 0.99), "detector reconstructed found": (">=", 0.99), "detector repainted found": (">=", 0.99),
    "detector rendered false": ("<=", 0.01), "detector reconstructed false": ("<=", 0.01), "detector repainted false": ("<=", 0.01),
    "detector rendered mask iou": (">=", 0.9), "detector repainted mask iou": (">=", 0.8), "detector rendered extent error": ("<=", 0.1),
    "single recognised": (">=", 0.97), "pair recognised": (">=", 0.85), "three recognised": (">=", 0.6), "colour right": (">=", 0.85),
    "relation conditional": ("0.4 to 0.65", None), "noun's attention at its object, last step": (">=", 0.3),
    "centroid correlation, a fifth": (">=", 0.6), "centroid correlation, half": (">=", 0.9), "colour's mass at its object, half": (">=", 0.5),
}
FIFTH, HALF = STEPS // 5, STEPS // 2


def prompt_of(rng, count):
    """A prompt of `count` different objects, and what it asks for: [(name, colour, noun token, colour token)]."""
    names = rng.choice(CONFIG["objects"], count, replace=False)
    words, asked = [], []
    for k, name in enumerate(names):
        colour = str(rng.choice(CONFIG["colours"])) if rng.random() < 0.6 else None
        words += (["and"] if k else []) + article(f"{colour} {name}" if colour else str(name)).split()
        asked.append((str(name), colour, len(words), len(words) - 1 if colour else None))
    return " ".join(words), asked


def relation_of(rng):
    first, second = (str(n) for n in rng.choice(CONFIG["objects"], 2, replace=False))
    relation = str(rng.choice(list(scenes.PHRASES)))
    return f"{article(first)} {scenes.PHRASES[relation][0]} {article(second)}", [first, relation, second]


def cells_of(mask):
    """Share of each cell of the 16x16 maps that a mask covers, [256]."""
    return mask.reshape(16, 8, 16, 8).mean((1, 3)).reshape(-1)


def judge(asked, found, maps):
    """A record of one picture: per object asked for, whether it is there, its colour, and what its words' maps said."""
    record = []
    for name, colour, noun, shade in asked:
        there = [f for f in found if f.name == name]
        entry = {"name": name, "colour": colour, "found": len(there)}
        if there:
            f = there[0]
            entry["colour right"] = detector.agrees(name, f.colour, colour) if colour else None
            cells = cells_of(f.mask)
            inside = cells > 0.5
            entry["place"] = [f.x, f.y]
            grid = (np.arange(16) + 0.5) / 16
            for step, m in maps.items():
                noun_map = m[:, noun].reshape(16, 16)
                total = noun_map.sum() + 1e-9
                entry[f"centroid {step}"] = [float((noun_map.sum(0) * grid).sum() / total), float((noun_map.sum(1) * grid).sum() / total)]
                if inside.any():
                    entry[f"attention {step}"] = float(m[inside, noun].mean())
                    if shade:
                        entry[f"colour mass {step}"] = float((m[:, shade] * (cells > 0.1)).sum() / (m[:, shade].sum() + 1e-9))
        record.append(entry)
    return record


class Ledger:
    """The records of one name, kept line by line."""

    def __init__(self, work, name):
        os.makedirs(f"{work}/measured", exist_ok=True)
        self.path, self.records = f"{work}/measured/{name}.jsonl", []
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.records = [json.loads(line) for line in file if line.endswith("\n")]

    def add(self, records):
        with open(self.path, "a") as file:
            file.writelines(json.dumps(r) + "\n" for r in records)
        self.records += records


def paint(work, name, count, group=GROUP):
    """Pictures of a kind of prompt, judged."""
    ledger = Ledger(work, name)
    if len(ledger.records) >= count:
        return
    model, net = Model(work), detector.load(work)
    while len(ledger.records) < count:
        first = len(ledger.records)
        rngs = [np.random.default_rng([23, {"single": 1, "pair": 2, "three": 3, "relation": 4}[name], first + k]) for k in range(group)]
        made = [relation_of(r) if name == "relation" else prompt_of(r, {"single": 1, "pair": 2, "three": 3}[name]) for r in rngs]
        maps = {}

        def watch(index, m):
            if index in (FIFTH, HALF, STEPS):
                maps[index] = m.cpu().numpy()

        pictures = model.paint([p for p, _ in made], [10**6 + first + k for k in range(group)], watch=watch)
        with torch.no_grad():
            found = detector.detect(net(pictures.to(DEVICE)))
        records = []
        for k, (prompt, asked) in enumerate(made):
            if name == "relation":
                places = {f.name: (f.x, f.y) for f in reversed(found[k])}
                records.append({"prompt": prompt, "asked": asked, "places": [places.get(asked[0]), places.get(asked[2])]})
            else:
                records.append({"prompt": prompt, "objects": judge(asked, found[k], {s: m[k] for s, m in maps.items()})})
        ledger.add(records)


def judge_detector(work, kind, count, group=GROUP):
    """The detector on held-out scenes: what it found of each, one record a scene."""
    ledger = Ledger(work, f"detector {kind}")
    if kind == "repainted":
        paths = [f"{work}/data/repainted_held_{k:03d}.pt" for k in (0, 1)]
        pools = [torch.load(p) for p in paths if os.path.exists(p)]
        if not pools:
            return
        pictures, things = torch.cat([p["pictures"] for p in pools]), [t for p in pools for t in p["things"]]
    else:
        pool = torch.load(data.path(work, "all", data.HELD_OUT))
        pictures, things = pool["pictures"], pool["things"]
    count = min(count, len(things))
    if len(ledger.records) >= count:
        return
    model, net = Model(work) if kind == "reconstructed" else None, detector.load(work)
    while len(ledger.records) < count:
        first = len(ledger.records)
        x = pictures[first : first + group].to(DEVICE).float() / 127.5 - 1
        with torch.no_grad():
            if model:
                x = model.vae.decode(model.vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
            found = detector.detect(net(x))
        records = []
        for there, seen in zip(([scenes.Thing(*t) for t in ts] for ts in things[first : first + group]), found):
            free, objects = list(seen), []
            for t in there:
                match = next((f for f in free if f.name == t.name and abs(f.x - t.x) < t.w / 2 and abs(f.y - t.y) < t.h / 2), None)
                if match is None:
                    objects.append({"name": t.name, "size": t.size, "found": False})
                    continue
                free.remove(match)
                mask = scenes.mask(t) > 0.5
                objects.append({
                    "name": t.name, "size": t.size, "found": True, "centre": float(np.hypot(match.x - t.x, match.y - t.y)),
                    "extent": max(abs(match.w / t.w - 1), abs(match.h / t.h - 1)), "iou": float((mask & match.mask).sum() / (mask | match.mask).sum()),
                    "colour": detector.agrees(t.name, match.colour, t.colour)})
            records.append({"objects": objects, "false": len(free)})
        ledger.add(records)


def measure_autoencoder(work, count):
    ledger = Ledger(work, "autoencoder")
    pictures, model = torch.load(data.path(work, "autoencoder", data.HELD_OUT))["pictures"], Model(work)
    while len(ledger.records) < count:
        first = len(ledger.records)
        x = pictures[first : first + 16].to(DEVICE).float() / 127.5 - 1
        with torch.no_grad():
            y = model.vae.decode(model.vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
        ledger.add([{"psnr": v} for v in (-10 * torch.log10((y - x).square().mean((1, 2, 3)) / 4)).tolist()])


def measure_text(work, count):
    ledger, model = Ledger(work, "text"), Model(work)
    while len(ledger.records) < count:
        rng = np.random.default_rng([29, len(ledger.records)])
        prompts = [prompt_of(rng, 1 + k % 3)[0] for k in range(32)]
        ids = ids_of(model.tokenizer, prompts)
        states, silent = model.states(prompts), model.states([""])
        ledger.add([{"error": padding_error(s[None], silent, (i == ids[0, -1])[None]).max().item()} for s, i in zip(states, ids)])


def figures(work):
    read = lambda name: Ledger(work, name).records
    mean = lambda values: float(np.mean(values)) if len(values) else None
    out = {}
    if records := read("autoencoder"):
        out["autoencoder psnr"] = mean([r["psnr"] for r in records])
    if records := read("text"):
        out["text padding, largest"] = max(r["error"] for r in records)
    for kind in ("rendered", "reconstructed", "repainted"):
        if records := read(f"detector {kind}"):
            objects = [o for r in records for o in r["objects"]]
            seen = [o for o in objects if o["found"]]
            out[f"detector {kind} found"] = mean([o["found"] for o in objects])
            out[f"detector {kind} false"] = sum(r["false"] for r in records) / len(objects)
            out[f"detector {kind} extent error"] = mean([o["extent"] for o in seen])
            out[f"detector {kind} mask iou"] = mean([o["iou"] for o in seen])
            out[f"detector {kind} colour"] = mean([o["colour"] for o in seen])
    for name in ("single", "pair", "three"):
        if records := read(name):
            out[f"{name} recognised"] = mean([all(o["found"] for o in r["objects"]) for r in records])
            out[f"{name} exact count"] = mean([all(o["found"] == 1 for o in r["objects"]) for r in records])
            out[f"{name} pictures"] = len(records)
    shown = [o for name in ("single", "pair", "three") for r in read(name) for o in r["objects"] if o["found"]]
    out["colour right"] = mean([o["colour right"] for o in shown if o["colour right"] is not None])
    pairs = [o for r in read("pair") for o in r["objects"] if o["found"]]
    out["noun's attention at its object, last step"] = mean([o[f"attention {STEPS}"] for o in pairs if f"attention {STEPS}" in o])
    out["colour's mass at its object, half"] = mean([o[f"colour mass {HALF}"] for o in pairs if f"colour mass {HALF}" in o])
    for label, step in (("a fifth", FIFTH), ("half", HALF)):
        both = [(o["place"], o[f"centroid {step}"]) for o in pairs if f"centroid {step}" in o]
        if len(both) > 2:
            place, centroid = (np.array(v) for v in zip(*both))
            out[f"centroid correlation, {label}"] = mean([np.corrcoef(place[:, k], centroid[:, k])[0, 1] for k in (0, 1)])
    if records := read("relation"):
        def holds(r):
            (ax, ay), (bx, by) = r["places"]
            return {"left": ax < bx, "right": ax > bx, "above": ay < by, "below": ay > by}[r["asked"][1]]
        both = [r for r in records if all(r["places"])]
        out["relation recognised"], out["relation unconditional"] = len(both) / len(records), sum(map(holds, both)) / len(records)
        out["relation conditional"] = mean([holds(r) for r in both])
    return {k: v for k, v in out.items() if v is not None}


def passed(name, value):
    sign, limit = GATES[name]
    return 0.4 <= value <= 0.65 if limit is None else value >= limit if sign == ">=" else value <= limit


def main():
    args = argparse.ArgumentParser()
    args.add_argument("sprites")
    args.add_argument("work")
    args.add_argument("--count", type=int, default=512)
    args.add_argument("--only", nargs="*", default=["autoencoder", "text", "detector", "single", "pair", "three", "relation"])
    args = args.parse_args()
    scenes.use(args.sprites)
    for name in args.only:
        if name == "autoencoder":
            measure_autoencoder(args.work, args.count)
        elif name == "text":
            measure_text(args.work, args.count)
        elif name == "detector":
            for kind in ("rendered", "reconstructed", "repainted"):
                judge_detector(args.work, kind, args.count)
        else:
            paint(args.work, name, args.count)
    measured = figures(args.work)
    save_json(measured, f"{args.work}/measured/figures.json")
    for name, value in measured.items():
        gate = f"  gate {GATES[name][0]} {GATES[name][1] or ''}: {'passed' if passed(name, value) else 'FAILED'}" if name in GATES else ""
        print(f"{name}: {value:.4f}{gate}")


if __name__ == "__main__":
    main()
