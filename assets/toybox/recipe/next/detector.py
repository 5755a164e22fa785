"""Trains the detector: which objects a picture shows, where, how large, in which colour, and which pixels are theirs.

detector.py SPRITES WORK [--steps N]

It is trained apart from the generator on rendered scenes, half of them passed through the autoencoder, and on scenes that the
model has painted again (repaint.py), as far as there are any, so that neither the decoder's softness nor the model's hand fools
it. Objects of the sprites that the model is not taught, and plain discs, stand in the pictures as things that are none.

The network works on [n, 3, 128, 128] in [-1, 1]. It has four outputs on a 32x32 grid and one per pixel:
  heat    [n, objects, 32, 32]  logits, a peak at the centre of each object
  box     [n, 4, 32, 32]        at a peak: offset of the centre from the cell's centre in cells (x, y), log of width and height
                                as shares of the picture
  colour  [n, 1 + colours, 32, 32]  logits at a peak: its own colour, or one of the colours
  mask    [n, 1, 128, 128]      logits: whether a pixel belongs to an object
`detect` reads objects from them. Batch norms are folded into the convolutions on export, so the file holds convolutions only.

Run again, it goes on from WORK/detector_state.pt; all schedules count steps.
"""
import argparse
import glob
import json
import os
import time
from typing import NamedTuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image, ImageDraw, ImageFilter
from safetensors.torch import save_file

import data
import scenes
from config import CONFIG, DEVICE, save

CHOICES = CONFIG["detector"]
NAMES, COLOURS = CONFIG["objects"], [None, *CONFIG["colours"]]
GRID = 32


class Found(NamedTuple):
    """An object of a picture; lengths as shares of the picture. `colour` None is the object's own."""
    name: str
    confidence: float
    x: float
    y: float
    w: float
    h: float
    colour: str | None
    colour_confidence: float
    mask: np.ndarray  # [128, 128] bool


class Block(nn.Module):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Network(nn.Module):
    """Two halvings to 32x32 and one to 16x16, then back: 32x32 for objects, 64x64 for masks, whose four channels are pixels."""

    def __init__(self):
        super().__init__()
        a, b, c = CHOICES["channels"]
        self.fine = nn.Sequential(Block(3, a, 2), Block(a, a))
        self.middle = nn.Sequential(Block(a, b, 2), Block(b, b), Block(b, b))
        self.coarse = nn.Sequential(Block(b, c, 2), Block(c, c), Block(c, c), Block(c, c))
        self.coarse_out = nn.Conv2d(c, b, 1)
        self.merged = nn.Sequential(Block(b, b), Block(b, b))
        self.heads = nn.Conv2d(b, len(NAMES) + 4 + len(COLOURS), 1)
        self.merged_out = nn.Conv2d(b, a, 1)
        self.pixels = nn.Sequential(Block(a, a), nn.Conv2d(a, 4, 3, 1, 1))
        nn.init.constant_(self.heads.bias[: len(NAMES)], -4)

    def forward(self, x):
        fine = self.fine(x)
        middle = self.middle(fine)
        double = lambda v: F.interpolate(v, scale_factor=2, mode="nearest")
        merged = self.merged(middle + double(self.coarse_out(self.coarse(middle))))
        heat, box, colour = self.heads(merged).split([len(NAMES), 4, len(COLOURS)], 1)
        return heat, box, colour, F.pixel_shuffle(self.pixels(fine + double(self.merged_out(merged))), 2)


def detect(outputs, threshold=None):
    """Objects of each picture, the most certain first. A peak is a cell that no cell within one of it beats, whatever the
    object; an object's mask are the pixels of the mask that lie nearest to it, in units of its extents, and not far outside."""
    threshold = threshold or CHOICES["found_above"]
    heat, box, colour, mask = (o.float().cpu() for o in outputs)
    heat, colour, mask = heat.sigmoid(), colour.softmax(1), mask[:, 0] > 0
    best, kind = heat.max(1)
    peak = (best == F.max_pool2d(best[:, None], 3, 1, 1)[:, 0]) & (best > threshold)
    pixel = (np.arange(scenes.SIZE) + 0.5) / scenes.SIZE
    found = []
    for n in range(len(heat)):
        here = []
        for row, column in peak[n].nonzero().tolist():
            dx, dy, w, h = box[n, :, row, column].tolist()
            shade = colour[n, :, row, column]
            here.append([NAMES[kind[n, row, column]], best[n, row, column].item(), (column + 0.5 + dx) / GRID, (row + 0.5 + dy) / GRID,
                         min(1.0, float(np.exp(w))), min(1.0, float(np.exp(h))), COLOURS[int(shade.argmax())], shade.max().item()])
        here.sort(key=lambda f: -f[1])
        kept = []
        for f in here:  # one object is not found twice
            if all(abs(f[2] - k[2]) > 0.3 * max(f[4], k[4]) or abs(f[3] - k[3]) > 0.3 * max(f[5], k[5]) for k in kept):
                kept.append(f)
        if kept:
            away = np.stack([np.maximum(np.abs(pixel[None, :] - f[2]) / f[4], np.abs(pixel[:, None] - f[3]) / f[5]) for f in kept])
            nearest = away.argmin(0)
        found.append([Found(*f, mask[n].numpy() & (nearest == k) & (away[k] < 0.65)) for k, f in enumerate(kept)])
    return found


