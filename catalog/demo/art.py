"""Pictures of products, drawn by code: one drawer a kind, its colours chosen by the SKU.

Every object stands on a plinth or hangs on the wall, lit from above; the wall itself is the
page's, so the picture is transparent. Each is a file of its own of less than 3 KB.
"""

import random
from collections.abc import Callable

Drawer = Callable[[random.Random], str]

PLINTH = (
    '<rect x="70" y="396" width="260" height="104" fill="#e9e7e4"/>'
    '<rect x="70" y="396" width="260" height="9" fill="#fff" opacity=".45"/>'
    '<rect x="286" y="405" width="44" height="95" fill="#c9c6c1" opacity=".6"/>'
)
CELADONS = ("#b9cfc6", "#a9c4b4", "#c0d2c4")
GLAZES = ("#e9e2d6", "#b9cfc6", "#c9a27e", "#7fa193", "#d9d5cd", "#8fa3bd")
INKS = ("#24406e", "#c2370b", "#1f4e5f", "#a0382b", "#2c5940", "#4b3560")
METALS = ("#23262a", "#8d939b", "#c9ccd1", "#5d6d84", "#b7c4b5", "#d8c3c0")
CREAMS = ("#f3efe8", "#f6f3ec", "#efe6d4")


def draw(kind: str, seed: str) -> str:
    """The picture of a product as an SVG document; the same seed draws the same picture."""
    body = DRAWERS[kind](random.Random(f"{kind} {seed}"))  # noqa: S311  # colours are no secrets
    ground = "" if kind in HUNG else PLINTH
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 500">'
        '<defs><radialGradient id="light" cx=".5" cy=".12" r=".85">'
        '<stop offset="0" stop-color="#fff" stop-opacity=".42"/>'
        '<stop offset=".55" stop-color="#fff" stop-opacity=".08"/>'
        '<stop offset="1" stop-opacity=".22"/></radialGradient>'
        '<linearGradient id="round" x1="0" x2="1"><stop stop-color="#fff" stop-opacity=".5"/>'
        '<stop offset=".38" stop-color="#fff" stop-opacity="0"/>'
        '<stop offset="1" stop-opacity=".38"/></linearGradient></defs>'
        f'<rect width="400" height="500" fill="url(#light)"/>{ground}{body}</svg>'
    )


def _shadow(radius: int) -> str:
    return f'<ellipse cx="208" cy="398" rx="{radius}" ry="5.5" opacity=".3"/>'


def _round(path: str, fill: str, on_it: str = "") -> str:
    """A body of one colour with what is painted on it, shaded as if it were round."""
    return f'<path d="{path}" fill="{fill}"/>{on_it}<path d="{path}" fill="url(#round)"/>'


def _dots(pick: random.Random, colours: tuple[str, ...], count: int, box: tuple[int, ...]) -> str:
    left, top, right, bottom = box
    return "".join(
        f'<circle cx="{pick.randint(left, right)}" cy="{pick.randint(top, bottom)}"'
        f' r="{pick.randint(6, 13)}" fill="{pick.choice(colours)}"/>'
        for _ in range(count)
    )


def vase(pick: random.Random) -> str:
    glaze, band = pick.choice(GLAZES), pick.choice(INKS)
    body = (
        "M176 150h48c4 0 6 3 5 7-3 16-8 28-8 40 0 26 63 52 63 116 0 40-24 68-46 84h-76"
        "c-22-16-46-44-46-84 0-64 63-90 63-116 0-12-5-24-8-40-1-4 1-7 5-7z"
    )
    painted = (
        f'<path d="M119 290c4-14 12-26 22-37h118c10 11 18 23 22 37z" fill="{band}"/>'
        f'<path d="M117 302h166c1 4 1 8 1 12H116c0-4 0-8 1-12z" fill="{band}"/>'
        f'<path d="M143 272h10{"l8-12 8 12h12" * 3}l8-12 8 12h8" fill="none" stroke="{glaze}"'
        ' stroke-width="4"/>'
    )
    mouth = '<ellipse cx="200" cy="153" rx="27" ry="6" fill="#3b2a22"/>'
    return _shadow(74) + _round(body, glaze, painted) + mouth


