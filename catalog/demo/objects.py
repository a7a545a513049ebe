"""What the museum shop sells, drawn: clay, paper, books, cloth; tickets and cards."""

import random

from catalog.demo.drawing import (
    CELADONS,
    CREAMS,
    GLAZES,
    INKS,
    LEAVES,
    METALS,
    WOODS,
    box,
    crumbs,
    disc,
    framed,
    leaf,
    line,
    oval,
    path,
    rounded,
    shadow,
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
    return shadow(74) + rounded(body, glaze, painted) + mouth


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
    return shadow(70) + rounded(body, glaze, band) + inside


def poster(pick: random.Random) -> str:
    sun, hill, sea = pick.sample(INKS, 3)
    return framed(
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
    return framed(
        f'<rect x="126" y="132" width="148" height="216" fill="{wall}"/>'
        f'<circle cx="{moon}" cy="184" r="24" fill="#f0dca0"/>'
        '<path d="M126 258h22v-14h18v10h26v-22h14v22h22v-8h20v14h26v38H126z" fill="#0c1220"/>'
        '<rect x="126" y="298" width="148" height="50" fill="#2b4468"/>'
        f'<g stroke="#f0b83d" stroke-width="5" opacity=".9">{windows}</g>'
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
    return shadow(74) + handle + rounded(body, cream, stripes) + coffee


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
        + rounded(body, wool, bands)
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
    return shadow(88) + rounded("M122 190h140v207H122z", cover, sign) + pages


def tote(pick: random.Random) -> str:
    cloth, print_ = pick.choice(CREAMS), pick.choice(INKS)
    return (
        f'<path d="M158 190v-60a42 42 0 0 1 84 0v60" fill="none" stroke="{cloth}"'
        ' stroke-width="12"/><path d="M116 194h184v204H116z" opacity=".25"/>'
        + rounded("M108 184h184v204H108z", cloth)
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


def tea_bowl(pick: random.Random) -> str:
    glaze, drip = (
        pick.choice(("#3f4a46", "#7a4a35", "#4d5a6e")),
        pick.choice(("#b9cfc6", "#e9e2d6")),
    )
    run = path(
        "M126 262h148l-2 40c-10 24-18 4-28 20-12 22-20-6-32 8-14"
        " 16-22-20-34-4-14 18-22-8-32-6-10 4-16-8-18-18z",
        drip,
    )
    return (
        shadow(66)
        + rounded("M122 262h156c2 62-18 116-52 126v9h-52v-9c-34-10-54-64-52-126z", glaze, run)
        + oval(200, 262, 78, 18, drip)
        + oval(200, 265, 70, 14, "#2e3330")
    )


def teapot(pick: random.Random) -> str:
    glaze, band = pick.choice(GLAZES), pick.choice(INKS)
    return (
        shadow(96)
        + line("M130 214c-4-74 144-74 140 0", "#a8743c", 11)
        + path("M284 300c30-4 30-50 56-66l14 10c-14 30-10 92-58 106z", glaze)
        + rounded(
            "M104 314c0-62 44-98 96-98s96 36 96 98c0 50-30 76-60 83h-72c-30-7-60-33-60-83z",
            glaze,
            box(100, 316, 200, 10, band),
        )
        + oval(200, 222, 44, 10, band)
        + rounded("M164 222c0-18 16-26 36-26s36 8 36 26z", glaze)
        + disc(200, 190, 9, band)
    )


def jug(pick: random.Random) -> str:
    glaze, stripe = pick.choice(CREAMS), pick.choice(INKS)
    return (
        shadow(76)
        + line("M258 232c56-14 68 92 4 116", glaze, 17)
        + rounded(
            "M150 186l-30-14 22 46c-10 30-20 62-20 100 0 44 18 70 36 79h80"
            "c18-9 36-35 36-79 0-54-22-84-22-132z",
            glaze,
            box(118, 316, 160, 16, stripe) + box(118, 338, 160, 6, stripe),
        )
        + path("M150 186l-30-14c6 10 8 18 14 18 40 8 84 8 118-4z", "#00000030")
    )


def plate(pick: random.Random) -> str:
    """Stands on its rim, leaning at the wall."""
    glaze, ring = pick.choice(CREAMS), pick.choice(INKS)
    return (
        shadow(96)
        + disc(204, 278, 119, "#00000022")
        + disc(200, 277, 119, glaze)
        + f'<circle cx="200" cy="277" r="108" fill="none" stroke="{ring}" stroke-width="7"/>'
        + f'<circle cx="200" cy="277" r="98" fill="none" stroke="{ring}" stroke-width="2"/>'
        + '<circle cx="200" cy="277" r="72" opacity=".08"/>'
        + disc(200, 275, 70, glaze)
        + '<circle cx="200" cy="277" r="119" fill="url(#round)" opacity=".5"/>'
        + path("M130 386h22l-6 11h-22zM248 386h22l6 11h-22z", "#8f6233")
    )


def bottle_vase(pick: random.Random) -> str:
    glaze = pick.choice(GLAZES)
    petals = "".join(
        f'<ellipse cx="196" cy="88" rx="8" ry="19" fill="{{0}}"'
        f' transform="rotate({turn} 196 106)"/>'
        for turn in range(0, 360, 60)
    ).format(pick.choice(("#c2370b", "#e2b04a", "#e58ea6")))
    return (
        line("M200 268c4-60-10-96-4-160", "#4f7d34", 5)
        + leaf(202, 196, 50, LEAVES[2])
        + petals
        + disc(196, 106, 9, "#5d3a20")
        + shadow(60)
        + rounded(
            "M188 240h24c0 44 44 52 44 104 0 30-16 46-30 53h-52"
            "c-14-7-30-23-30-53 0-52 44-60 44-104z",
            glaze,
        )
        + oval(200, 240, 13, 4, "#3b2a22")
    )


def moon_jar(pick: random.Random) -> str:
    return (
        shadow(84)
        + rounded(
            "M170 172h60c0 10 4 14 14 18 40 16 66 56 66 98 0 52-34 92-68 109h-84"
            "c-34-17-68-57-68-109 0-42 26-82 66-98 10-4 14-8 14-18z",
            pick.choice(("#f1efe9", "#ece9e0", "#e3e7e6")),
            line("M91 290c60 8 158 8 218 0", "#c9c4b8", 3),
        )
        + oval(200, 172, 30, 7, "#cfcac0")
        + oval(200, 173, 24, 4.5, "#5b564d")
    )


def tile(pick: random.Random) -> str:
    blue = pick.choice(("#24406e", "#1f4e5f", "#2c4f8a"))
    corners = "".join(
        f'<path d="M0 0h30a30 30 0 0 1-30 30z" fill="{blue}"'
        f' transform="translate({x} {y})rotate({turn})"/>'
        for x, y, turn in ((112, 176, 0), (288, 176, 90), (288, 352, 180), (112, 352, 270))
    )
    return (
        '<path d="M114 178h190v190H114z" opacity=".25"/>'
        + box(104, 168, 192, 192, "#f3f0e8", 4)
        + '<rect x="112" y="176" width="176" height="176" fill="none"'
        f' stroke="{blue}" stroke-width="3"/>'
        + corners
        + path("M150 288h100l-14 26h-72z", blue)
        + line("M200 288v-72", blue, 5)
        + path("M206 220l40 56h-40zM194 232v44h-32z", "#8fa9d0")
        + line("M136 326q16-10 32 0t32 0 32 0 32 0", blue, 4)
        + '<rect x="104" y="168" width="192" height="192" rx="4" fill="url(#round)" opacity=".25"/>'
    )


def lidded_jar(pick: random.Random) -> str:
    glaze = pick.choice(GLAZES)
    return (
        shadow(78)
        + rounded(
            "M124 288h152v76c0 20-14 33-32 33h-88c-18 0-32-13-32-33z",
            glaze,
            crumbs(pick, ("#6b5d4d", "#8a7a66"), 22, (132, 300, 268, 388)),
        )
        + rounded(
            "M116 262h168c5 0 8 3 8 8v12c0 5-3 8-8 8H116c-5 0-8-3-8-8v-12c0-5 3-8 8-8z",
            pick.choice(WOODS),
        )
        + rounded("M184 240h32c5 0 8 3 8 8v14h-48v-14c0-5 3-8 8-8z", "#6b4626")
    )


def candle(pick: random.Random) -> str:
    glaze = pick.choice(GLAZES)
    return (
        '<circle cx="200" cy="170" r="120" fill="#ffe7a8" opacity=".28"/>'
        + shadow(74)
        + path("M200 132c18 24 20 34 14 46-6 10-22 10-28 0-6-12-4-22 14-46z", "#ffb13b")
        + path("M200 154c8 12 10 18 6 24-4 5-8 5-12 0-4-6-2-12 6-24z", "#fff4cf")
        + line("M200 178v16", "#33363a", 3)
        + rounded("M180 192h40v150h-40z", "#f6f0e0")
        + rounded("M168 332h64l8 40h-80z", glaze)
        + rounded("M116 368h168c0 18-12 29-30 29H146c-18 0-30-11-30-29z", glaze)
        + oval(200, 368, 84, 8, "#00000022")
    )


def birches(pick: random.Random) -> str:
    trunks = ""
    for x in sorted(pick.sample(range(134, 262, 14), 6)):
        width = pick.randint(8, 14)
        marks = "".join(f"M{x} {pick.randint(140, 340)}h{width // 2}" for _ in range(6))
        trunks += box(x, 132, width, 216, "#fbfaf6") + line(marks, "#23262a", 3)
    ground = path("M126 318c50-16 98 10 148-6v36H126z", "#ffffff")
    return framed(
        box(126, 132, 148, 216, pick.choice(("#b9c4cc", "#c6c9cf", "#aab8bd"))) + trunks + ground
    )


def boats(pick: random.Random) -> str:
    sky, sea = pick.choice((("#e6c99a", "#1f4e5f"), ("#d8dfe0", "#24406e"), ("#f0cfa6", "#2c5940")))
    fleet = "".join(
        f'<g transform="translate({x} {y})scale({size})">'
        + path("M-26 0h52l-9 13h-34z", pick.choice(INKS))
        + path("M-2-4v-52l-22 52zM3-4v-44l18 44z", "#f6f3ec")
        + "</g>"
        for x, y, size in ((170, 248, 0.8), (228, 272, 1.1), (166, 314, 1.4))
    )
    waves = "".join(
        f"M{pick.randint(130, 220)} {y}h{pick.randint(20, 50)}" for y in range(256, 344, 12)
    )
    return framed(
        box(126, 132, 148, 216, sky)
        + box(126, 240, 148, 108, sea)
        + line(waves, "#ffffff55", 3)
        + fleet
    )


def window(pick: random.Random) -> str:
    wall = pick.choice(("#1c2233", "#23202e", "#1b2a2a"))
    bricks = "".join(
        f"M{x} {y}h16"
        for y in range(144, 346, 16)
        for x in (range(132, 262, 40) if y % 32 else range(150, 262, 40))
    )
    return framed(
        box(126, 132, 148, 216, wall)
        + line(bricks, "#ffffff1c", 5)
        + box(162, 184, 76, 104, "#f2bd3c")
        + path("M186 288v-36c0-22 28-22 28 0v36z", wall)
        + disc(200, 232, 11, wall)
        + path("M206 262l24-6v14l-24 6z", "#f6f3ec")
        + line("M200 184v20M162 214h76", wall, 5)
        + box(154, 286, 92, 8, "#0c1016")
    )


def circles(pick: random.Random) -> str:
    big, middle, small = pick.sample(
        ("#24406e", "#c2370b", "#e2b04a", "#1f4e5f", "#15171a", "#7fa193"), 3
    )
    x = pick.randint(176, 196)
    return framed(
        box(126, 132, 148, 216, "#efe9dc")
        + disc(x, 222, 50, big)
        + f'<circle cx="{x + 34}" cy="276" r="44" fill="{middle}" opacity=".85"/>'
        + disc(160, 306, 20, small)
        + line(f"M140 {pick.randint(160, 176)}L262 334", "#15171a", 3)
    )


def fern(pick: random.Random) -> str:
    green = pick.choice(("#4f6d3a", "#5c7a44", "#3f5c3a"))
    fronds = "".join(
        f'<path d="M0 0c{reach}-10 {2 * reach}-4 {2 * reach + 2} 6-14 4-{reach} 4-{2 * reach} 0z"'
        f' fill="{green}" transform="translate(200 {y})scale({side} 1)rotate(-16)"/>'
        for y, reach in zip(
            range(168, 326, 15), (8, 12, 16, 19, 22, 24, 25, 25, 23, 20, 16), strict=True
        )
        for side in (1, -1)
    )
    return framed(
        box(126, 132, 148, 216, "#efe6cf")
        + line("M200 152v186", green, 4)
        + fronds
        + line("M236 336h26M176 342h48", "#8a7a5a", 2.5)
    )


def postcards(pick: random.Random) -> str:
    cards = ""
    for turn, x, y in ((-14, 110, 236), (-2, 124, 250), (11, 142, 240)):
        sky, hill, sun = pick.sample(INKS, 3)
        cards += (
            f'<g transform="rotate({turn} 200 330)">'
            + box(x, y, 150, 106, "#fbfaf6", 2)
            + box(x + 8, y + 8, 134, 90, sky)
            + path(f"M{x + 8} {y + 72}c40-34 90 14 134-16v42H{x + 8}z", hill)
            + disc(x + 100, y + 38, 15, "#e2b04a" if sun == hill else sun)
            + "</g>"
        )
    return shadow(110) + cards


def calendar(pick: random.Random) -> str:
    sky, hill, sun = pick.sample(INKS, 3)
    days = "".join(
        disc(x, y, 4.5, "#c2370b" if x == 270 else "#55595f")
        for y in (296, 314, 332, 350)
        for x in range(132, 272, 23)
    )
    rings = "".join(f"M{x} 108v20" for x in range(124, 282, 15))
    return (
        '<path d="M112 124h192v258H112z" opacity=".25"/>'
        + box(104, 116, 192, 258, "#fbfaf6")
        + box(112, 132, 176, 136, sky)
        + path("M112 230c60-44 110 22 176-24v62H112z", hill)
        + disc(240, 176, 24, "#e2b04a" if sun == hill else sun)
        + days
        + line(rings, "#33363a", 3)
        + line("M200 108c-8-22 8-22 0 0", "#33363a", 3)
    )


def pencils(pick: random.Random) -> str:
    row = "".join(
        path(f"M{x} 244v-40l9-22 9 22v40z", "#e6c48a")
        + path(f"M{x + 6} 190l3-8 3 8z", "#23262a")
        + box(x, 214, 18, 70, colour)
        for x, colour in zip(
            range(122, 276, 20), pick.sample((*INKS, "#e2b04a", "#8d939b"), 8), strict=True
        )
    )
    return (
        shadow(100)
        + row
        + rounded(
            "M108 268h184v123c0 4-2 6-6 6H114c-4 0-6-2-6-6z",
            pick.choice(("#c9a673", "#24406e", "#a0382b")),
        )
        + box(146, 306, 108, 46, "#f6f3ec")
        + line("M160 322h80M160 336h54", "#33363a", 4)
    )


def tall_book(pick: random.Random) -> str:
    cover, mark = pick.sample((*INKS, "#e2b04a", "#23262a"), 2)
    swatches = "".join(
        box(x, y, 26, 26, pick.choice((*INKS, "#e2b04a", "#7fa193", "#e58ea6")))
        for y in (218, 250, 282)
        for x in (150, 182, 214)
    )
    return (
        shadow(96)
        + path("M284 150l14-8v246l-14 9z", "#f6f3ec")
        + path("M112 150l14-8h172l-14 8z", "#e6e2da")
        + rounded(
            "M112 150h172v247H112z",
            cover,
            path("M112 150h18v247h-18z", "#00000040")
            + box(142, 206, 106, 114, "#f6f3ec")
            + swatches,
        )
        + line("M148 346h90M148 362h56", "#f6f3ec" if mark != cover else mark, 6)
    )


def small_book(pick: random.Random) -> str:
    return _small_book(pick, disc(206, 300, 24, "#f0dca0") + path("M160 324h92v14h-92z", "#f6f3ec"))


def whale_book(pick: random.Random) -> str:
    whale = "M162 312c14-34 64-34 78-6l16-12-2 34c-24 18-82 16-92-16z"
    return _small_book(pick, path(whale, "#f6f3ec") + disc(184, 308, 3.5, "#15171a"))


def picture_book(pick: random.Random) -> str:
    """A small book on pictures: a frame, and somebody before it."""
    return _small_book(
        pick, line("M168 268h76v44h-76z", "#f6f3ec", 5) + disc(206, 334, 9, "#f6f3ec")
    )


def _small_book(pick: random.Random, picture: str) -> str:
    cover = pick.choice(INKS)
    spine = path("M138 236h14v161h-14z", "#00000040")
    return (
        shadow(76)
        + path("M262 236l12-7v160l-12 8z", "#f6f3ec")
        + path("M138 236l12-7h124l-12 7z", "#e6e2da")
        + rounded("M138 236h124v161H138z", cover, spine + picture)
        + box(166, 358, 80, 6, "#e2b04a")
    )


def sketchbook(pick: random.Random) -> str:
    rings = "".join(f"M112 {y}h22" for y in range(236, 392, 13))
    drawn = line("M160 344c20-60 50-70 62-30 8 28 26 26 34-6", "#33363a", 4) + line(
        "M150 362h112", "#33363a", 3
    )
    pencil = (
        '<g transform="rotate(34 300 300)">'
        + box(294, 210, 12, 120, "#e2b04a")
        + path("M294 330h12l-6 18z", "#e6c48a")
        + "</g>"
    )
    return (
        shadow(100)
        + rounded("M122 220h168v177H122z", pick.choice(INKS))
        + box(138, 228, 146, 162, "#f3efe6")
        + drawn
        + line(rings, "#8d939b", 5)
        + pencil
    )


def blanket(pick: random.Random) -> str:
    sea, land = pick.choice(
        (("#24406e", "#e9e2d6"), ("#1f4e5f", "#e6c99a"), ("#3d4a5c", "#b9cfc6"))
    )
    islands = "".join(
        f'<ellipse cx="{pick.randint(136, 264)}" cy="{y}"'
        f' rx="{pick.randint(8, 24)}" ry="{pick.randint(5, 10)}" fill="{land}"/>'
        for y in range(146, 356, 19)
        for _ in range(2)
    )
    fringe = "".join(f"M{x} 374v18" for x in range(116, 290, 9))
    return (
        box(84, 108, 232, 10, "#a8743c", 4)
        + '<path d="M118 122h180v258H118z" opacity=".22"/>'
        + rounded("M110 112h180v262H110z", sea, islands)
        + line("M110 132h180M110 358h180", land, 3)
        + line(fringe, land, 3)
    )


def cushion(pick: random.Random) -> str:
    linen = pick.choice(("#e6dcc6", "#8fa3bd", "#7f9a7c"))
    seams = line("M136 284q66-14 132 0M132 340q70 14 138 0", "#00000014", 3)
    return (
        shadow(110)
        + rounded(
            "M92 254c36 12 180 12 216 0 8-2 12 2 10 10-10 40-10 76 0 118 2 8-2 14-10"
            " 12-38-8-178-8-216 0-8 2-12-4-10-12 10-42 10-78 0-118-2-8 2-12 10-10z",
            linen,
            seams,
        )
        + disc(200, 318, 8, "#00000022")
    )


def towel(pick: random.Random) -> str:
    stripe = pick.choice(INKS)
    return (
        '<path d="M148 124h120v262H148z" opacity=".22"/>'
        + disc(200, 108, 8, "#8f6233")
        + line("M200 108c-10 10-10 20 0 26", "#efe6d4", 4)
        + rounded(
            "M140 130c40 12 80 12 120 0v248c-40-10-80-10-120 0z",
            "#f3ede0",
            '<path d="M152 132v248M164 134v246M236 134v246M248 132v248"'
            f' stroke="{stripe}" stroke-width="5"/>',
        )
        + line("M140 356c40-10 80-10 120 0", stripe, 9)
    )


def socks(pick: random.Random) -> str:
    wool, heel = pick.sample(("#5d6d84", "#2c5940", "#a0382b", "#e2b04a", "#4b3560"), 2)
    sock = "M0 0h58v128c0 14 6 20 22 28l40 20c20 12 14 38-10 38H38C14 214 0 196 0 170z"
    one = rounded(
        sock,
        wool,
        box(0, 0, 58, 18, heel)
        + path("M0 150c22-2 38 14 38 64h-6C12 212 0 196 0 170z", heel)
        + path("M100 166l20 10c20 12 14 38-10 38H92c12-14 14-32 8-48z", heel),
    )
    return (
        line("M84 140h232", "#d8c9a0", 5)
        + f'<g transform="translate(104 144)">{one}</g><g transform="translate(196 152)">{one}</g>'
        + box(124, 130, 12, 28, "#8f6233", 2)
        + box(218, 136, 12, 28, "#8f6233", 2)
    )


def apron(pick: random.Random) -> str:
    canvas = pick.choice(("#d9cdb4", "#8fa3bd", "#9a8f80"))
    paint = "".join(
        disc(
            pick.randint(138, 262),
            pick.randint(230, 380),
            pick.randint(3, 8),
            pick.choice((*INKS, "#e2b04a")),
        )
        for _ in range(9)
    )
    return (
        line("M166 140c-6-50 74-50 68 0", canvas, 8)
        + rounded("M162 138h76l14 84c24 8 34 20 34 40v132H114V262c0-20 10-32 34-40z", canvas, paint)
        + line("M114 268c-24 6-34 20-30 40M286 268c24 6 34 20 30 40", canvas, 7)
        + line("M146 292h108v58H146zM200 292v58", "#00000030", 4)
    )


def shirt(pick: random.Random) -> str:
    cotton, ink = pick.choice(
        (("#f3efe8", "#15171a"), ("#24406e", "#f3efe8"), ("#2c5940", "#f3efe8"))
    )
    return (
        line("M200 96c-12-18 18-22 10-4l-10 16-60 30M200 108l60 30", "#8f6233", 5)
        + '<path d="M166 140l-80 44 22 56 32-14v158h136V226l32 14 22-56-80-44z" opacity=".2"/>'
        + rounded("M160 130c14 22 66 22 80 0l66 38-22 58-30-14v168H146V212l-30 14-22-58z", cotton)
        + line("M164 228h72v62h-72zM200 228v22M200 268v22", ink, 5)
        + disc(220, 252, 8, "#c2370b")
    )


def toy_boat(pick: random.Random) -> str:
    hull, sail = pick.choice(("#c2370b", "#24406e", "#1f4e5f")), pick.choice(CREAMS)
    return (
        shadow(112)
        + box(174, 190, 7, 152, "#8f6233")
        + box(236, 220, 7, 122, "#8f6233")
        + path("M184 196c40 30 48 70 46 118h-46z", sail)
        + path("M172 208v106h-56c20-26 42-62 56-106z", sail)
        + path("M246 226c34 24 42 56 42 88h-42z", sail)
        + path("M174 190h7l-20-14 13 2z", hull)
        + rounded(
            "M84 334h236c-6 36-26 63-52 63H140c-28 0-50-27-56-63z",
            hull,
            box(80, 334, 244, 12, "#d8b98a"),
        )
        + "".join(disc(x, 366, 6, "#f6f3ec") for x in (160, 200, 240))
    )


def puzzle(pick: random.Random) -> str:
    sky, hill, sun = pick.sample(INKS, 3)
    cuts = line(
        "M150 220v40c14-8 14 22 0 16v60c-14-8-14 22 0 16v40M230 220v60c14-8 14 22"
        " 0 16v96M72 280h50c-8-14 22-14 14 0h60c-8 14 22 14 14 0h118"
        "M72 336h100c-8 14 22 14 14 0h142",
        "#00000055",
        2.5,
    )
    piece = "M0 0h20c-8-14 20-14 14 0h20v22c14-8 14 20 0 14v20H0V36c-14 6-14-20 0-14z"
    return (
        shadow(130)
        + box(72, 218, 256, 174, "#f6f3ec", 3)
        + box(80, 226, 240, 158, sky)
        + path("M80 330c70-60 130 20 240-36v90H80z", hill)
        + disc(256, 268, 26, "#e2b04a" if sun == hill else sun)
        + cuts
        + f'<path d="{piece}" fill="{hill}" stroke="#f6f3ec" stroke-width="2"'
        ' transform="translate(262 352)rotate(16)"/>'
    )


def hourglass(pick: random.Random) -> str:
    wood, sand = pick.choice(WOODS), pick.choice(("#e2b04a", "#d9b98a", "#c98f6c"))
    return (
        shadow(72)
        + line("M140 186v196M260 186v196", wood, 9)
        + path(
            "M154 186h92c0 54-36 78-36 98s36 44 36 98h-92c0-54 36-78 36-98s-36-44-36-98z",
            "#ffffff66",
        )
        + path("M166 226h68c-8 22-26 40-30 54h-8c-4-14-22-32-30-54z", sand)
        + path("M158 382c4-22 22-34 42-34s38 12 42 34z", sand)
        + line("M200 278v76", sand, 3)
        + rounded("M124 170h152v18H124z", wood)
        + rounded("M120 380h160v17H120z", wood)
    )


def clock(pick: random.Random) -> str:
    rim = pick.choice(METALS)
    marks = "".join(
        f'<path d="M200 168v{14 if turn % 90 == 0 else 7}" transform="rotate({turn} 200 260)"/>'
        for turn in range(0, 360, 30)
    )
    hour = pick.randint(0, 11) * 30
    return (
        disc(208, 272, 112, "#00000033")
        + disc(200, 260, 112, rim)
        + '<circle cx="200" cy="260" r="112" fill="url(#round)"/>'
        + disc(200, 260, 100, "#fbfaf6")
        + f'<g stroke="#23262a" stroke-width="5">{marks}</g>'
        + '<g stroke="#15171a" stroke-linecap="round"><path d="M200 268v-54"'
        f' stroke-width="8" transform="rotate({hour} 200 260)"/>'
        + '<path d="M200 274v-92" stroke-width="5"'
        f' transform="rotate({pick.randint(0, 11) * 30} 200 260)"/></g>'
        + line("M200 280v-100", "#c2370b", 2)
        + disc(200, 260, 6, "#c2370b")
    )


def magnets(pick: random.Random) -> str:
    frames = ""
    for x, y, turn in ((116, 150, -4), (212, 160, 3), (122, 276, 2), (208, 282, -3)):
        sky, hill = pick.sample(INKS, 2)
        frames += (
            f'<g transform="translate({x} {y})rotate({turn})"><path'
            ' d="M4 6h76v100H4z" opacity=".25"/>'
            + box(0, 0, 76, 100, pick.choice(("#15171a", *WOODS)))
            + box(8, 8, 60, 84, "#f6f3ec")
            + box(14, 14, 48, 72, sky)
            + path("M14 64c16-16 32 8 48-8v30H14z", hill)
            + disc(pick.randint(26, 50), 36, 10, "#e2b04a")
            + "</g>"
        )
    return frames


def member_card(pick: random.Random) -> str:
    return _card(pick.choice(("#15171a", "#24406e", "#2c5940")), "#f6f3ec", "#c2370b")


def gift_card(pick: random.Random) -> str:
    paper, ribbon = pick.choice(
        (
            ("#f3efe8", "#c2370b"),
            ("#b9cfc6", "#24406e"),
            ("#e9d3b0", "#a0382b"),
            ("#e5b8c0", "#4b3560"),
        )
    )
    loops = "M148 232c-34-40-60-4-34 12 10 6 24 2 34-12zM148 232c34-40 60-4 34 12-10 6-24 2-34-12z"
    bow = path(loops, ribbon)
    return _card(
        paper,
        "#15171a",
        ribbon,
        box(140, 180, 16, 152, ribbon) + box(84, 224, 232, 16, ribbon) + bow,
    )


def _card(paper: str, ink: str, dot: str, on_it: str = "") -> str:
    return (
        '<g transform="rotate(-6 200 256)"><rect x="92" y="190" width="232"'
        ' height="152" rx="12" opacity=".25"/>'
        + box(84, 180, 232, 152, paper, 12)
        + on_it
        + f'<path d="M262 200h34v34h-34z" fill="none" stroke="{ink}" stroke-width="5"/>'
        + disc(285, 223, 6, dot)
        + line("M180 284h104M180 304h72", ink, 6)
        + "</g>"
    )
