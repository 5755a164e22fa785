"""Trains the preview decoder: the whole decoder's picture of a prediction, at a fraction of its cost: preview.py SPRITES WORK

Previews show predicted x0, which early on is far from any latents of a picture. So half of the latents that it learns from are
what the UNet predicts, with guidance, from scenes noised to any timestep; the other half are scenes. What it should paint is
what the whole decoder paints of them. In diffusers' terms it is the decoder of an AutoencoderTiny (TAESD's network), whose
latents are scaled as the UNet's are. Run again, it goes on from WORK/preview_state.pt; writes WORK/preview_decoder.
"""
import os
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

import data
import scenes
from config import CONFIG, DEVICE, save, save_json
from sampling import Model, scheduler

CHOICES = CONFIG["preview"]
PART, HELD = 100, 4  # examples a file; files of held-out scenes, which it is measured on


@torch.no_grad()
def examples(model, work, number):
    """A hundred latents [100, 4, 32, 32] and the whole decoder's pictures; every second ten are predictions."""
    path = f"{work}/data/preview_{number:03d}.pt"
    if not os.path.exists(path):
        rng = np.random.default_rng([31, number])
        shard = torch.load(data.path(work, "all", data.HELD_OUT if number < HELD else number % max(1, len(data.shards(work, "all")))))
        alphas, latents, pictures = scheduler().alphas_cumprod, [], []
        for group in range(PART // 10):
            pick = rng.integers(len(shard["things"]), size=10)
            x = shard["pictures"][torch.from_numpy(pick)].float().to(DEVICE) / 127.5 - 1
            z = model.vae.encode(x.contiguous(memory_format=torch.channels_last)).latent_dist.mean * model.vae.config.scaling_factor
            if group % 2:
                t = torch.from_numpy(rng.integers(0, 1000, 10))
                kept = alphas[t].view(-1, 1, 1, 1).to(DEVICE)
                noised = kept.sqrt() * z + (1 - kept).sqrt() * torch.from_numpy(rng.standard_normal(z.shape).astype(np.float32)).to(DEVICE)
                captions = [scenes.caption(rng, [scenes.Thing(*v) for v in shard["things"][i]])[0] for i in pick]
                states = torch.cat([model.states([""]).expand(10, -1, -1), model.states(captions)])
                without, given = model.unet(torch.cat([noised, noised]), torch.cat([t, t]).to(DEVICE), states).sample.chunk(2)
                model.maps.clear()
                noise = without + rng.uniform(1, 8) * (given - without)
                z = (noised - (1 - kept).sqrt() * noise) / kept.sqrt()
            latents.append(z.cpu())
            pictures.append(model.decode(z).half())
        save({"latents": torch.cat(latents), "pictures": torch.cat(pictures)}, path)
        print("examples", number, flush=True)
    return torch.load(path)


def main():
    scenes.use(sys.argv[1])
    work = sys.argv[2]
    model = Model(work)
    made = [examples(model, work, k) for k in range(CHOICES["examples"] // PART)]
    latents, pictures = (torch.cat([m[k] for m in made]) for k in ("latents", "pictures"))
    held = HELD * PART
    tiny = AutoencoderTiny(decoder_block_out_channels=CHOICES["channels"], num_decoder_blocks=CHOICES["blocks"], encoder_block_out_channels=CHOICES["channels"], num_encoder_blocks=(1,) * len(CHOICES["channels"]))
    decoder = tiny.decoder.to(DEVICE, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=CHOICES["rate"], weight_decay=1e-4)
    state_path, step = f"{work}/preview_state.pt", 0
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=DEVICE)
        decoder.load_state_dict(state["decoder"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    noise, saved = torch.Generator().manual_seed(step + 1), time.time()
    while step < CHOICES["steps"]:
        for group in optimizer.param_groups:
            group["lr"] = float(CHOICES["rate"] * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * step / CHOICES["steps"])))
        chosen = held + torch.randint(len(latents) - held, (CHOICES["batch"],), generator=noise)
        error = decoder(latents[chosen].to(DEVICE)) - pictures[chosen].to(DEVICE).float()
        loss = error.abs().mean() + error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        if time.time() - saved > 180 or step == CHOICES["steps"]:
            saved = time.time()
            save({"decoder": decoder.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, state_path)
    with torch.no_grad():
        seen = torch.cat([decoder(z.to(DEVICE)).clamp(-1, 1).cpu() for z in latents[:held].split(20)])
    error = (seen - pictures[:held].float()).square().mean((1, 2, 3)).view(-1, 10)
    # Decibels from the whole decoder's picture, of scenes and of predictions.
    figures = {kind: float(10 * np.log10(4 / error[k::2].mean().item())) for k, kind in enumerate(("scenes", "predictions"))}
    out = f"{work}/preview_decoder"
    os.makedirs(out, exist_ok=True)
    save_json({"_class_name": "AutoencoderTiny", "act_fn": "relu", "latent_channels": 4, "out_channels": 3, "upsampling_scaling_factor": 2, "upsample_fn": "nearest",
               "decoder_block_out_channels": CHOICES["channels"], "num_decoder_blocks": CHOICES["blocks"], "scaling_factor": 1.0}, f"{out}/config.json")
    save_file({f"decoder.{k}": v.detach().half().contiguous().cpu() for k, v in decoder.state_dict().items()}, f"{out}/diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    save_json(figures, f"{work}/preview_figures.json")
    print(figures)


if __name__ == "__main__":
    main()