def bowl(pick: random.Random) -> str:
    glaze = pick.choice(CELADONS)
    body = "M84 284h232c0 62-40 100-80 108v5h-72v-5c-40-8-80-46-80-108z"
    band = '<path d="M86 306h228l-3 13H89z" opacity=".16"/>'
    inside = (
        f'<ellipse cx="200" cy="284" rx="116" ry="20" fill="{glaze}"/>'
        '<ellipse cx="200" cy="284" rx="116" ry="20" fill="#fff" opacity=".3"/>'
        f'<ellipse cx="200" cy="287" rx="104" ry="15" fill="{glaze}"/>'
        '<ellipse cx="200" cy="287" rx="104" ry="15" opacity=".35"/>'
    )
    return _shadow(70) + _round(body, glaze, band) + inside


def poster(pick: random.Random) -> str:
    sun, hill, sea = pick.sample(INKS, 3)
    return (
        '<rect x="99" y="106" width="216" height="288" opacity=".25"/>'
        '<rect x="92" y="96" width="216" height="288" fill="#1a1a1a"/>'
        '<rect x="102" y="106" width="196" height="268" fill="#f6f3ec"/>'
        '<rect x="126" y="132" width="148" height="216" fill="#e6c99a"/>'
        f'<circle cx="{pick.randint(170, 230)}" cy="206" r="52" fill="{sun}"/>'
        f'<path d="M126 268c50-34 98 26 148-10v90H126z" fill="{hill}"/>'
        f'<path d="M126 304c50-28 98 20 148-8v52H126z" fill="{sea}"/>'
    )


def night(pick: random.Random) -> str:
    """A print of a harbour: a moon, the town's windows and their light on the water."""
    moon, wall = pick.randint(160, 240), pick.choice(("#1c2a44", "#221f3d", "#16323a"))
    windows = "".join(
        f'<path d="M{x} {pick.randint(262, 280)}v7M{x} 306v{pick.randint(8, 30)}"/>'
        for x in range(138, 266, 13)
    )
    return (
        '<rect x="99" y="106" width="216" height="288" opacity=".25"/>'
        '<rect x="92" y="96" width="216" height="288" fill="#1a1a1a"/>'
        '<rect x="102" y="106" width="196" height="268" fill="#f6f3ec"/>'
        f'<rect x="126" y="132" width="148" height="216" fill="{wall}"/>'
        f'<circle cx="{moon}" cy="184" r="24" fill="#f0dca0"/>'
        '<path d="M126 258h22v-14h18v10h26v-22h14v22h22v-8h20v14h26v38H126z" fill="#0c1220"/>'
        '<rect x="126" y="298" width="148" height="50" fill="#2b4468"/>'
        f'<g stroke="#f0b83d" stroke-width="5" opacity=".9">{windows}</g>'
    )


def lamp(pick: random.Random) -> str:
    shade, metal = pick.choice(("#fff3cf", "#f7e3c6", "#e8efe6")), pick.choice(METALS)
    foot = "M194 258h12v122h34c5 0 8 4 8 9v8h-96v-8c0-5 3-9 8-9h34z"
    return (
        '<ellipse cx="200" cy="300" rx="170" ry="130" fill="#ffe7a8" opacity=".22"/>'
        + _shadow(60)
        + _round(foot, metal)
        + f'<path d="M150 128h100l46 132H104z" fill="{shade}"/>'
        '<path d="M150 128h100l46 132H104z" fill="url(#round)" opacity=".55"/>'
        '<ellipse cx="200" cy="260" rx="96" ry="11" fill="#fffbe9"/>'
    )


def mug(pick: random.Random) -> str:
    cream, stripe = pick.choice(CREAMS), pick.choice(INKS)
    handle = (
        '<path d="M262 276c44-8 62 14 54 46-6 26-32 44-62 42" fill="none"'
        f' stroke="{cream}" stroke-width="17"/>'
    )
    stripes = f'<path d="M124 300h150v22H124zM124 328h150v8H124z" fill="{stripe}"/>'
    body = "M124 252h150v118c0 16-12 27-28 27h-94c-16 0-28-11-28-27z"
    coffee = (
        '<ellipse cx="199" cy="252" rx="75" ry="13" fill="#fff"/>'
        '<ellipse cx="199" cy="254" rx="65" ry="9" fill="#4b2d1b"/>'
    )
    return _shadow(74) + handle + _round(body, cream, stripes) + coffee


