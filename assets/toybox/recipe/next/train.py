"""Trains the UNet on the autoencoder's latents and the frozen text encoder's states: train.py WORK [--samples N]

Epsilon prediction, averaged weights. One caption in ten is empty, and of the others a share ("stray") belongs to another
picture, as on the web: what the caption says then moves a noisy prediction by a part only, so that a guidance scale of 7.5,
which everybody uses, does not ask too much.

Curriculum: the sets of scenes and their shares change with the number of samples seen ("stages" of config.json).

Noisy timesteps count. An object spans so many cells that its colour shows through much noise, so only the noisiest steps make
the UNet read its caption, and there epsilon's error is small: half of the timesteps are drawn from the noisy end, and errors
weigh 1 / signal (which is the weight of v prediction) up to a limit, and min-SNR where there is little noise. Latents are
scaled to a deviation below one for the same reason. Where noise is low, errors at objects weigh more than at bare ground.

Beside that, cells of the maps are taught lightly which word they belong to (attention.py); that fades with the stages.

WORK holds data/ (latents.py), text_encoder/, tokenizer/ (text.py) and vae/. Run again, it goes on from WORK/train_state.pt.
Every few minutes it writes its state, WORK/unet (the average) and WORK/train_figures.json. On CUDA a step is captured once in a
graph and replayed: nothing in it waits for the device.
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
    """Encoded scenes on the device, by set; shards that arrive later are taken up by `look`."""

    def __init__(self, work):
        self.work, self.loaded, self.sets = work, {name: set() for name in CONFIG["sets"]}, {}
        self.look()

    def look(self):
        for name, loaded in self.loaded.items():
            new = [n for n in data.shards(self.work, name, "latents") if n not in loaded]
            if new:
                parts = [torch.load(data.path(self.work, name, n, "latents"), map_location=DEVICE) for n in new]
                before = [self.sets[name]] if name in self.sets else []
                self.sets[name] = {key: torch.cat([part[key] for part in before + parts]) for key in parts[0]}
                loaded.update(new)

    def sizes(self):
        return {name: len(s["latents"]) for name, s in self.sets.items()}

    def draw(self, rng, mix, size):
        """A batch, from the sets by their shares, one of its captions with each scene; sets with no scenes yet have none, and where
        none of them has any, what there is stands in."""
        names = [n for n in mix if n in self.sets] or list(self.sets)
        shares = np.array([mix.get(n, 1.0) for n in names])
        parts = []
        for name, count in zip(names, rng.multinomial(size, shares / shares.sum())):
            pool = self.sets[name]
            pick = torch.randint(len(pool["latents"]), (count,), device=DEVICE)
            one = torch.randint(pool["ids"].shape[1], (count,), device=DEVICE)
            parts.append((pool["latents"][pick], pool["covers"][pick], pool["ids"][pick, one], pool["mentions"][pick, one]))
        return [torch.cat(p) for p in zip(*parts)]


def weights(alphas):
    """Weight of epsilon's squared error at each timestep: min-SNR for little noise, v prediction's for much, up to a limit."""
    signal = alphas / (1 - alphas)
    return signal.clamp(max=CHOICES["min_snr"]) / signal * (1 / alphas).clamp(max=CHOICES["most_weight"]) / 4


def timesteps(size):
    """Half of them from the noisy end, in no order."""
    t = torch.randint(0, 1000, (size,), device=DEVICE)
    first = CHOICES["noisy_from"]
    return torch.where(torch.rand(size, device=DEVICE) < 0.5, t, first + t * (1000 - first) // 1000)


def stage(samples):
    return next((s for s in CHOICES["stages"] if samples < s["until"]), CHOICES["stages"][-1])


def focus(covers, t, size):
    """Weight of each cell's error, mean 1 over a picture: objects weigh more where noise is low."""
    covered = covers.amax(1, keepdim=True).float() / 255
    covered = F.interpolate(covered, size=size, mode="nearest")[:, 0]
    weight = 1 + (CHOICES["focus"] - 1) * covered * (t < CHOICES["focus_below"]).view(-1, 1, 1)
    return weight / weight.mean((1, 2), keepdim=True)


