"""Trains the autoencoder, 128x128 pictures to 4x32x32 latents (factor 4): vae.py WORK [--steps N]

Most steps see crops around objects, which cost a quarter and hold little bare ground; every fourth step, and the last fifth
of them, see whole pictures, a quarter as many, because group norms see other statistics there.
WORK/data holds the scenes (data.py, set "autoencoder"). Run again, it goes on from WORK/vae_state.pt; all schedules count
steps. Once a UNet has been trained on the latents, only the decoder may still change: --decoder with more --steps leaves the
encoder as it is. Figures go to WORK/vae_figures.json, a sheet to WORK/vae.png, the averaged weights to WORK/vae.
"""
import argparse
import copy
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image

import data
from config import CONFIG, DEVICE, save, save_json
from muon import Muon

CHOICES = CONFIG["autoencoder"]


def fresh():
    """An autoencoder whose first three latents carry the colours of 4x4 blocks from the start, and whose decoder paints them.

    Left to random weights it spends a thousand steps on finding out about colour. So the shortcuts are identities, what
    the residual branches add is nothing at first, and the colours travel as pairs (c, -c): silu(c) - silu(-c) = c. Constant
    pairs beside them keep the group norms from wiping out how strong a colour is.
    """
    levels = len(CHOICES["model"]["block_out_channels"])
    vae = AutoencoderKL(
        **CHOICES["model"], sample_size=128, down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels)
    mix = torch.tensor([[0.7, 0.7, 0.7], [1.3, 0.0, -1.3], [0.9, -1.8, 0.9]])  # lightness and two colour differences
    unmix = torch.linalg.inv(mix)
    plus, minus, constant = [0, 4, 8], [1, 5, 9], [2, 6, 10]

    def carry(conv, taps):
        """Channels 0 to 11 pass unchanged, with these weights over space."""
        conv.weight[:12] = 0
        conv.bias[:12] = 0
        for c in range(12):
            conv.weight[c, c] = taps

    def pairs(conv, colours):
        """Feeds the twelve channels: colours [3, inputs], centre tap."""
        conv.weight[:12] = 0
        conv.bias[:12] = 0
        conv.weight[plus, :, 1, 1] = colours
        conv.weight[minus, :, 1, 1] = -colours
        for c in constant:
            conv.bias[c], conv.bias[c + 1] = 1.5, -1.5

    def read(conv, colours):
        """Reads colours [outputs, 3] off the twelve channels after the last norm and silu."""
        conv.weight[: len(colours)] = 0
        conv.bias[: len(colours)] = 0
        conv.weight[: len(colours), plus, 1, 1] = colours
        conv.weight[: len(colours), minus, 1, 1] = -colours

    with torch.no_grad():
        centre, quarter = torch.zeros(3, 3), torch.zeros(3, 3)
        centre[1, 1], quarter[:2, :2] = 1, 0.25
        for name, module in vae.named_modules():
            if name.endswith("conv2") or name.endswith("to_out.0"):
                module.weight.zero_()
                module.bias.zero_()
            elif name.endswith("conv_shortcut"):
                carry(module, 1.0)
            elif name.endswith("downsamplers.0.conv"):
                carry(module, quarter)
            elif name.endswith("upsamplers.0.conv"):
                carry(module, centre)
        pairs(vae.encoder.conv_in, torch.eye(3))
        read(vae.encoder.conv_out, mix)
        pairs(vae.decoder.conv_in, torch.cat([unmix, torch.zeros(3, 1)], 1))
        read(vae.decoder.conv_out, 1.1 * torch.eye(3))
        for conv, width in ((vae.quant_conv, 8), (vae.post_quant_conv, 4)):
            conv.weight.copy_(torch.eye(width)[..., None, None])
            conv.bias.zero_()
        vae.quant_conv.weight[4:] *= 0.1
        vae.quant_conv.bias[4:] = -4  # little noise at first, so that the decoder has something to learn from
    return vae


def difference(y, x):
    """L1, squared and edge errors, with L1 at half and quarter size for tones and shapes."""
    error = y - x
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    coarse = sum(F.avg_pool2d(error, k).abs().mean() for k in (2, 4))
    return error.abs().mean() + 0.8 * edges + 0.5 * error.square().mean() + 0.5 * coarse