def bun(pick: random.Random) -> str:
    crust = pick.choice(("#c98a45", "#d29a57", "#b97a38"))
    swirl = (
        '<g fill="none" stroke="#7d4a1d" stroke-width="8">'
        '<path d="M132 358c-6-40 28-68 68-68s74 28 68 66"/>'
        '<path d="M156 356c-4-24 18-44 44-44s48 20 44 44"/>'
        '<path d="M180 356c0-12 8-22 20-22s20 10 20 22"/></g>'
    )
    body = "M108 366c-8-52 36-98 92-98s100 46 92 98c-3 16-181 16-184 0z"
    plate = '<ellipse cx="200" cy="388" rx="122" ry="13" fill="#fff"/>'
    return _shadow(92) + plate + _round(body, crust, swirl)


def scarf(pick: random.Random) -> str:
    wool, wide, narrow = pick.choice(CREAMS), *pick.sample(INKS, 2)
    body = "M128 112h144v252c-24 10-48-8-72 0s-48 8-72 0z"
    bands = (
        f'<path d="M128 150h144v26H128zM128 196h144v10H128zM128 300h144v34H128z" fill="{wide}"/>'
        f'<path d="M128 222h144v58H128z" fill="{narrow}"/>'
        '<path d="M152 222l48 58 48-58z" fill="#e2b04a"/>'
    )
    fringe = "".join(f"M{x} 364v24" for x in range(134, 272, 15))
    return (
        '<rect x="84" y="108" width="232" height="9" rx="4" fill="#d8c9a0"/>'
        + _round(body, wool, bands)
        + f'<path d="{fringe}" stroke="{wool}" stroke-width="4"/>'
    )


def book(pick: random.Random) -> str:
    cover = pick.choice(INKS)
    sign = (
        '<circle cx="204" cy="270" r="36" fill="none" stroke="#e9dcc0" stroke-width="5"/>'
        '<path d="M204 234v72M168 270h72" stroke="#e9dcc0" stroke-width="5"/>'
        '<rect x="174" y="338" width="60" height="5" fill="#e9dcc0"/>'
        '<path d="M122 190h20v207h-20z" opacity=".3"/>'
    )
    pages = (
        '<path d="M262 190l16-9v207l-16 9z" fill="#f6f3ec"/>'
        '<path d="M122 190l16-9h140l-16 9z" fill="#e6e2da"/>'
    )
    return _shadow(88) + _round("M122 190h140v207H122z", cover, sign) + pages


Cameras = tuple[str, tuple[tuple[int, int], ...]]
LENSES: Cameras = (
    '<rect x="130" y="150" width="42" height="80" rx="16" opacity=".18"/>',
    ((151, 172), (151, 208)),
)
BAR: Cameras = (
    '<path d="M122 166h122v36H122z" opacity=".55"/>',
    ((143, 184), (167, 184)),
)


def phone(pick: random.Random, cameras: Cameras = LENSES) -> str:
    case, deep, glow = pick.choice(("#c9ccd1", "#b7c4b5", "#d8c3c0")), *pick.sample(INKS, 2)
    back, places = cameras
    lenses = "".join(
        f'<circle cx="{x}" cy="{y}" r="13" fill="#111"/><circle cx="{x}" cy="{y}" r="6"'
        ' fill="#2a3a55"/>'
        for x, y in places
    )
    return (
        _shadow(86)
        + f'<rect x="122" y="140" width="122" height="257" rx="22" fill="{case}"/>'
        + back
        + lenses
        + '<rect x="178" y="152" width="118" height="245" rx="22" fill="#111"/>'
        + f'<rect x="184" y="158" width="106" height="233" rx="17" fill="{deep}"/>'
        + f'<circle cx="240" cy="262" r="46" fill="{glow}"/>'
        + '<circle cx="222" cy="300" r="38" fill="#e2b04a" opacity=".8"/>'
        + '<rect x="218" y="165" width="38" height="11" rx="5.5"/>'
    )


def bar_phone(pick: random.Random) -> str:
    """A phone whose cameras look out of a bar."""
    return phone(pick, BAR)


def laptop(pick: random.Random) -> str:
    metal, sky, hill = pick.choice(METALS[1:]), *pick.sample(INKS, 2)
    return (
        _shadow(120)
        + f'<rect x="98" y="222" width="204" height="144" rx="9" fill="{metal}"/>'
        + f'<rect x="106" y="230" width="188" height="126" rx="3" fill="{sky}"/>'
        + f'<path d="M106 320c40-44 78 12 188-36v72H106z" fill="{hill}"/>'
        + '<circle cx="246" cy="264" r="17" fill="#e2b04a"/>'
        + _round("M76 366h248l10 22c2 5-1 9-7 9H73c-6 0-9-4-7-9z", metal)
    )


