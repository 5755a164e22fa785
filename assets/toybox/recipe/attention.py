"""The 16x16 cross-attention maps: how they are read, and how their cells are taught which word they belong to.

Each cell (mean over layers and heads) is asked which token it belongs to: a cell of an object prefers its noun and, if there is
one, the word for its colour; a cell of the ground none of these words. That is a classification per cell over words; nothing is
said about where a word's attention should lie as a whole.
"""
import torch

from config import CONFIG

CHOICES = CONFIG["unet"]["attention"]
CELLS, TOKENS = 16 * 16, 77


class Capture:
    """Attention processor that keeps the 16x16 cross-attention probabilities, averaged over heads, [batch, 256, 77]."""

    def __init__(self, maps):
        self.maps = maps

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None, *args, **kwargs):
        query, key, value = (attn.head_to_batch_dim(x) for x in (attn.to_q(hidden_states), attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states)))
        probabilities = attn.get_attention_scores(query, key)
        if hidden_states.shape[1] == CELLS:
            self.maps.append(probabilities.view(len(hidden_states), -1, CELLS, TOKENS).mean(1))
        return attn.to_out[0](attn.batch_to_head_dim(probabilities @ value))


def captured(unet):
    """Lets the UNet leave its maps in the list that is returned; whoever runs it clears the list."""
    maps = []
    unet.set_attn_processor({n: Capture(maps) if "attn2" in n else p for n, p in unet.attn_processors.items()})
    return maps


def targets(mentions, covers):
    """What each cell's words are, from mentions [batch, mentions, 3] (the noun's token, its colour's token or 0, which things it
    names as bits; all zero where there is none) and the things' coverage [batch, things, 16, 16] uint8.

    Returns wanted [batch, 256, 77], the share of a cell that each token should have (zero on the ground), and words [batch, 77],
    whether a token is a noun or a colour of the caption."""
    mentions = mentions.long()
    noun, colour, things = mentions.unbind(-1)
    named = (things[..., None] >> torch.arange(covers.shape[1], device=covers.device)) & 1  # [batch, mentions, things]
    place = (named[..., None] * covers.flatten(2)[:, None]).amax(2).float() / 255  # [batch, mentions, 256]
    share = torch.where(colour > 0, CHOICES["noun"], 1.0)[..., None]
    wanted = covers.new_zeros(len(covers), TOKENS, CELLS, dtype=torch.float32)
    words = covers.new_zeros(len(covers), TOKENS, dtype=torch.float32)
    for token, part in ((noun, place * share), (colour, place * (1 - share))):
        wanted.scatter_add_(1, token[..., None].expand_as(part), part)
        words.scatter_(1, token, 1.0)
    words[:, 0] = 0  # where there is no mention, or no colour, the token is the first one, with nothing to say
    wanted[:, 0] = 0
    return wanted.mT, words


def reading_loss(attention, wanted, words):
    """Cross-entropy over the tokens of each cell of an object, up to a share that is enough, and on the ground of whether it is
    any of these words. `attention` [batch, 256, 77] sums to one over tokens. Mean over samples that have words."""
    named = (words.sum(-1) > 0).float()
    at_objects = -(wanted * (attention / (CHOICES["enough"] * wanted.clamp(min=1e-3))).clamp(1e-6, 1).log()).sum((1, 2)) / wanted.sum((1, 2)).clamp(min=1e-3)
    bare = (1 - wanted.sum(-1)).clamp(min=0)
    on_ground = -(bare * (1 - (attention * words[:, None]).sum(-1)).clamp(min=1e-3).log()).sum(-1) / bare.sum(-1).clamp(min=1e-3)
    return ((at_objects + on_ground) * named).sum() / named.sum().clamp(min=1)
