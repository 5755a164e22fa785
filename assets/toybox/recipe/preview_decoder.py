"""Trains the preview decoder: the whole decoder's picture of a prediction, at a quarter of its cost.

Previews show predicted x0, which early on is far from any latents of a picture. So half of the latents that it
learns from are what the UNet predicts, with guidance, from scenes noised to any timestep; the other half are scenes.
What it should paint is what the whole decoder paints of them. In diffusers' terms it is the decoder of an
AutoencoderTiny (TAESD's network), whose latents are scaled as the UNet's are.

usage: preview_decoder.py MODEL_FOLDER SECONDS   (writes MODEL_FOLDER/preview_decoder)
"""
import json
import os
import sys
import time

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import save_file

import scenes
from where import DEVICE

COUNT, BATCH, RATE = 4000, 25, 3e-3
CHANNELS, BLOCKS = (16, 16, 16), (2, 1, 1)


@torch.no_grad()
def examples(pipe, rng):
    """Latents [COUNT, 4, 16, 16], scenes and predictions in turn, and the whole decoder's pictures of them in [-1, 1]."""
    scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    alphas = scheduler.alphas_cumprod.to(DEVICE)
    encode = lambda texts: pipe.text_encoder(pipe.tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids.to(DEVICE))[0]
    empty, latents, pictures = encode([""]), [], []
    for index in range(COUNT // BATCH):
        made = [scenes.scene(rng) for _ in range(BATCH)]
        x = torch.stack([torch.from_numpy(np.array(p)).permute(2, 0, 1).float() / 127.5 - 1 for p, _ in made]).to(DEVICE)
        z = pipe.vae.encode(x).latent_dist.sample() * pipe.vae.config.scaling_factor
        if index % 2:
            t = torch.from_numpy(rng.integers(0, 1000, BATCH)).to(DEVICE)
            kept = alphas[t].view(-1, 1, 1, 1)
            noised = kept.sqrt() * z + (1 - kept).sqrt() * torch.randn_like(z)
            states = torch.cat([empty.expand(BATCH, -1, -1), encode([scenes.caption(rng, o) for _, o in made])])
            without, given = pipe.unet(torch.cat([noised, noised]), torch.cat([t, t]), states).sample.chunk(2)
            noise = without + rng.uniform(1, 8) * (given - without)
            z = (noised - (1 - kept).sqrt() * noise) / kept.sqrt()
        latents.append(z.cpu())
        pictures.append(pipe.vae.decode(z / pipe.vae.config.scaling_factor).sample.clamp(-1, 1).cpu())
    return torch.cat(latents), torch.cat(pictures)


def main():
    folder, seconds = sys.argv[1], float(sys.argv[2])
    torch.manual_seed(0)
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None, feature_extractor=None, requires_safety_checker=False).to(DEVICE)
    latents, pictures = examples(pipe, np.random.default_rng(21))
    held, noise = slice(0, 10 * BATCH), torch.Generator().manual_seed(1)
    tiny = AutoencoderTiny(decoder_block_out_channels=CHANNELS, num_decoder_blocks=BLOCKS, encoder_block_out_channels=CHANNELS, num_encoder_blocks=(1, 1, 1))
    decoder = tiny.decoder.to(DEVICE)
    optimizer = torch.optim.AdamW(decoder.parameters(), lr=RATE, weight_decay=1e-4)
    start, step = time.time(), 0
    while (done := (time.time() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1, step / 100) * 0.5 * (1 + np.cos(np.pi * done))
        chosen = torch.randint(10 * BATCH, len(latents), (32,), generator=noise)
        error = decoder(latents[chosen].to(DEVICE)) - pictures[chosen].to(DEVICE)
        loss = error.abs().mean() + error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 200 == 0:
            with torch.no_grad():
                error = (decoder(latents[held].to(DEVICE)).clamp(-1, 1).cpu() - pictures[held]).reshape(10, BATCH, -1).square().mean((1, 2))
            # Peak signal to noise of 2 against the whole decoder, scenes and predictions.
            print(step, round(done, 2), loss.item(), [(10 * np.log10(4 / error[k::2].mean().item())).round(2) for k in (0, 1)], flush=True)
    out = f"{folder}/preview_decoder"
    os.makedirs(out, exist_ok=True)
    config = {"_class_name": "AutoencoderTiny", "act_fn": "relu", "latent_channels": 4, "out_channels": 3, "upsampling_scaling_factor": 2, "upsample_fn": "nearest",
              "decoder_block_out_channels": CHANNELS, "num_decoder_blocks": BLOCKS, "scaling_factor": 1.0}
    with open(f"{out}/config.json", "w") as file:
        json.dump(config, file, indent=2)
    state = {f"decoder.{name}": value.detach().half().contiguous().cpu() for name, value in decoder.state_dict().items()}
    save_file(state, f"{out}/diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