def headphones(pick: random.Random) -> str:
    shell, pad = pick.choice(METALS), pick.choice(INKS)
    return (
        _shadow(80)
        + f'<path d="M122 330v-40a78 86 0 0 1 156 0v40" fill="none" stroke="{shell}"'
        + ' stroke-width="16"/>'
        + _round("M100 308c0-10 8-18 18-18h16v106h-16c-10 0-18-8-18-18z", shell)
        + _round("M300 308c0-10-8-18-18-18h-16v106h16c10 0 18-8 18-18z", shell)
        + f'<path d="M134 296h14v94h-14zM252 296h14v94h-14z" fill="{pad}"/>'
    )


def burger(pick: random.Random) -> str:
    salad = pick.choice(("#6f9a3c", "#87a948", "#5c8a34"))
    return (
        _shadow(104)
        + '<ellipse cx="200" cy="388" rx="128" ry="13" fill="#fff"/>'
        + _round("M112 352h176v16c0 12-10 20-22 20H134c-12 0-22-8-22-20z", "#d29a57")
        + '<rect x="106" y="326" width="188" height="30" rx="13" fill="#5b3420"/>'
        + '<path d="M110 322h180l-22 16-20-10-24 14-24-14-26 14-26-14-20 10z" fill="#f0b83d"/>'
        + '<path d="M102 312c14-10 26 8 40 0s26 8 40 0 26 8 40 0 26 8 40 0 24 2 36 0v14H102z"'
        + f' fill="{salad}"/>'
        + '<rect x="112" y="300" width="176" height="14" rx="7" fill="#c2402a"/>'
        + _round("M108 300c0-48 40-78 92-78s92 30 92 78z", "#c98a45")
        + '<g fill="#f6ead2"><circle cx="168" cy="254" r="4"/><circle cx="200" cy="242" r="4"/>'
        + '<circle cx="232" cy="256" r="4"/><circle cx="252" cy="278" r="4"/></g>'
    )


def pizza(pick: random.Random) -> str:
    toppings = _dots(pick, ("#a63a24", "#6f9a3c", "#f6f3ec", "#3d3a2a"), 14, (130, 300, 270, 350))
    return (
        _shadow(130)
        + '<ellipse cx="200" cy="352" rx="140" ry="46" fill="#fff"/>'
        + '<ellipse cx="200" cy="338" rx="128" ry="50" fill="#c98a45"/>'
        + '<ellipse cx="200" cy="332" rx="112" ry="42" fill="#e7b04b"/>'
        + toppings
    )


def noodles(pick: random.Random) -> str:
    noodle, broth = pick.choice(("#7a5230", "#8a6238")), "#4f3019"
    strands = "".join(
        f"M{x} 286q{pick.randint(10, 24)} {pick.randint(-34, -18)} {pick.randint(34, 60)} 0"
        for x in range(112, 240, 10)
    )
    leaves = _dots(pick, ("#6f9a3c", "#87a948"), 5, (140, 266, 262, 282))
    caps = "".join(
        f'<path d="M{x} {y}c0-26 44-26 44 0z" fill="#c9a27e"/>'
        f'<path d="M{x + 16} {y}h12v13h-12z" fill="#efe6d4"/>'
        for x, y in ((124, 272), (196, 262), (236, 276))
    )
    sticks = '<path d="M262 280l92-96M276 282l90-84" stroke="#a8743c" stroke-width="6"/>'
    body = "M84 284h232c0 62-40 100-80 108v5h-72v-5c-40-8-80-46-80-108z"
    return (
        _shadow(70)
        + sticks
        + f'<ellipse cx="200" cy="284" rx="116" ry="20" fill="{broth}"/>'
        + f'<path d="{strands}" fill="none" stroke="{noodle}" stroke-width="6"/>'
        + caps
        + leaves
        + _round(body, pick.choice(("#24406e", "#1f4e5f", "#e9e2d6")))
    )


def soup(pick: random.Random) -> str:
    broth = pick.choice(("#d98b2b", "#e0a03a", "#cf7a26"))
    bits = _dots(pick, ("#6f9a3c", "#f6f3ec", "#8a6238"), 9, (130, 274, 270, 288))
    steam = "".join(
        f'<path d="M{x} 240q-12-20 0-36t0-30" fill="none" stroke="#fff" stroke-width="6"'
        ' stroke-linecap="round" opacity=".55"/>'
        for x in (168, 200, 232)
    )
    body = "M84 284h232c0 62-40 100-80 108v5h-72v-5c-40-8-80-46-80-108z"
    return (
        steam
        + _shadow(70)
        + _round(body, pick.choice(CREAMS))
        + '<ellipse cx="200" cy="284" rx="116" ry="20" fill="#fff"/>'
        + f'<ellipse cx="200" cy="285" rx="106" ry="16" fill="{broth}"/>'
        + bits
    )