def with_disc(rng, picture, things):
    """The picture with a soft disc on free ground, or as it is where none fits."""
    side = rng.uniform(20, 56)
    for _ in range(20):
        x, y = rng.uniform(side / 2, scenes.SIZE - side / 2, 2)
        if all(abs(x / scenes.SIZE - t.x) > t.w / 2 + side / 256 or abs(y / scenes.SIZE - t.y) > t.h / 2 + side / 256 for t in things):
            break
    else:
        return picture
    colour = (255, 255, 255) if rng.random() < 0.3 else tuple(int(v) for v in rng.integers(30, 256, 3))
    cover = Image.new("L", picture.size, 0)
    ImageDraw.Draw(cover).ellipse([x - side / 2, y - side / 2, x + side / 2, y + side / 2], fill=int(rng.integers(120, 256)))
    cover = cover.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 4)))
    return Image.composite(Image.new("RGB", picture.size, colour), picture, cover)


def example(things):
    """Targets of a scene: heat [objects, 32, 32], box [4, 32, 32], colour [32, 32] (-1 where nothing is asked), mask [128, 128],
    and whether a pixel's mask is asked [128, 128]."""
    cells = (np.arange(GRID) + 0.5) / GRID
    heat, box = np.zeros((len(NAMES), GRID, GRID), np.float32), np.zeros((4, GRID, GRID), np.float32)
    colour, mask = np.full((GRID, GRID), -1), np.zeros((scenes.SIZE, scenes.SIZE), np.float32)
    for t in things:
        if t.name not in NAMES:  # a thing that the model is not taught is none
            continue
        across, down = (cells - t.x)[None, :], (cells - t.y)[:, None]
        spread = 0.10 * np.sqrt(t.w * t.h) + 0.4 / GRID
        spot = np.exp(-(across**2 + down**2) / (2 * spread**2)).astype(np.float32)
        kind = NAMES.index(t.name)
        heat[kind] = np.maximum(heat[kind], spot / spot.max())
        near = spot > 0.3
        wide = np.broadcast_to(across, near.shape), np.broadcast_to(down, near.shape)
        for k, value in enumerate((-wide[0] * GRID, -wide[1] * GRID, np.full_like(spot, np.log(t.w)), np.full_like(spot, np.log(t.h)))):
            box[k][near] = value[near]
        colour[near] = COLOURS.index(t.colour)
        mask = np.maximum(mask, scenes.mask(t))
    known = np.ones_like(mask)
    for t in things:
        if t.name not in NAMES:
            known = np.where(scenes.mask(t) > 0.1, np.float32(0), known)
    return heat, box, colour, mask, known


def loss_of(outputs, heat, box, colour, mask, known):
    logits, boxes, shades, pixels = outputs
    p = logits.sigmoid()
    peaks = torch.where(heat > 0.5, 6.0, 1.0) * (heat - p).abs().detach() ** 2
    finding = F.binary_cross_entropy_with_logits(logits, heat, peaks, reduction="sum") / (heat == 1).sum().clamp(min=1)
    asked = colour >= 0
    place = ((boxes - box).abs() * box.new_tensor([0.3, 0.3, 2, 2]).view(1, 4, 1, 1)).mean(1)[asked].mean()
    shade = F.cross_entropy(shades.permute(0, 2, 3, 1)[asked], colour[asked])
    pixels = pixels[:, 0]
    drawn = (F.binary_cross_entropy_with_logits(pixels, mask, reduction="none") * known).mean()
    inside = pixels.sigmoid() * known
    dice = 1 - (2 * (inside * mask).sum((1, 2)) + 1) / (inside.sum((1, 2)) + (mask * known).sum((1, 2)) + 1)
    return finding + place + 0.5 * shade + 4 * drawn + 0.5 * dice.mean()