class Training:
    """Everything that a state file brings back."""

    def __init__(self, work, name, samples):
        self.work, self.name, self.samples_in_all = work, name, samples
        self.scale = AutoencoderKL.from_pretrained(f"{work}/vae").config.scaling_factor
        self.text = CLIPTextModel.from_pretrained(f"{work}/text_encoder", torch_dtype=torch.float32).eval().to(DEVICE).requires_grad_(False)
        self.empty = ids_of(CLIPTokenizer.from_pretrained(f"{work}/tokenizer"), [""]).to(DEVICE)
        torch.manual_seed(0)
        self.unet = fresh().to(DEVICE, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.unet)
        # What changes from step to step, where a captured step can see it.
        self.lr, self.share, self.reading_weight = (torch.zeros((), device=DEVICE) for _ in range(3))
        self.optimizer = Muon(self.unet.named_parameters(), self.lr, lambda name, p: min(p.shape[:2]) > 4, decay=CHOICES["weight_decay"])
        self.step, self.samples, self.seconds = 0, 0, 0.0
        self.means = torch.zeros(len(QUARTERS) + 3, device=DEVICE)
        if os.path.exists(self.path):
            state = torch.load(self.path, map_location=DEVICE)
            for part in ("unet", "average", "optimizer"):
                getattr(self, part).load_state_dict(state[part])
            self.step, self.samples, self.seconds, self.means = (state[k] for k in ("step", "samples", "seconds", "means"))
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr
        self.maps = attention.captured(self.unet)
        self.alphas = DDPMScheduler(**CONFIG["schedule"]).alphas_cumprod.to(DEVICE)
        self.weight = weights(self.alphas)
        self.pools, self.rng = Pools(work), np.random.default_rng(self.step + 4)
        self.graph, self.batch = None, None
        torch.manual_seed(self.step)

    @property
    def path(self):
        return f"{self.work}/{self.name}_state.pt"

    def record(self):
        names = [*(f"error {a}" for a, _ in QUARTERS), "painting", "reading", "gradient"]
        return dict(zip(names, self.means.tolist()))

    def keep(self):
        numbers = {"step": self.step, "samples": self.samples, "seconds": self.seconds}
        save({part: getattr(self, part).state_dict() for part in ("unet", "average", "optimizer")} | numbers | {"means": self.means}, self.path)
        self.average.save_pretrained(f"{self.work}/{'unet' if self.name == 'train' else self.name + '_unet'}")
        save_json(numbers | {"means": self.record(), "scenes": self.pools.sizes()}, f"{self.work}/{self.name}_figures.json")

    def rate(self):
        left = 1 - self.samples / self.samples_in_all
        return CHOICES["rate"] * min(1, (self.step + 1) / CHOICES["warm_up"]) * min(1, max(0.03, left / CHOICES["decay_share"]))

    @torch.no_grad()
    def captions(self, ids, mentions):
        """Some captions empty, some of another picture: the text encoder's states, and the mentions that hold."""
        stray, empty = (torch.rand(len(ids), 1, device=DEVICE) < CHOICES[key] for key in ("stray", "empty"))
        ids = torch.where(empty, self.empty, torch.where(stray, ids.roll(1, 0), ids).long())
        return self.text(ids)[0], mentions * ~(stray | empty)[..., None]

    def losses(self, latents, covers, states, mentions):
        """Painting and reading, and epsilon's error by timestep for the record."""
        x = latents.float() * self.scale
        noise, t = torch.randn_like(x), timesteps(len(x))
        kept = self.alphas[t].view(-1, 1, 1, 1)
        noised = (kept.sqrt() * x + (1 - kept).sqrt() * noise).contiguous(memory_format=torch.channels_last)
        self.maps.clear()
        with torch.autocast(DEVICE, torch.bfloat16, enabled=CHOICES["bfloat16"]):  # products only: weights, norms, softmax and the error stay f32
            predicted = self.unet(noised, t, states).sample
        error = (predicted.float() - noise).square().mean(1)
        painting = ((error * focus(covers, t, x.shape[-2:])).mean((1, 2)) * self.weight[t]).mean()
        reading = attention.reading_loss(torch.stack(self.maps).float().mean(0), *attention.targets(mentions, covers))
        plain = error.detach().mean((1, 2))
        inside = torch.stack([(t >= a) & (t < b) for a, b in QUARTERS]).float()
        return painting, reading, (inside @ plain) / inside.sum(1).clamp(min=1)

    def work_on(self, *batch):
        """A step, from a batch on the device to changed weights."""
        self.optimizer.zero_grad()
        painting, reading, errors = self.losses(*batch)
        (painting + self.reading_weight * reading).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.unet.parameters(), CHOICES["clip"])
        self.optimizer.step()
        with torch.no_grad():
            averages = list(self.average.parameters())
            torch._foreach_mul_(averages, 1 - self.share)
            torch._foreach_add_(averages, torch._foreach_mul([p.detach() for p in self.unet.parameters()], self.share))
            now = torch.cat([errors, torch.stack([painting.detach(), reading.detach(), norm])])
            self.means.lerp_(now, 0.02)

    def replay(self, batch):
        """The step as a CUDA graph, captured anew for another size of batch."""
        if self.graph is None or len(batch[0]) != len(self.batch[0]):
            self.graph, self.batch = None, [b.clone() for b in batch]
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(3):
                    self.work_on(*self.batch)
            torch.cuda.current_stream().wait_stream(aside)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.work_on(*self.batch)
        for mine, new in zip(self.batch, batch):
            mine.copy_(new)
        self.graph.replay()

    def advance(self):
        now = stage(self.samples)
        latents, covers, ids, mentions = self.pools.draw(self.rng, now["mix"], now["batch"])
        batch = latents, covers, *self.captions(ids, mentions)
        self.lr.fill_(self.rate())
        self.share.fill_(1 - min(CHOICES["average"], (1 + self.step) / (10 + self.step)))
        self.reading_weight.fill_(now["attention"])
        self.replay(batch) if DEVICE == "cuda" else self.work_on(*batch)
        self.step, self.samples = self.step + 1, self.samples + now["batch"]


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
    args.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, whatever is left")
    args.add_argument("--set", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="another value of unet.KEY, for trials")
    args = args.parse_args()
    CHOICES.update({key: json.loads(value) for key, value in args.set})
    training = Training(args.work, args.name, args.samples)
    while not training.pools.sets:  # the first shards are still being encoded
        time.sleep(0.5)
        training.pools.look()
    print("from step", training.step, "scenes", training.pools.sizes(), flush=True)
    saved = begun = began = time.time()
    threads = Threads(torch.get_num_threads())
    every = 25 if DEVICE == "cpu" else 250
    while training.samples < args.samples and time.time() - began < args.seconds:
        if DEVICE == "cpu":
            threads.begin()
        training.advance()
        if DEVICE == "cpu":
            threads.end()
        if training.step % every == 0:
            shown = "  ".join(f"{k} {v:.4f}" for k, v in training.record().items())
            training.seconds, begun = training.seconds + time.time() - begun, time.time()
            print(f"{training.seconds:6.0f} s  step {training.step}  samples {training.samples}  {shown}  scenes {sum(training.pools.sizes().values())}", flush=True)
            training.pools.look()
        if time.time() - saved > 150:
            saved = time.time()
            training.keep()
    training.keep()


if __name__ == "__main__":
    main()
