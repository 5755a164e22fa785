"""Trains the UNet on the autoencoder's latents and the frozen text encoder's states: train.py WORK [--samples N]

Epsilon prediction, averaged weights, one empty caption in ten.

Curriculum: the sets of scenes and their shares change with the number of samples seen ("stages" of config.json).

Noisy timesteps count. An object spans so many cells that its colour shows through much noise, so only the noisiest steps make
the UNet read its caption, and there epsilon's error is small: half of the timesteps are drawn from the noisy end, and errors
weigh 1 / signal (which is the weight of v prediction) up to a limit, and min-SNR where there is little noise. Latents are
scaled to a deviation below one for the same reason. Where noise is low, errors at objects weigh more than at bare ground.

Beside that, cells of the maps are taught lightly which word they belong to (attention.py); that fades with the stages.

WORK holds data/ (latents.py), text_encoder/, tokenizer/ (text.py) and vae/. Run again, it goes on from WORK/train_state.pt.
Every few minutes it writes its state, WORK/unet (the average) and WORK/train_figures.json.
"""
import argparse
import copy
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

import attention
import data
import scenes
from config import CONFIG, DEVICE, save, save_json
from muon import Muon
from text import ids_of

CHOICES = CONFIG["unet"]
QUARTERS = ((0, 250), (250, 500), (500, 750), (750, 1000))


def fresh():
    unet = UNet2DConditionModel(**CHOICES["model"])
    with torch.no_grad():  # the residual branches start softly, and the first prediction is nothing
        for name, module in unet.named_modules():
            if name.endswith(("conv2", "proj_out")):
                module.weight *= 0.2
        unet.conv_out.weight.zero_()
    return unet


class Pools:
    """Encoded scenes in memory, by set; shards that arrive later are taken up by `look`."""

    def __init__(self, work):
        self.work, self.shards = work, {name: {} for name in CONFIG["sets"]}
        self.look()

    def look(self):
        for name, loaded in self.shards.items():
            for number in data.shards(self.work, name, "latents"):
                if number not in loaded:
                    shard = torch.load(data.path(self.work, name, number, "latents"))
                    loaded[number] = shard["latents"], [[scenes.Thing(*t) for t in ts] for ts in shard["things"]], shard["covers"]

    def sizes(self):
        return {name: sum(len(s[1]) for s in loaded.values()) for name, loaded in self.shards.items()}

    def draw(self, rng, mix):
        """A latent [4, 32, 32] f16, its things and their coverage, from a set by its share; sets with no scenes yet have none."""
        names = [n for n in mix if self.shards[n]]
        shares = np.array([mix[n] for n in names])
        loaded = list(self.shards[str(rng.choice(names, p=shares / shares.sum()))].values())
        latents, things, covers = loaded[rng.integers(len(loaded))]
        i = rng.integers(len(things))
        return latents[i], things[i], covers[i]


def weights(alphas):
    """Weight of epsilon's squared error at each timestep: min-SNR for little noise, v prediction's for much, up to a limit."""
    signal = alphas / (1 - alphas)
    return signal.clamp(max=CHOICES["min_snr"]) / signal * (1 / alphas).clamp(max=CHOICES["most_weight"]) / 4


