"""Makes the three font files of this folder from the npm packages they come from.

    npm pack @ibm/plex-sans-variable@0.2.0 @ibm/plex-mono@2.5.0 @phosphor-icons/web@2.1.2
    pip install fonttools brotli
    python make_fonts.py DIR_WITH_THE_UNPACKED_PACKAGES

Subsets are modified versions, and Plex is a reserved font name of the Open Font
License, so the results carry names of their own.
"""

import math
import re
import sys
from io import BytesIO
from pathlib import Path

from fontTools.pens.ttGlyphPen import TTGlyphPen
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
    source = Path(__file__).resolve().parents[2] / "src/app/look/icons.rs"
    return [int(code, 16) for code in re.findall(r"\\u\{([0-9a-f]+)\}", source.read_text())]


def add_marks(font):
    """The filled disc and square of subjects and objects, which Plex does not have."""
    em = font["head"].unitsPerEm
    middle, radius = 0.36 * em, 0.34 * em
    width = int(0.78 * em)
    centre = width / 2

    disc = TTGlyphPen(None)
    # Eight quadratic curves through the points of the circle; the control
    # points lie where the tangents of neighbours meet.
    outer = radius / math.cos(math.pi / 8)
    at = lambda eighths, r: (
        round(centre + r * math.cos(-eighths * math.pi / 4)),
        round(middle + r * math.sin(-eighths * math.pi / 4)),
    )
    disc.moveTo(at(0, radius))
    for eighth in range(8):
        disc.qCurveTo(at(eighth + 0.5, outer), at(eighth + 1, radius))
    disc.closePath()

    square = TTGlyphPen(None)
    side = 0.9 * radius
    corners = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
    points = [(round(centre + x * side), round(middle + y * side)) for x, y in corners]
    square.moveTo(points[0])
    for point in points[1:]:
        square.lineTo(point)
    square.closePath()

    for name, code, pen in (("disc", 0x25CF, disc), ("square_mark", 0x25A0, square)):
        font["glyf"][name] = pen.glyph()
        font["hmtx"][name] = (width, int(centre - radius))
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[code] = name


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
    add_marks(icons)
    icons.save("StormIcons.ttf")


main(Path(sys.argv[1]))