def crops(pictures, things, rng, side):
    """A crop from each picture with an object in it, mirrored half the time."""
    cut = []
    for picture, ts in zip(pictures, things):
        thing = ts[rng.integers(len(ts))]
        left, top = (int(np.clip(rng.normal(c * 128 - side / 2, 10), 0, 128 - side)) for c in thing[3:5])
        part = picture[:, top : top + side, left : left + side]
        cut.append(part.flip(-1) if rng.random() < 0.5 else part)
    return torch.stack(cut)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("work")
    args.add_argument("--steps", type=int, default=CHOICES["steps"])
    args.add_argument("--decoder", action="store_true", help="go on with the decoder only")
    args.add_argument("--check", type=int, default=500, help="steps between measurements")
    args = args.parse_args()
    state_path = f"{args.work}/vae_state.pt"
    torch.manual_seed(0)
    vae = fresh().to(DEVICE, memory_format=torch.channels_last)
    average = copy.deepcopy(vae)
    parameters, averages = list(vae.parameters()), list(average.parameters())
    optimizer = Muon(vae.named_parameters(), CHOICES["rate"], lambda name, p: min(p.shape[:2]) > 4)
    step, spent = 0, 0.0
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=DEVICE)
        vae.load_state_dict(state["vae"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
        print("going on from step", step, flush=True)
    scaling = None
    if args.decoder:
        scaling = AutoencoderKL.from_pretrained(f"{args.work}/vae").config.scaling_factor
        for part, kept in ((vae.encoder, average.encoder), (vae.quant_conv, average.quant_conv)):
            part.load_state_dict(kept.state_dict())
            part.requires_grad_(False)
    held = torch.load(data.path(args.work, "autoencoder", data.HELD_OUT))["pictures"][:64].to(DEVICE).float() / 127.5 - 1

    def check():
        with torch.no_grad():
            z = [average.encode(x).latent_dist for x in held.split(16)]
            y = torch.cat([average.decode(d.mean).sample.clamp(-1, 1) for d in z])
            codes = torch.cat([d.mean for d in z])
        psnr = -10 * torch.log10((y - held).square().mean((1, 2, 3)) / 4)
        average.register_to_config(scaling_factor=scaling or float(CHOICES["latent_deviation"] / codes.std()))
        average.save_pretrained(f"{args.work}/vae")
        rows = torch.cat([torch.cat(list(v[k : k + 8]), -1) for k in (0, 8) for v in (held, y)], -2)
        Image.fromarray(((rows.permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).byte().cpu().numpy()).save(f"{args.work}/vae.png")
        figures = {
            "step": step, "psnr": psnr.mean().item(), "psnr_of_mean_error": -10 * np.log10((y - held).square().mean().item() / 4),
            "scaling": average.config.scaling_factor, "channels": [round(v, 3) for v in codes.std((0, 2, 3)).tolist()],
            "noise": torch.cat([d.std for d in z]).mean().item(), "seconds": round(spent)}
        save_json(figures, f"{args.work}/vae_figures.json")
        print(figures, flush=True)

    def keep():
        save({"vae": vae.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "seconds": spent}, state_path)

    pools, rng = [], np.random.default_rng(step + 5)
    torch.manual_seed(step)
    loaded, saved = set(), time.time()
    while step < args.steps:
        begun = time.time()
        if step % 100 == 0 or not pools:  # shards may still be arriving
            for number in sorted(set(data.shards(args.work, "autoencoder")) - loaded):
                loaded.add(number)
                pools.append(torch.load(data.path(args.work, "autoencoder", number)))
        done = step / args.steps
        for group in optimizer.param_groups:
            group["lr"] = float(CHOICES["rate"] * min(1, (step + 1) / CHOICES["warm_up"]) * max(0.02, 0.5 * (1 + np.cos(np.pi * done))))
        whole = done >= 1 - CHOICES["whole_share"] or step % CHOICES["whole_every"] == 0
        count = max(2, CHOICES["batch"] // 4) if whole else CHOICES["batch"]
        pool = pools[rng.integers(len(pools))]
        pick = rng.integers(len(pool["things"]), size=count)
        x = crops(pool["pictures"][pick], [pool["things"][i] for i in pick], rng, 128 if whole else CHOICES["crop"])
        x = (x.to(DEVICE).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        posterior = vae.encode(x).latent_dist
        y = vae.decode(posterior.sample()).sample
        kl = 0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar).mean()
        loss = difference(y, x) + CHOICES["kl"] * kl
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - min(CHOICES["average"], (1 + step) / (10 + step)))
        spent += time.time() - begun
        if step % 50 == 0:
            print(f"{spent:6.0f} s  step {step}  loss {loss:.4f}  l1 {(y - x).abs().mean():.4f}  kl {kl:.2f}", flush=True)
        if step % args.check == 0:
            check()
        if time.time() - saved > 120:
            saved = time.time()
            keep()
    keep()
    check()


if __name__ == "__main__":
    main()