def timesteps(size):
    """Half of them from the noisy end."""
    t = torch.randint(0, 1000, (size,))
    first = CHOICES["noisy_from"]
    t[: size // 2] = first + t[: size // 2] * (1000 - first) // 1000
    return t


def stage(samples):
    return next((s for s in CHOICES["stages"] if samples < s["until"]), CHOICES["stages"][-1])


def focus(covers, t, size):
    """Weight of each cell's error, mean 1 over a picture: objects weigh more where noise is low."""
    covered = torch.stack([c.amax(0) for c in covers]).float()[:, None] / 255
    covered = F.interpolate(covered, size=size, mode="nearest")[:, 0]
    weight = 1 + (CHOICES["focus"] - 1) * covered * (t < CHOICES["focus_below"]).view(-1, 1, 1)
    return weight / weight.mean((1, 2), keepdim=True)


class Training:
    """Everything that a state file brings back."""

    def __init__(self, work, name, samples):
        self.work, self.name, self.samples_in_all = work, name, samples
        self.scale = AutoencoderKL.from_pretrained(f"{work}/vae").config.scaling_factor
        self.text = CLIPTextModel.from_pretrained(f"{work}/text_encoder", torch_dtype=torch.float32).eval().to(DEVICE).requires_grad_(False)
        self.tokenizer = CLIPTokenizer.from_pretrained(f"{work}/tokenizer")
        torch.manual_seed(0)
        self.unet = fresh().to(DEVICE, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.unet)
        self.optimizer = Muon(self.unet.named_parameters(), CHOICES["rate"], lambda name, p: min(p.shape[:2]) > 4, decay=CHOICES["weight_decay"])
        self.step, self.samples, self.seconds, self.means = 0, 0, 0.0, {}
        if os.path.exists(self.path):
            state = torch.load(self.path, map_location=DEVICE)
            for part in ("unet", "average", "optimizer"):
                getattr(self, part).load_state_dict(state[part])
            self.step, self.samples, self.seconds, self.means = (state[k] for k in ("step", "samples", "seconds", "means"))
        self.maps = attention.captured(self.unet)
        self.alphas = DDPMScheduler(**CONFIG["schedule"]).alphas_cumprod
        self.weight = weights(self.alphas)
        self.pools, self.rng = Pools(work), np.random.default_rng(self.step + 4)
        torch.manual_seed(self.step)

    @property
    def path(self):
        return f"{self.work}/{self.name}_state.pt"

    def keep(self):
        numbers = {"step": self.step, "samples": self.samples, "seconds": self.seconds, "means": self.means}
        save({part: getattr(self, part).state_dict() for part in ("unet", "average", "optimizer")} | numbers, self.path)
        self.average.save_pretrained(f"{self.work}/{'unet' if self.name == 'train' else self.name + '_unet'}")
        save_json(numbers | {"scenes": self.pools.sizes()}, f"{self.work}/{self.name}_figures.json")

    def rate(self):
        left = 1 - self.samples / self.samples_in_all
        return CHOICES["rate"] * min(1, (self.step + 1) / CHOICES["warm_up"]) * min(1, max(0.03, left / CHOICES["decay_share"]))

    def losses(self, now):
        """Painting and reading on a fresh batch, and epsilon's error by timestep for the record."""
        drawn = [self.pools.draw(self.rng, now["mix"]) for _ in range(now["batch"])]
        latents, things, covers = zip(*drawn)
        captions = [("", []) if self.rng.random() < CHOICES["empty"] else scenes.caption(self.rng, ts) for ts in things]
        with torch.no_grad():
            states = self.text(ids_of(self.tokenizer, [c for c, _ in captions]).to(DEVICE))[0]
        x = torch.stack(latents).float() * self.scale
        noise, t = torch.randn_like(x), timesteps(len(x))
        kept = self.alphas[t].view(-1, 1, 1, 1)
        noised = (kept.sqrt() * x + (1 - kept).sqrt() * noise).to(DEVICE).contiguous(memory_format=torch.channels_last)
        self.maps.clear()
        with torch.autocast(DEVICE, torch.bfloat16, enabled=CHOICES["bfloat16"]):  # products only: weights, norms, softmax and the error stay f32
            predicted = self.unet(noised, t.to(DEVICE), states).sample
        error = (predicted.float() - noise.to(DEVICE)).square().mean(1)
        painting = ((error * focus(covers, t, x.shape[-2:]).to(DEVICE)).mean((1, 2)) * self.weight[t].to(DEVICE)).mean()
        wanted, words = (v.to(DEVICE) for v in attention.targets(captions, covers))
        reading = attention.reading_loss(torch.stack(self.maps).float().mean(0), wanted, words)
        plain = error.detach().mean((1, 2)).cpu()
        record = {f"error {a}": plain[(t >= a) & (t < b)].mean().item() for a, b in QUARTERS if ((t >= a) & (t < b)).any()}
        return painting, reading, record

    def advance(self):
        now = stage(self.samples)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        painting, reading, record = self.losses(now)
        self.optimizer.zero_grad()
        (painting + now["attention"] * reading).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.unet.parameters(), CHOICES["clip"])
        self.optimizer.step()
        self.step, self.samples = self.step + 1, self.samples + now["batch"]
        with torch.no_grad():
            share = 1 - min(CHOICES["average"], (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.unet.parameters()), share)
        record |= {"painting": painting.item(), "reading": reading.item(), "gradient": norm.item()}
        self.means = {k: v if k not in self.means else 0.98 * self.means[k] + 0.02 * v for k, v in (self.means | record).items()}


class Threads:
    """On cores that others use too, two threads that wait for each other can be slower than one: tries now and then."""

    def __init__(self, most, every=60, tries=3):
        self.counts, self.every, self.tries, self.seconds, self.step = list(range(1, most + 1)), every, tries, {}, 0

    def begin(self):
        trial, index = divmod(self.step % self.every, self.tries)
        if trial < len(self.counts):
            count = self.counts[trial]
            if index == 0:
                self.seconds[count] = 0.0
        else:
            count = min(self.seconds, key=self.seconds.get)
        torch.set_num_threads(count)
        self.begun, self.count, self.trying = time.time(), count, trial < len(self.counts)

    def end(self):
        if self.trying:
            self.seconds[self.count] += time.time() - self.begun
        self.step += 1


def main():
    args = argparse.ArgumentParser()
    args.add_argument("work")
    args.add_argument("--samples", type=int, default=CHOICES["samples"])
    args.add_argument("--name", default="train", help="name of the state, for trials beside the long run")
    args.add_argument("--set", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="another value of unet.KEY, for trials")
    args = args.parse_args()
    CHOICES.update({key: json.loads(value) for key, value in args.set})
    training = Training(args.work, args.name, args.samples)
    print("from step", training.step, "scenes", training.pools.sizes(), flush=True)
    saved = begun = time.time()
    threads = Threads(torch.get_num_threads())
    while training.samples < args.samples:
        threads.begin()
        training.advance()
        threads.end()
        training.seconds, begun = training.seconds + time.time() - begun, time.time()
        if training.step % 25 == 0:
            print(f"{training.seconds:6.0f} s  step {training.step}  samples {training.samples}  " + "  ".join(f"{k} {v:.4f}" for k, v in training.means.items()) + f"  threads {threads.count}", flush=True)
        if training.step % 200 == 0:
            training.pools.look()
        if time.time() - saved > 150:
            saved = time.time()
            training.keep()
    training.keep()


if __name__ == "__main__":
    main()
