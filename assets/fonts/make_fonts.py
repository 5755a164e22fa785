"""Makes the three font files of this folder from the npm packages they come from.

    npm pack @ibm/plex-sans-variable@0.2.0 @ibm/plex-mono@2.5.0 @phosphor-icons/web@2.1.2
    pip install fonttools brotli
    python make_fonts.py DIR_WITH_THE_UNPACKED_PACKAGES

Subsets are modified versions, and Plex is a reserved font name of the Open Font
License, so the results carry names of their own.
"""

import re
import sys
from io import BytesIO
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

SANS = "U+0020-007E U+00A0-036F U+0370-052F U+1E00-1EFF U+2000-209F U+20A0-20BF U+2100-22FF U+2500-25FF U+2713 U+2717"
MONO = "U+0020-007E U+00A0-017F U+0370-03FF U+2000-206F U+2190-2193 U+2212 U+221E U+2260 U+2264 U+2265"


def code_points(ranges):
    for part in ranges.split():
        first, _, last = part.removeprefix("U+").partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


def subset(font, unicodes, features):
    options = Options()
    options.layout_features = features
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=unicodes)
    subsetter.subset(font)


def rename(font, family):
    for record in font["name"].names:
        if record.nameID in (1, 4, 16):
            record.string = family
        elif record.nameID in (3, 6, 25):
            record.string = family.replace(" ", "")


def icons_used():
    source = Path(__file__).resolve().parents[2] / "src/app/icons.rs"
    return [int(code, 16) for code in re.findall(r"\\u\{([0-9a-f]+)\}", source.read_text())]


def main(packages):
    sans = next(packages.rglob("IBM Plex Sans Var-Roman.ttf"))
    sans = instancer.instantiateVariableFont(TTFont(sans), {"wdth": 100, "wght": (400, 400, 700)})
    # Saved and read again, so that glyphs without variation have their (empty) entry.
    compiled = BytesIO()
    sans.save(compiled)
    sans = TTFont(compiled)
    subset(sans, code_points(SANS), ["kern", "liga", "mark", "mkmk", "ccmp"])
    rename(sans, "Storm Sans")
    sans.save("StormSans.ttf")

    mono = TTFont(next(packages.rglob("complete/woff2/IBMPlexMono-Regular.woff2")))
    mono.flavor = None
    subset(mono, code_points(MONO), ["kern", "ccmp"])
    rename(mono, "Storm Mono")
    mono.save("StormMono.ttf")

    icons = TTFont(next(packages.rglob("regular/Phosphor.ttf")))
    subset(icons, icons_used(), [])
    icons.save("StormIcons.ttf")


main(Path(sys.argv[1]))
