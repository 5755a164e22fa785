"""A tokenizer in CLIP's format, cut down to the merges that everyday captions need: tokenizer.py FOLDER

The merges keep CLIP's own order, so any word they cover is split as CLIP splits it; every other word still tokenises,
into smaller pieces. The full list is the bpe_simple_vocab_16e6.txt.gz inside the open_clip_torch package, which need
not be importable, only installed.
"""
import gzip
import importlib.util
import json
import os
import sys

from transformers import CLIPTokenizer

import scenes

EXTRA = """a an the and or with of to on in at by is are its his her one two three four five six some many pair group no not
next beside near left right side above below top bottom under over behind front between around inside middle corner centre center
big small little large tiny huge tall short old new red orange yellow green blue purple pink black white brown grey gray gold silver
photo picture painting drawing illustration image toy toys cute glossy shiny plastic studio floor wall table background light soft
sitting standing lying flying looking stands sits fox bear pig cow sheep lion tiger monkey mouse frog snake penguin owl bee
butterfly truck bicycle bike motorcycle ship banana orange pizza bread cookie bottle lamp key heart bed couch sofa phone laptop
camera gift bag shoe robot man woman girl boy person people sun moon mountain river sea grass sky snow""".split()


def write(folder):
    os.makedirs(folder, exist_ok=True)
    package = os.path.dirname(importlib.util.find_spec("open_clip").origin)
    merges = [tuple(m.split()) for m in gzip.open(os.path.join(package, "bpe_simple_vocab_16e6.txt.gz")).read().decode().split("\n")[1:48895]]
    rank = {m: i for i, m in enumerate(merges)}
    used = set()
    for word in [*scenes.OBJECTS, *map(scenes.plural, scenes.OBJECTS), *scenes.COLOURS, *EXTRA]:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            best = min(range(len(parts) - 1), key=lambda i: rank.get((parts[i], parts[i + 1]), 1 << 30))
            pair = (parts[best], parts[best + 1])
            if pair not in rank:
                break
            used.add(pair)
            parts[best : best + 2] = ["".join(pair)]
    kept = sorted(used, key=rank.get)
    bytes_ = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = [chr(b) for b in bytes_] + [chr(256 + n) for n in range(256 - len(bytes_))]
    vocab = letters + [c + "</w>" for c in letters] + ["".join(m) for m in kept] + ["<|startoftext|>", "<|endoftext|>"]
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    for name, value in {
        "vocab.json": {t: i for i, t in enumerate(vocab)},
        "special_tokens_map.json": special,
        "tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, "errors": "replace", **special},
    }.items():
        with open(f"{folder}/{name}", "w") as file:
            json.dump(value, file, ensure_ascii=False)
    with open(f"{folder}/merges.txt", "w") as file:
        file.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in kept))
    return CLIPTokenizer.from_pretrained(folder)


def words():
    """Every word a caption may use: each must be one token, so that word n of a caption is token n + 1."""
    phrases = [p for ps in scenes.PHRASES.values() for p in ps] + [w for ws in scenes.SIZE_WORDS.values() for w in ws]
    everything = " ".join([*scenes.OBJECTS, *map(scenes.plural, scenes.OBJECTS), *scenes.COLOURS, *scenes.NUMBERS.values(), *phrases, "a an one and with next to beside , :", *scenes.OPENINGS])
    return sorted(set(everything.split()))


if __name__ == "__main__":
    tokenizer = write(sys.argv[1])
    print(len(tokenizer), "tokens; in pieces:", [w for w in words() if len(tokenizer.tokenize(w)) > 1])
    for text in ("a red cat to the left of two big blue dogs", "a zeppelin over antananarivo", "three umbrellas"):
        print(tokenizer.tokenize(text))