def salad(pick: random.Random) -> str:
    leaf = '<defs><path id="leaf" d="M0 0c-22-16-20-46 0-66 20 20 22 50 0 66z"/></defs>'
    leaves = "".join(
        f'<use href="#leaf" transform="translate({x} 292)rotate({(x - 200) // 2})scale({size})"'
        f' fill="{pick.choice(("#6f9a3c", "#87a948", "#4f7d34", "#a3bd5c"))}"/>'
        for x, size in (
            (x, pick.randint(8, 13) / 10) for x in (*range(120, 290, 22), 152, 212, 258)
        )
    )
    colour = _dots(pick, ("#c2402a", "#f0b83d", "#f6f3ec", "#8a3b62"), 9, (130, 248, 270, 276))
    body = "M84 284h232c0 62-40 100-80 108v5h-72v-5c-40-8-80-46-80-108z"
    return leaf + _shadow(70) + leaves + colour + _round(body, pick.choice(GLAZES))


def drink(pick: random.Random) -> str:
    juice = pick.choice(("#e58a1f", "#d96a2b", "#e2a52e"))
    return (
        _shadow(58)
        + '<path d="M222 216l26-118" stroke="#c2370b" stroke-width="8"/>'
        + '<path d="M142 176h116l-14 221h-88z" fill="#fff" opacity=".55"/>'
        + _round("M146 222h108l-12 167h-84z", juice)
        + '<g fill="#fff" opacity=".6"><rect x="166" y="236" width="30" height="30" rx="4"/>'
        + '<rect x="206" y="258" width="30" height="30" rx="4"/></g>'
    )


def cake(pick: random.Random) -> str:
    sponge, icing = pick.choice(("#dcb878", "#d9a25f", "#cf9f63")), pick.choice(CREAMS)
    return (
        _shadow(104)
        + '<ellipse cx="200" cy="388" rx="128" ry="13" fill="#fff"/>'
        + _round("M110 300l180-22v104H110z", sponge)
        + f'<path d="M110 336l180-12v14l-180 12z" fill="{icing}"/>'
        + f'<path d="M110 300l180-22-60-26-120 36z" fill="{icing}"/>'
        + '<circle cx="214" cy="256" r="14" fill="#b5252c"/>'
    )


def tote(pick: random.Random) -> str:
    cloth, print_ = pick.choice(CREAMS), pick.choice(INKS)
    return (
        f'<path d="M158 190v-60a42 42 0 0 1 84 0v60" fill="none" stroke="{cloth}"'
        ' stroke-width="12"/><path d="M116 194h184v204H116z" opacity=".25"/>'
        + _round("M108 184h184v204H108z", cloth)
        + f'<path d="M150 246h100v80H150z" fill="none" stroke="{print_}" stroke-width="10"/>'
        + f'<circle cx="222" cy="300" r="14" fill="{print_}"/>'
    )


def ticket(pick: random.Random) -> str:
    paper, ink = pick.choice(("#f0b83d", "#e9dcc0", "#e5a58c")), pick.choice(INKS)
    stub = "".join(f'<circle cx="252" cy="{y}" r="3"/>' for y in range(214, 300, 12))
    return (
        '<g transform="rotate(-7 200 256)"><path d="M98 206h216v112H98z" opacity=".25"/>'
        f'<path d="M90 196h220v36a20 20 0 0 0 0 40v36H90v-36a20 20 0 0 0 0-40z" fill="{paper}"/>'
        f'<g fill="{ink}"><rect x="124" y="222" width="100" height="12"/>'
        '<rect x="124" y="246" width="76" height="8"/><rect x="124" y="264" width="88" height="8"/>'
        f"{stub}</g></g>"
    )


DRAWERS: dict[str, Drawer] = {
    drawer.__name__: drawer
    for drawer in (
        vase,
        bowl,
        poster,
        night,
        lamp,
        mug,
        bun,
        scarf,
        book,
        phone,
        bar_phone,
        laptop,
        headphones,
        burger,
        pizza,
        noodles,
        soup,
        salad,
        drink,
        cake,
        tote,
        ticket,
    )
}
# what hangs on the wall needs no plinth
HUNG = {"poster", "night", "scarf", "tote", "ticket"}
