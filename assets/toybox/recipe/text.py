"""Teaches the text encoder its words before any picture is drawn: text.py SPRITES WORK [--steps N]

Stable Diffusion's text encoder was trained on pairs of texts and pictures and then left as it was; this one is trained on
captions alone, in a few minutes, and then left as it is. Linear heads, thrown away afterwards, must read off each noun's
state which object it names, in which colour, size and number, and off each colour, size and number word which one it is: so
words are far apart and a noun carries what stands before it. The states of the end and of the padding are held to those of
the empty prompt, so that only words can tell the UNet what to draw.

Writes WORK/tokenizer, WORK/text_encoder and WORK/text_figures.json. Run again, it goes on from WORK/text_state.pt.
"""
import argparse
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPTextConfig, CLIPTextModel

import data
import scenes
import tokenizer as tokens
from config import CONFIG, DEVICE, save, save_json

CHOICES = CONFIG["text"]
COLOURS, SIZES = [None, *scenes.COLOURS], [None, *scenes.SIZE_WORDS]
FACTS = {"object": len(CONFIG["objects"]), "colour": len(COLOURS), "size": len(SIZES), "number": 3}


def fresh(vocabulary):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocabulary, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1,
        max_position_embeddings=77, attn_implementation="sdpa", **CHOICES["model"]))


def ids_of(tokenizer, captions):
    return tokenizer(captions, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


def facts(caption, mentions):
    """(position of a token, {fact: value}) for every word that says something."""
    words, found = caption.split(), []
    kind_of = {w: k for k, ws in scenes.SIZE_WORDS.items() for w in ws}
    number_of = {w: n for n, w in scenes.NUMBERS.items()}
    names = {n: n for n in CONFIG["objects"]} | {scenes.plural(n): n for n in CONFIG["objects"]}
    start = 0
    for mention in mentions:
        before = words[start : mention.noun]
        start = mention.noun + 1
        colour = words[mention.colour] if mention.colour is not None else None
        size = next((kind_of[w] for w in before if w in kind_of), None)
        number = next((number_of[w] for w in before if w in number_of), min(len(mention.things), 3))
        found.append((mention.noun + 1, {
            "object": CONFIG["objects"].index(names[words[mention.noun]]), "colour": COLOURS.index(colour), "size": SIZES.index(size), "number": number - 1}))
        for k, word in enumerate(before, mention.noun - len(before)):
            if word in kind_of:
                found.append((k + 1, {"size": SIZES.index(kind_of[word])}))
            elif word in number_of:
                found.append((k + 1, {"number": number_of[word] - 1}))
            elif word == colour:
                found.append((k + 1, {"colour": COLOURS.index(colour)}))
    return found


def padding_error(states, silent, padding):
    """How far padding states are from the empty prompt's, as shares of their norm, [tokens]."""
    return ((states - silent).norm(dim=-1) / silent.norm(dim=-1))[padding]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("sprites")
    args.add_argument("work")
    args.add_argument("--steps", type=int, default=CHOICES["steps"])
    args = args.parse_args()
    scenes.use(args.sprites)
    tokenizer = tokens.write(f"{args.work}/tokenizer")
    assert all(len(tokenizer.tokenize(w)) == 1 for w in tokens.words())
    torch.manual_seed(0)
    text = fresh(len(tokenizer)).to(DEVICE)
    heads = torch.nn.ModuleDict({k: torch.nn.Linear(CHOICES["model"]["hidden_size"], n) for k, n in FACTS.items()}).to(DEVICE)
    parameters = [*text.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=CHOICES["rate"], weight_decay=1e-3)
    state_path, step = f"{args.work}/text_state.pt", 0
    if os.path.exists(state_path):
        state = torch.load(state_path, map_location=DEVICE)
        text.load_state_dict(state["text"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
        print("going on from step", step, flush=True)
    empty = ids_of(tokenizer, [""])
    end = empty[0, 1].item()
    kinds = [data.kinds(name) for name in CONFIG["sets"]]

    def batch(rng, size):
        captions = []
        while len(captions) < size:
            placed = scenes.arrangement(rng, kinds[rng.integers(len(kinds))])
            if placed:
                captions.append(scenes.caption(rng, placed))
        return ids_of(tokenizer, [c for c, _ in captions]).to(DEVICE), [facts(*c) for c in captions]

    def losses(ids, told):
        states = text(torch.cat([ids, empty.to(DEVICE)]))[0]
        states, silent = states[:-1], states[-1:]
        pad = padding_error(states, silent, ids == end)
        total, right = 0, {}
        for fact, head in heads.items():
            at = [(b, p, known[fact]) for b, f in enumerate(told) for p, known in f if fact in known]
            rows, places, values = (torch.tensor(v, device=DEVICE) for v in zip(*at))
            logits = head(states[rows, places])
            total = total + F.cross_entropy(logits, values)
            right[fact] = (logits.argmax(-1) == values).float().mean().item()
        return total, pad, right

    saved, begun = time.time(), time.time()
    rng = np.random.default_rng(step + 7)
    while step < args.steps:
        done = step / args.steps
        for group in optimizer.param_groups:
            group["lr"] = CHOICES["rate"] * min(1, (step + 1) / 100) * max(0.003, 1 - done)
        total, pad, right = losses(*batch(rng, CHOICES["batch"]))
        loss = total + CHOICES["padding"] * (pad.mean() + 0.1 * pad.max())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % 50 == 0:
            print(f"{time.time() - begun:5.0f} s  step {step}  words {total:.4f}  padding mean {pad.mean():.5f} max {pad.max():.5f}", right, flush=True)
        if time.time() - saved > 120 or step == args.steps:
            saved = time.time()
            save({"text": text.state_dict(), "heads": heads.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, state_path)
    with torch.no_grad():
        total, pad, right = losses(*batch(np.random.default_rng(data.HELD_OUT), 256))
    text.save_pretrained(f"{args.work}/text_encoder")
    figures = {"step": step, "held-out loss": total.item(), "held-out right": right, "padding error": {"mean": pad.mean().item(), "largest": pad.max().item()}}
    save_json(figures, f"{args.work}/text_figures.json")
    print(figures)


if __name__ == "__main__":
    main()
