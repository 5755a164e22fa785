"""Checks what can be checked without training, in seconds: check.py SPRITES

Captions point at the right tokens; masks, mirror images and coverage agree with the painted picture; the detector's reader
gets back exactly the scene whose targets it is given; a folded network says what the unfolded one says.
"""
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F

import attention
import data
import detector
import scenes
import text
import tokenizer as tokens
from config import CONFIG


def some(count, name="all", seed=3):
    rng, made = np.random.default_rng(seed), []
    while len(made) < count:
        placed = scenes.arrangement(rng, data.kinds(name))
        if placed:
            made.append(placed)
    return rng, made


def check_captions():
    rng, made = some(200)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokens.write(folder)
        for things in made:
            caption, mentions = scenes.caption(rng, things)
            said = tokenizer.convert_ids_to_tokens(text.ids_of(tokenizer, [caption])[0].tolist())
            for m in mentions:
                thing = things[m.things[0]]
                word = thing.name if len(m.things) == 1 else scenes.plural(thing.name)
                assert said[m.noun + 1] == word + "</w>", (caption, said)
                assert m.colour is None or said[m.colour + 1] == thing.colour + "</w>", (caption, said)
            assert len(text.facts(caption, mentions)) >= len(mentions)


def check_targets():
    """What a shard says of its scenes, and what the training makes of it, against the captions one by one."""
    rng, made = some(60)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokens.write(folder)
        state = rng.bit_generator.state
        shard = data.described(rng, made, [[scenes.mask(t) for t in ts] for ts in made], tokenizer)
        rng.bit_generator.state = state
        each, both = shard["ids"].shape[1], [*made, *map(data.mirrored, made)]
        wanted, words = (v.view(len(both), each, *v.shape[1:]) for v in attention.targets(shard["mentions"].flatten(0, 1), shard["covers"].repeat_interleave(each, 0)))
        for k, things in enumerate(both):
            for c in range(each):
                caption, mentions = scenes.caption(rng, things)
                assert (text.ids_of(tokenizer, [caption])[0] == shard["ids"][k, c]).all()
                ours, theirs = torch.zeros(256, 77), torch.zeros(77)
                for m in mentions:
                    place = np.max([data.coverage(scenes.mask(things[t])) for t in m.things], 0).reshape(-1) / 255
                    noun = attention.CHOICES["noun"] if m.colour is not None else 1.0
                    for word, part in ((m.noun, noun), (m.colour, 1 - noun)):
                        if word is not None:
                            ours[:, word + 1] += torch.from_numpy(place * part).float()
                            theirs[word + 1] = 1
                assert (wanted[k, c] - ours).abs().max() < 1e-6 and (words[k, c] == theirs).all(), caption


def check_masks():
    """Where a mask is full, the picture changes with the ground no more; mirrored things are the mirrored mask."""
    rng, made = some(20)
    for things in made:
        one, two = (np.asarray(scenes.painted(np.random.default_rng(seed), things), np.float32) for seed in (1, 2))
        for t in things:
            full = scenes.mask(t) > 0.999
            assert full.sum() > 20 and np.abs(one - two)[full].max() <= 1.0, t
            flipped = scenes.mask(t._replace(x=1 - t.x, mirrored=not t.mirrored))
            assert np.abs(flipped - scenes.mask(t)[:, ::-1]).max() == 0, t
            assert abs(data.coverage(scenes.mask(t)).astype(float).sum() / 255 * 64 - scenes.mask(t).sum()) < 40


def check_reader():
    _, made = some(60)
    for things in made:
        facts = data.facts([things], [[scenes.mask(t) for t in things]])
        heat, box, colour = detector.targets(facts["boxes"], facts["kinds"], facts["colours"])
        shades = F.one_hot(colour.clamp(min=0), len(detector.COLOURS)).permute(0, 3, 1, 2) * 10.0
        mask = facts["masks"][:, None].float() / 255
        found = detector.detect((torch.logit(heat.clamp(1e-4, 1 - 1e-4)), box, shades, torch.logit(mask.clamp(1e-4, 1 - 1e-4))))[0]
        assert sorted((f.name, str(f.colour)) for f in found) == sorted((t.name, str(t.colour)) for t in things), (things, found)
        for t in things:
            f = min(found, key=lambda f: (f.x - t.x) ** 2 + (f.y - t.y) ** 2)
            assert f.name == t.name and max(abs(f.x - t.x), abs(f.y - t.y), abs(f.w - t.w), abs(f.h - t.h)) < 1e-5
            assert (f.mask == (scenes.mask(t) > 0.5)).mean() > 0.999


def check_folding():
    torch.manual_seed(0)
    net, x = detector.Network(), torch.rand(2, 3, 128, 128) * 2 - 1
    net(x)  # running statistics that are not the initial ones
    net.eval()
    state = detector.folded(net)
    conv = lambda name, v, stride=1, act=True: (F.relu if act else lambda u: u)(F.conv2d(v, state[name + ".weight"], state[name + ".bias"], stride, state[name + ".weight"].shape[-1] // 2))
    double = lambda v: F.interpolate(v, scale_factor=2, mode="nearest")
    with torch.no_grad():
        fine = conv("fine.1", conv("fine.0", x, 2))
        middle = conv("middle.2", conv("middle.1", conv("middle.0", fine, 2)))
        coarse = middle
        for k in range(4):
            coarse = conv(f"coarse.{k}", coarse, 2 if k == 0 else 1)
        merged = conv("merged.1", conv("merged.0", middle + double(conv("coarse_out", coarse, act=False))))
        pixels = conv("pixels.1", conv("pixels.0", fine + double(conv("merged_out", merged, act=False))), act=False)
        ours = torch.cat([conv("heads", merged, act=False).flatten(), F.pixel_shuffle(pixels, 2).flatten()])
        heat, box, colour, mask = net(x)
        theirs = torch.cat([torch.cat([heat, box, colour], 1).flatten(), mask.flatten()])
    assert (ours - theirs).abs().max() < 1e-3 * theirs.abs().max()


if __name__ == "__main__":
    scenes.use(sys.argv[1])
    for check in (check_captions, check_targets, check_masks, check_reader, check_folding):
        check()
        print(check.__name__, "holds")
    print(len(CONFIG["objects"]), "objects")