class Pictures:
    """Rendered scenes of several sets, and repainted ones if there are any."""

    def __init__(self, work, held_out=False):
        paths = [data.path(work, name, number) for name in ("autoencoder", *CONFIG["sets"])
                 for number in ([data.HELD_OUT] if held_out else data.shards(work, name)[: CHOICES["shards"]])]
        self.rendered = [torch.load(p) for p in paths if os.path.exists(p)]
        self.repainted = [torch.load(p) for p in sorted(glob.glob(f"{work}/data/repainted_{'held' if held_out else 'train'}_*.pt"))]

    def batch(self, rng, size, vae):
        """Pictures [n, 3, 128, 128] and their targets: a third rendered, a third through the autoencoder, a third repainted."""
        x, targets = [], []
        shares = (size // 3, size // 3, size - 2 * (size // 3)) if self.repainted else (size // 2, size - size // 2, 0)
        for kind, count in enumerate(shares):
            part = []
            for _ in range(count):
                pools = self.repainted if kind == 2 else self.rendered
                pool = pools[rng.integers(len(pools))]
                i = rng.integers(len(pool["things"]))
                things, picture = [scenes.Thing(*t) for t in pool["things"][i]], pool["pictures"][i]
                if kind < 2 and rng.random() < 0.15:
                    picture = torch.from_numpy(np.array(with_disc(rng, Image.fromarray(picture.permute(1, 2, 0).numpy()), things))).permute(2, 0, 1)
                target = example(things)
                picture = picture.float() / 127.5 - 1
                if rng.random() < 0.5:
                    picture = picture.flip(-1)
                    target = tuple(np.ascontiguousarray(v[..., ::-1]) for v in target)
                    target[1][0] *= -1
                part.append(picture)
                targets.append(target)
            if part:
                part = torch.stack(part)
                if kind == 1:
                    with torch.no_grad():
                        part = vae.decode(vae.encode(part.to(DEVICE)).latent_dist.sample()).sample.clamp(-1, 1).cpu()
                x.append(part)
        x = torch.cat(x)
        tone = 1 + 0.15 * (torch.rand(len(x), 1, 1, 1) - 0.5), 0.15 * (torch.rand(len(x), 3, 1, 1) - 0.5)
        x = x * tone[0] + tone[1] + 0.04 * torch.rand(len(x), 1, 1, 1) * torch.randn_like(x)
        soft = torch.rand(len(x)) < 0.2
        x[soft] = F.avg_pool2d(F.pad(x[soft], (1, 1, 1, 1), mode="replicate"), 3, 1)
        return x, [torch.from_numpy(np.stack(v)) for v in zip(*targets)]


def folded(net):
    """Convolutions with the batch norms in them: {name: tensor}."""
    state = {}
    for name, module in net.named_modules():
        if isinstance(module, Block):
            gain = module.norm.weight / (module.norm.running_var + module.norm.eps).sqrt()
            state[f"{name}.weight"] = module.conv.weight * gain[:, None, None, None]
            state[f"{name}.bias"] = module.norm.bias - module.norm.running_mean * gain
        elif isinstance(module, nn.Conv2d) and not name.endswith(".conv"):
            state[f"{name}.weight"], state[f"{name}.bias"] = module.weight, module.bias
    return {k: v.detach().float().contiguous().cpu() for k, v in state.items()}


def agrees(name, seen, asked):
    """Whether a colour that was seen is the one asked for; None is an object's own, which may go by names of config.json."""
    own = CONFIG["own_colours"].get(name, [])
    return seen == asked or (seen is None and asked in own) or (asked is None and seen in own)


def export(net, path):
    save_file(folded(net), path, metadata={
        "objects": json.dumps(NAMES), "colours": json.dumps(CONFIG["colours"]), "own_colours": json.dumps(CONFIG["own_colours"]),
        "channels": json.dumps(CHOICES["channels"]), "found_above": str(CHOICES["found_above"]), "undecided_above": str(CHOICES["undecided_above"])})


def load(work):
    net = Network().eval().to(DEVICE)
    net.load_state_dict(torch.load(f"{work}/detector_state.pt", map_location=DEVICE)["average"])
    return net


def main():
    args = argparse.ArgumentParser()
    args.add_argument("sprites")
    args.add_argument("work")
    args.add_argument("--steps", type=int, default=CHOICES["steps"])
    args = args.parse_args()
    scenes.use(args.sprites)
    torch.manual_seed(5)
    net = Network().to(DEVICE, memory_format=torch.channels_last)
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995), use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=CHOICES["rate"], weight_decay=1e-3)
    state_path, step = f"{args.work}/detector_state.pt", 0
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=DEVICE)
        net.load_state_dict(state["net"])
        average.module.load_state_dict(state["average"])
        average.n_averaged.fill_(1)
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        print("going on from step", step, flush=True)
    vae = AutoencoderKL.from_pretrained(f"{args.work}/vae").eval().to(DEVICE, memory_format=torch.channels_last)
    pictures, rng = Pictures(args.work), np.random.default_rng(step + 9)
    torch.manual_seed(step)

    def keep():
        save({"net": net.state_dict(), "average": average.module.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, state_path)

    saved = begun = time.time()
    while step < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = CHOICES["rate"] * min(1, (step + 1) / 100) * max(0.01, 1 - step / args.steps)
        x, targets = pictures.batch(rng, CHOICES["batch"], vae)
        loss = loss_of(net(x.to(DEVICE).contiguous(memory_format=torch.channels_last)), *(v.to(DEVICE) for v in targets))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        average.update_parameters(net)
        step += 1
        if step % 50 == 0:
            print(f"{time.time() - begun:5.0f} s  step {step}  loss {loss:.4f}", flush=True)
        if time.time() - saved > 180:
            saved = time.time()
            keep()
    keep()
    export(average.module.eval(), f"{args.work}/detector.safetensors")


if __name__ == "__main__":
    main()
