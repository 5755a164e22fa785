"""Trains the detector: which objects a picture shows, where, how large, in which colour, and which pixels are theirs.

detector.py WORK [--steps N]

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


def targets(boxes, kinds, colours):
    """Targets of scenes [n, things, ...] (data.py): heat [n, objects, 32, 32], box [n, 4, 32, 32], colour [n, 32, 32], which is -1
    where nothing is asked. A thing that the model is not taught is none."""
    cells = (torch.arange(GRID, device=boxes.device) + 0.5) / GRID
    across, down = torch.broadcast_tensors((cells - boxes[..., 0, None])[:, :, None, :], (cells - boxes[..., 1, None])[:, :, :, None])
    w, h = boxes[..., 2], boxes[..., 3]
    spread = (0.10 * (w * h).sqrt() + 0.4 / GRID)[..., None, None]
    spot = torch.exp(-(across**2 + down**2) / (2 * spread**2)) * (kinds >= 0)[..., None, None]  # [n, things, 32, 32]
    heat = boxes.new_zeros(len(boxes), len(NAMES), GRID, GRID)
    box, colour = boxes.new_zeros(len(boxes), 4, GRID, GRID), torch.full_like(spot[:, 0], -1, dtype=torch.long)
    rows = torch.arange(len(boxes), device=boxes.device)
    for k in range(boxes.shape[1]):
        kind = kinds[:, k].clamp(min=0)
        heat[rows, kind] = torch.maximum(heat[rows, kind], spot[:, k] / spot[:, k].amax((1, 2), keepdim=True).clamp(min=1e-6))
        near = spot[:, k] > 0.3
        size = torch.stack([w[:, k], h[:, k]], 1).clamp(min=1e-3).log()[..., None, None].expand(-1, -1, GRID, GRID)
        here = torch.cat([-across[:, k, None] * GRID, -down[:, k, None] * GRID, size], 1)
        box = torch.where(near[:, None], here, box)
        colour = torch.where(near, colours[:, k, None, None], colour)
    return heat, box, colour


def with_discs(x, taken):
    """Pictures [n, 3, 128, 128] in [0, 1] with a soft disc each, in some colour, on ground that nothing covers (`taken`
    [n, 128, 128]), or as they are where eight places were not free."""
    pixel = (torch.arange(scenes.SIZE, device=x.device) + 0.5) / scenes.SIZE
    random = lambda *shape: torch.rand(len(x), *shape, device=x.device)
    radius, soft, strength = 0.08 + 0.14 * random(1, 1), 0.004 + 0.03 * random(1, 1), 0.5 + 0.5 * random(1, 1)
    colour = torch.where(random(1) < 0.3, 1.0, 0.12 + 0.88 * random(3))
    best, cover = torch.full((len(x),), 0.5, device=x.device), torch.zeros_like(taken)
    for _ in range(8):
        centre = radius + (1 - 2 * radius) * random(2, 1)
        away = ((pixel - centre[:, :1])[:, None, 0] ** 2 + (pixel - centre[:, 1:])[:, 0, :, None] ** 2).sqrt()
        disc = strength * torch.sigmoid((radius - away) / soft)
        touched = (disc * taken).amax((1, 2))
        cover = torch.where(((touched < 0.02) & (best > 0.02))[:, None, None], disc, cover)
        best = torch.minimum(best, touched)
    return x + cover[:, None] * (colour[..., None, None] - x)


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
    """Rendered scenes of several sets on the device, and repainted ones if there are any."""

    KEYS = ("pictures", "boxes", "kinds", "colours", "masks", "strangers")

    def __init__(self, work, held_out=False):
        paths = [data.path(work, name, number) for name in ("autoencoder", *CONFIG["sets"])
                 for number in ([data.HELD_OUT] if held_out else data.shards(work, name)[: CHOICES["shards"]])]
        join = lambda ps: [torch.cat(v).to(DEVICE) for v in zip(*([shard[k] for k in self.KEYS] for shard in map(torch.load, ps)))]
        self.rendered = join(p for p in paths if os.path.exists(p))
        self.repainted = join(sorted(glob.glob(f"{work}/data/repainted_{'held' if held_out else 'train'}_*.pt")))

    @torch.no_grad()
    def batch(self, size, vae):
        """Pictures [n, 3, 128, 128] in [-1, 1] and their targets: a third rendered, a third through the autoencoder, a third
        repainted; mirrored half the time, some with a disc, all in other tones, with noise, some softened."""
        third = size // 3
        shares = (third, third, size - 2 * third) if self.repainted else (size // 2, size - size // 2, 0)
        picks = [torch.randint(len(pool[0]), (count,), device=DEVICE) for pool, count in ((self.rendered, shares[0] + shares[1]), (self.repainted or self.rendered, shares[2]))]
        parts = [[v[pick] for v in pool] for pool, pick in zip((self.rendered, self.repainted or self.rendered), picks)]
        pictures, boxes, kinds, colours, masks, strangers = (torch.cat(v) for v in zip(*parts))
        random = lambda *shape: torch.rand(size, *shape, device=DEVICE)
        mirrored = random() < 0.5
        flip = lambda v: torch.where(mirrored.view(-1, *[1] * (v.ndim - 1)), v.flip(-1), v)
        pictures, masks, strangers = (flip(v).float() / 255 for v in (pictures, masks, strangers))
        boxes = torch.cat([torch.where(mirrored[:, None, None], 1 - boxes[..., :1], boxes[..., :1]), boxes[..., 1:]], -1)
        rendered = torch.arange(size, device=DEVICE) < shares[0] + shares[1]
        pictures = torch.where(((random() < 0.15) & rendered).view(-1, 1, 1, 1), with_discs(pictures, torch.maximum(masks, strangers)), pictures)
        x = pictures * 2 - 1
        decoded = slice(shares[0], shares[0] + shares[1])
        x[decoded] = vae.decode(vae.encode(x[decoded]).latent_dist.sample()).sample.clamp(-1, 1)
        x = x * (1 + 0.15 * (random(1, 1, 1) - 0.5)) + 0.15 * (random(3, 1, 1) - 0.5) + 0.04 * random(1, 1, 1) * torch.randn_like(x)
        soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
        x = torch.where(random(1, 1, 1) < 0.2, soft, x).contiguous(memory_format=torch.channels_last)
        return x, *targets(boxes, kinds, colours), masks, (strangers <= 0.1).float()


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
    args.add_argument("work")
    args.add_argument("--steps", type=int, default=CHOICES["steps"])
    args = args.parse_args()
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
    pictures = Pictures(args.work)
    torch.manual_seed(step)

    def keep():
        save({"net": net.state_dict(), "average": average.module.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, state_path)

    saved = begun = time.time()
    while step < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = CHOICES["rate"] * min(1, (step + 1) / 100) * max(0.01, 1 - step / args.steps)
        x, *wanted = pictures.batch(CHOICES["batch"], vae)
        loss = loss_of(net(x), *wanted)
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
