"""Dishes, sweets and drinks, drawn in the colours of food."""

import random
from math import cos, sin, tau

from catalog.demo.drawing import (
    BOWL,
    CREAMS,
    GLAZES,
    LEAVES,
    ball,
    box,
    crumbs,
    disc,
    dots,
    in_bowl,
    leaf,
    line,
    oval,
    path,
    plated,
    rounded,
    shadow,
    steam,
)


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
    return shadow(92) + plate + rounded(body, crust, swirl)


def burger(pick: random.Random) -> str:
    salad = pick.choice(("#6f9a3c", "#87a948", "#5c8a34"))
    return (
        shadow(104)
        + '<ellipse cx="200" cy="388" rx="128" ry="13" fill="#fff"/>'
        + rounded("M112 352h176v16c0 12-10 20-22 20H134c-12 0-22-8-22-20z", "#d29a57")
        + '<rect x="106" y="326" width="188" height="30" rx="13" fill="#5b3420"/>'
        + '<path d="M110 322h180l-22 16-20-10-24 14-24-14-26 14-26-14-20 10z" fill="#f0b83d"/>'
        + '<path d="M102 312c14-10 26 8 40 0s26 8 40 0 26 8 40 0 26 8 40 0 24 2 36 0v14H102z"'
        + f' fill="{salad}"/>'
        + '<rect x="112" y="300" width="176" height="14" rx="7" fill="#c2402a"/>'
        + rounded("M108 300c0-48 40-78 92-78s92 30 92 78z", "#c98a45")
        + '<g fill="#f6ead2"><circle cx="168" cy="254" r="4"/><circle cx="200" cy="242" r="4"/>'
        + '<circle cx="232" cy="256" r="4"/><circle cx="252" cy="278" r="4"/></g>'
    )


def pizza(pick: random.Random) -> str:
    toppings = dots(pick, ("#a63a24", "#6f9a3c", "#f6f3ec", "#3d3a2a"), 14, (130, 300, 270, 350))
    return (
        shadow(130)
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
    leaves = dots(pick, ("#6f9a3c", "#87a948"), 5, (140, 266, 262, 282))
    caps = "".join(
        f'<path d="M{x} {y}c0-26 44-26 44 0z" fill="#c9a27e"/>'
        f'<path d="M{x + 16} {y}h12v13h-12z" fill="#efe6d4"/>'
        for x, y in ((124, 272), (196, 262), (236, 276))
    )
    sticks = '<path d="M262 280l92-96M276 282l90-84" stroke="#a8743c" stroke-width="6"/>'
    body = BOWL
    return (
        shadow(70)
        + sticks
        + f'<ellipse cx="200" cy="284" rx="116" ry="20" fill="{broth}"/>'
        + f'<path d="{strands}" fill="none" stroke="{noodle}" stroke-width="6"/>'
        + caps
        + leaves
        + rounded(body, pick.choice(("#24406e", "#1f4e5f", "#e9e2d6")))
    )


def soup(pick: random.Random) -> str:
    broth = pick.choice(("#d98b2b", "#e0a03a", "#cf7a26"))
    bits = dots(pick, ("#6f9a3c", "#f6f3ec", "#8a6238"), 9, (130, 274, 270, 288))
    steam = "".join(
        f'<path d="M{x} 240q-12-20 0-36t0-30" fill="none" stroke="#fff" stroke-width="6"'
        ' stroke-linecap="round" opacity=".55"/>'
        for x in (168, 200, 232)
    )
    body = BOWL
    return (
        steam
        + shadow(70)
        + rounded(body, pick.choice(CREAMS))
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
    colour = dots(pick, ("#c2402a", "#f0b83d", "#f6f3ec", "#8a3b62"), 9, (130, 248, 270, 276))
    body = BOWL
    return leaf + shadow(70) + leaves + colour + rounded(body, pick.choice(GLAZES))


def drink(pick: random.Random) -> str:
    juice = pick.choice(("#e58a1f", "#d96a2b", "#e2a52e"))
    return (
        shadow(58)
        + '<path d="M222 216l26-118" stroke="#c2370b" stroke-width="8"/>'
        + '<path d="M142 176h116l-14 221h-88z" fill="#fff" opacity=".55"/>'
        + rounded("M146 222h108l-12 167h-84z", juice)
        + '<g fill="#fff" opacity=".6"><rect x="166" y="236" width="30" height="30" rx="4"/>'
        + '<rect x="206" y="258" width="30" height="30" rx="4"/></g>'
    )


def cake(pick: random.Random) -> str:
    sponge, icing = pick.choice(("#dcb878", "#d9a25f", "#cf9f63")), pick.choice(CREAMS)
    return (
        shadow(104)
        + '<ellipse cx="200" cy="388" rx="128" ry="13" fill="#fff"/>'
        + rounded("M110 300l180-22v104H110z", sponge)
        + f'<path d="M110 336l180-12v14l-180 12z" fill="{icing}"/>'
        + f'<path d="M110 300l180-22-60-26-120 36z" fill="{icing}"/>'
        + '<circle cx="214" cy="256" r="14" fill="#b5252c"/>'
    )


def ramen(pick: random.Random) -> str:
    broth = pick.choice(("#b8742c", "#c4853a", "#a8652a"))
    strands = "".join(
        f"M{x} {pick.randint(280, 292)}q14-{pick.randint(8, 16)} 28 0t28 0"
        for x in range(118, 208, 9)
    )
    egg = oval(236, 278, 24, 16, "#fffaf0") + oval(238, 278, 12, 8.5, "#eda52e")
    nori = path("M262 226h34l8 46-34 6z", "#20301f")
    meat = oval(162, 272, 30, 14, "#c98f6c") + line("M140 272q22-12 44 0", "#f0d9c4", 5)
    onions = crumbs(pick, LEAVES, 12, (140, 284, 262, 304))
    sticks = line("M104 250L44 168M116 246L60 160", "#8f4a2c", 6)
    food = nori + line(strands, "#efd08a", 5) + meat + egg + onions
    return sticks + in_bowl(pick.choice(("#24406e", "#8c2b22", "#2b2e33")), broth, food)


def rice_bowl(pick: random.Random) -> str:
    salmon = "".join(
        f'<g transform="translate({x} {y})rotate(-18)">'
        + box(0, 0, 54, 20, "#f0855a", 6)
        + line("M12 1l-5 18M26 1l-5 18M40 1l-5 18", "#ffd2bd", 3)
        + "</g>"
        for x, y in ((122, 276), (150, 286), (182, 292))
    )
    beans = "".join(
        oval(x, y, 7, 5, pick.choice(LEAVES)) for x, y in ((236, 268), (252, 276), (240, 284))
    )
    seaweed = path("M256 250l34 4-4 34-26-6z", "#20301f")
    rice = oval(200, 284, 92, 24, "#fbf8f0")
    seeds = crumbs(pick, ("#3a3326", "#e8dcc0"), 12, (150, 264, 250, 302))
    return in_bowl(
        pick.choice(("#1f4e5f", "#2b2e33", "#4b3560")),
        "#efe9dc",
        rice + seaweed + salmon + beans + seeds,
    )


def curry(pick: random.Random) -> str:
    sauce = pick.choice(("#d98a24", "#c9642a", "#e0a52c", "#b8562a"))
    rice = path("M226 268c10-34 62-30 70 10 2 12-30 24-48 22-18-2-26-18-22-32z", "#fbf8f0")
    pieces = "".join(
        oval(pick.randint(130, 210), pick.randint(274, 300), 14, 9, "#f2cf8e") for _ in range(5)
    )
    cream = line("M122 290q30-22 60-4t40-6", "#fff6e2", 4)
    herbs = "".join(leaf(x, 284, turn, LEAVES[1]) for x, turn in ((168, -40), (172, 30)))
    return in_bowl(
        pick.choice(("#b98a52", "#8f8a84", "#7a3b22")), sauce, pieces + cream + rice + herbs
    )


def hummus(pick: random.Random) -> str:
    swirl = line("M128 290c10-30 140-34 146-4 4 20-108 26-112 6-2-14 74-18 78-6", "#c9a877", 6)
    oil = oval(206, 288, 26, 8, "#c9a21f")
    peas = "".join(
        disc(x, y, 6, "#e0b868") for x, y in ((150, 276), (164, 270), (250, 296), (236, 302))
    )
    spice = crumbs(pick, ("#b5402a",), 12, (150, 270, 256, 302))
    return in_bowl(pick.choice(GLAZES), "#e6cfa3", swirl + oil + peas + spice)


def dip(pick: random.Random) -> str:
    chips = "".join(
        f'<path d="M0 0l46-10-14-50z" fill="#e8b955" stroke="#c48f30" stroke-width="3"'
        f' transform="translate({x} {y})rotate({turn})"/>'
        for x, y, turn in (
            (96, 286, -30),
            (130, 270, -8),
            (218, 268, 12),
            (256, 280, 40),
            (176, 262, 4),
        )
    )
    chunks = dots(pick, ("#a3bd5c", "#87a948", "#c2402a", "#f3efe8"), 10, (136, 276, 264, 300))
    return chips + in_bowl("#5b5750", "#93ad4b", chunks)


def shakshuka(pick: random.Random) -> str:
    handle = box(300, 300, 92, 18, "#26282b", 8)
    pan = oval(196, 330, 138, 50, "#33363a") + oval(196, 322, 132, 44, "#1f2124")
    sauce = oval(196, 322, 118, 37, "#c0392a")
    bits = dots(pick, ("#a32c20", "#d4543a", "#e0763c"), 12, (110, 302, 280, 346))
    eggs = "".join(
        oval(x, y, 36, 16, "#fffaf2") + oval(x + 3, y - 2, 14, 8, "#f0ad2e")
        for x, y in ((154, 316), (236, 328))
    )
    herbs = crumbs(pick, LEAVES, 16, (110, 298, 284, 348))
    foot = path("M66 338c6 40 80 58 130 58s124-18 130-58z", "#26282b")
    return shadow(120) + handle + foot + pan + sauce + bits + eggs + herbs


def meatballs(pick: random.Random) -> str:
    mash = path("M110 340c0-40 26-52 54-48 30 4 44 26 40 50-4 22-94 22-94-2z", "#f3e3b3")
    sauce = oval(226, 350, 70, 22, "#8a5a30")
    balls = "".join(
        ball(x, y, 19, "#6b3f22")
        for x, y in (
            (206, 322),
            (242, 318),
            (276, 334),
            (192, 342),
            (228, 340),
            (262, 354),
            (214, 360),
        )
    )
    berries = "".join(ball(pick.randint(122, 158), y, 7, "#b5252c") for y in (346, 354, 358, 364))
    return plated(sauce + mash + balls + berries + leaf(150, 312, 20, LEAVES[2]))


def fish_plate(pick: random.Random) -> str:
    slices = "".join(
        f'<g transform="translate({x} {y})rotate(-10)">'
        + box(0, 0, 74, 34, "#5d3a20", 8)
        + box(3, -5, 70, 32, "#8a5c34", 8)
        + path("M6 10c16-22 44-22 62 0-18 16-46 16-62 0z", "#aebfc9")
        + line("M12 10q24-12 48 0", "#dfe8ec", 3)
        + disc(54, 14, 8, "#fff8e6")
        + disc(54, 14, 4, "#eda52e")
        + "</g>"
        for x, y in ((86, 338), (166, 326), (244, 342))
    )
    herbs = line("M110 332l16-10M196 320l16-8M270 334l14-8", LEAVES[2], 3)
    return plated(slices + herbs + crumbs(pick, LEAVES, 8, (100, 318, 300, 372)))


def pasta(pick: random.Random) -> str:
    strand = pick.choice(("#eac36a", "#f0cf82"))
    nest = "".join(
        f"M{pick.randint(112, 140)}"
        f" {y}q{pick.randint(30, 60)}-{pick.randint(16, 34)} 74-4t{pick.randint(60, 90)} 4"
        for y in range(326, 372, 4)
    )
    sauce = path(
        "M148 316c20-34 84-36 104 0 8 20-112 24-104 0z", pick.choice(("#a63a24", "#9a5a2c"))
    )
    bits = dots(pick, ("#8a3320", "#b8563a", "#d9a25f"), 7, (160, 298, 244, 318))
    leaves = leaf(196, 306, -35, LEAVES[2]) + leaf(204, 306, 30, LEAVES[1])
    return plated(oval(200, 344, 96, 34, strand) + line(nest, "#c9963c", 3) + sauce + bits + leaves)


def gnocchi(pick: random.Random) -> str:
    heap = "".join(
        oval(x, y, 18, 12, "#efd9a0")
        + line(f"M{x - 9} {y - 4}h18M{x - 9} {y + 2}h18", "#d3b266", 2)
        for y in range(322, 372, 13)
        for x in range(122 + y % 2 * 12 + abs(y - 346) // 2, 292 - abs(y - 346) // 2, 31)
    )
    nuts = dots(pick, ("#a5733c", "#8a5a2c"), 5, (150, 312, 250, 352))
    return plated(heap + nuts + leaf(190, 312, -40, LEAVES[2]) + leaf(202, 312, 30, LEAVES[1]))


def rice_plate(pick: random.Random) -> str:
    heap = path("M104 352c4-52 44-78 96-78s92 26 96 78c-20 22-172 22-192 0z", "#edc24a")
    grains = "".join(
        f"M{pick.randint(124, 270)}"
        f" {pick.randint(304, 358)}l{pick.randint(4, 7)} {pick.randint(-4, 4)}"
        for _ in range(40)
    )
    bits = dots(pick, ("#c2402a", "#87a948", "#f6f3ec", "#b5742c"), 9, (130, 300, 270, 354))
    return plated(heap + line(grains, "#fff3c4", 3) + bits + leaf(200, 290, 10, LEAVES[1]))


def sushi(pick: random.Random) -> str:
    board = box(62, 366, 276, 18, "#5d3a20", 4) + box(62, 330, 276, 38, "#8f6233", 4)
    fish = ("#f0855a", "#f3b199", "#e86a4a", "#f5d16a")
    nigiri = "".join(
        box(x + 3, 326, 52, 22, "#fbf8f0", 9)
        + path(f"M{x} 332c4-22 54-22 58 0l-2 6h-54z", colour)
        + line(f"M{x + 16} 332l6-12M{x + 32} 332l6-12", "#fff0e6", 2.5)
        for x, colour in zip((74, 138, 202, 266), pick.sample(fish, 4), strict=True)
    )
    rolls = "".join(
        oval(x, 366, 17, 13, "#1c2a1e")
        + oval(x, 364, 13, 9.5, "#fbf8f0")
        + oval(x, 364, 5, 4, colour)
        for x, colour in zip(range(92, 330, 36), ("#f0855a", "#87a948") * 4, strict=False)
    )
    return (
        shadow(130)
        + board
        + nigiri
        + rolls
        + box(84, 384, 20, 13, "#5d3a20")
        + box(296, 384, 20, 13, "#5d3a20")
    )


def dumplings(pick: random.Random) -> str:
    one = (
        path("M0 0c4-34 62-34 68 0 2 14-70 14-68 0z", "#f0dfb8")
        + path("M0 0c4 12 64 12 68 0 2 16-70 16-68 0z", "#c98f45")
        + line("M10-10l5-9M22-17l3-9M36-18v-9M50-14l4-8", "#cdb483", 3)
    )
    places = ((92, 336), (166, 326), (240, 336), (100, 364), (172, 372), (238, 364))
    heap = "".join(f'<g transform="translate({x} {y})">{one}</g>' for x, y in places)
    return plated(heap + crumbs(pick, ("#3d3a2a", *LEAVES), 14, (100, 312, 300, 372)))


def falafel(pick: random.Random) -> str:
    greens = "".join(
        leaf(x, 342, turn, pick.choice(LEAVES))
        for x, turn in ((104, -60), (116, -20), (130, 20), (108, -90))
    )
    balls = "".join(
        ball(x, y, 21, "#8a5a2c")
        for x, y in ((150, 336), (190, 322), (230, 332), (172, 358), (212, 360))
    )
    pickles = "".join(
        box(x, y, 30, 8, "#e0609a", 4) for x, y in ((252, 340), (258, 350), (250, 360), (262, 330))
    )
    sauce = oval(128, 364, 26, 9, "#f3e6c8")
    return plated(
        greens + sauce + balls + pickles + crumbs(pick, ("#efe0b8",), 14, (140, 312, 240, 360))
    )


def wrap(pick: random.Random) -> str:
    filling = ("#6f9a3c", "#c2402a", "#f6f3ec", "#c98f45", "#8a3b62")
    halves = ""
    for x, turn in ((134, -8), (226, 10)):
        inside = "".join(
            disc(pick.randint(14, 62), pick.randint(-8, 6), 8, colour)
            for colour in pick.sample(filling, 5)
        )
        halves += (
            f'<g transform="translate({x} 260)rotate({turn} 38 130)">'
            + rounded("M0 0h76l-6 136H6z", "#e6c48a")
            + path("M2 60h72l-4 76H6z", "#f6f3ec")
            + path("M2 60l12 10 12-10 12 10 12-10 12 10 12-10v10H3z", "#dcd6cb")
            + oval(38, 0, 38, 14, "#d9b071")
            + oval(38, 0, 31, 10, "#7a8f3c")
            + inside
            + "</g>"
        )
    return shadow(104) + oval(200, 390, 128, 10, "#fff") + halves


def tacos(pick: random.Random) -> str:
    all_three = ""
    for x, y in ((84, 336), (150, 348), (216, 360)):
        filling = "".join(
            disc(x + pick.randint(10, 90), y - pick.randint(34, 52), pick.randint(7, 11), colour)
            for colour in (
                "#8a3b62",
                "#f6f3ec",
                "#6f9a3c",
                "#c2402a",
                "#e7b04b",
                "#87a948",
                "#f6f3ec",
            )
        )
        all_three += (
            path(f"M{x} {y}c-2-74 102-84 104-6z", "#c98f3a")
            + filling
            + path(f"M{x - 2} {y + 8}c2-66 92-70 104-2-30 12-74 12-104 2z", "#ebbe62")
            + crumbs(pick, ("#c98f3a",), 6, (x + 16, y - 22, x + 84, y))
        )
    return plated(all_three + path("M290 330l26 8-22 18z", "#a3bd5c"))


def enchiladas(pick: random.Random) -> str:
    rolls = "".join(
        f'<g transform="translate({x} {y})">'
        + rounded(
            "M0 0c0-12 14-18 28-18h94c14 0 22 8 22 18s-8 20-22 20H28C14 20 0 12 0 0z", "#e2b56c"
        )
        + path("M18-18h92l8 36c-34 10-74 8-104 0z", "#4a2418")
        + "</g>"
        for x, y in ((112, 318), (124, 342), (136, 366))
    )
    top = line("M150 314q24-10 44 4t46-4M166 348q24-10 44 4t40-2", "#fbf6ea", 4)
    return plated(rolls + top + crumbs(pick, ("#f3e6c8", *LEAVES), 22, (136, 304, 262, 374)))


def quiche(pick: random.Random) -> str:
    filling = pick.choice(("#f0cf7a", "#eac468"))
    bits = crumbs(pick, LEAVES, 18, (150, 268, 282, 296))
    return (
        shadow(104)
        + oval(200, 388, 128, 13, "#fff")
        + path("M104 300l196-34v104l-8 10H110z", "#c98f45")
        + path("M112 312l180-30v78l-180 8z", filling)
        + path("M104 300l196-34-70-22-122 42z", "#dca94e")
        + bits
        + line("M124 336l10-4M160 346l12-2M204 330l12-3M250 340l12-2", LEAVES[0], 5)
        + path("M296 262c12 0 16 10 12 20l-8 88-10 10z", "#b5782f")
    )


def ratatouille(pick: random.Random) -> str:
    colours = ("#5b2f4f", "#c2402a", "#8fae4a", "#e7b04b")
    slices = "".join(
        oval(200 + across * right, 346 + up * down, 21, 11, "#f0e0b4")
        + oval(200 + across * right, 345 + up * down, 18, 9, colours[(number + ring) % 4])
        for ring, (across, up, count) in enumerate(((98, 26, 14), (58, 14, 9), (18, 4, 3)))
        for number in range(count)
        for right, down in [_turned(number / count)]
    )
    dish = oval(200, 354, 136, 44, "#7a3b22") + oval(200, 348, 124, 37, "#b5402a")
    return (
        shadow(128)
        + path("M66 352h268c0 26-60 45-134 45S66 378 66 352z", "#642f1b")
        + dish
        + slices
    )


def _turned(part: float) -> tuple[float, float]:
    return cos(part * tau), sin(part * tau)


def toast(pick: random.Random) -> str:
    one = (
        path("M0 30h150v30c0 8-6 12-14 12H14C6 72 0 68 0 60z", "#b5762f")
        + box(4, 44, 142, 10, "#e89a94", 4)
        + path(
            "M-6 20c0-16 12-22 30-22h102c18 0 30 6 30 22 0 12-10 8-14 18-4 12-12"
            " 4-18-4-10 10-18 16-26 2-10 8-22 10-30-2-12 12-22 10-32"
            " 0-10 10-18 6-22-2-8 4-20 2-20-12z",
            "#f2c75c",
        )
    )
    marks = crumbs(pick, ("#c9832e", "#a8642a"), 22, (128, 296, 276, 316))
    return plated(
        f'<g transform="translate(126 292)">{one}</g>'
        + marks
        + leaf(290, 352, 60, LEAVES[0])
        + leaf(296, 362, 90, LEAVES[1])
    )


def fries(pick: random.Random) -> str:
    sticks = "".join(
        f'<rect x="{x}" y="{pick.randint(196, 236)}" width="13" height="120" rx="3"'
        f' fill="{pick.choice(("#f0c552", "#e5b13c", "#f5d578"))}"'
        f' transform="rotate({(x - 194) // 6} {x} 320)"/>'
        for x in range(136, 258, 11)
    )
    bag = rounded("M122 280c30 18 126 18 156 0l-16 117H138z", "#f6f3ec")
    plan = line("M160 330h80v44h-80zM200 330v16M200 360v14", "#15171a", 4) + disc(
        222, 356, 6, "#c2370b"
    )
    return shadow(74) + sticks + bag + plan


def skewers(pick: random.Random) -> str:
    sticks = ""
    for x, y in ((70, 330), (84, 350), (98, 370)):
        pieces = "".join(
            box(step, -14, 30, 26, pick.choice(("#b8742c", "#a5622a", "#c98436")), 8)
            + box(step + 31, -11, 8, 20, pick.choice(("#6f9a3c", "#c2402a", "#f3e6c8")), 4)
            for step in range(38, 178, 41)
        )
        stick = line("M0 0h236", "#d8b47a", 5)
        sticks += f'<g transform="translate({x} {y})rotate(-6)">{stick}{pieces}</g>'
    return plated(sticks + crumbs(pick, ("#f3e6c8",), 22, (120, 304, 280, 366)))


def tart(pick: random.Random) -> str:
    salt = crumbs(pick, ("#fff", "#e8dcc8"), 16, (130, 320, 270, 352))
    return plated(
        path("M86 338h228l-16 34c-40 20-156 20-196 0z", "#b5762f")
        + oval(200, 338, 114, 36, "#d29a57")
        + oval(200, 338, 100, 30, "#3a1f16")
        + line("M128 330q40-20 92-14", "#6b4434", 4)
        + salt
    )


def pie(pick: random.Random) -> str:
    berries = dots(pick, ("#2d2a5a", "#3f3a78", "#241f47"), 34, (112, 316, 288, 352))
    lattice = "".join(f"M{x} 306l44 58" for x in range(90, 280, 34))
    lattice += "".join(f"M{x} 306l-44 58" for x in range(126, 320, 34))
    return (
        shadow(120)
        + path("M68 340h264l-22 50H90z", "#d8d2c6")
        + oval(200, 340, 132, 42, "#eee9df")
        + oval(200, 336, 118, 36, "#35306a")
        + berries
        + '<clipPath id="rim"><ellipse cx="200" cy="336" rx="118" ry="36"/></clipPath>'
        + f'<g clip-path="url(#rim)">{line(lattice, "#dba65c", 9)}</g>'
        + '<ellipse cx="200" cy="336" rx="118" ry="36" fill="none" stroke="#c98f45"'
        + ' stroke-width="13"/>'
    )


def coffee(pick: random.Random) -> str:
    glaze = pick.choice(("#f3efe8", "#b9cfc6", "#24406e"))
    return (
        steam()
        + shadow(96)
        + oval(196, 384, 112, 12, glaze)
        + line("M264 292c40-4 44 52-10 56", glaze, 13)
        + rounded("M122 272h150c0 62-22 108-52 112h-46c-30-4-52-50-52-112z", glaze)
        + oval(197, 272, 75, 16, "#fff")
        + oval(197, 274, 66, 12, "#3f2415")
        + oval(182, 272, 22, 4, "#6b4226")
    )


def tea(pick: random.Random) -> str:
    mint = "".join(
        leaf(x, y, turn, pick.choice(LEAVES))
        for x, y, turn in (
            (170, 262, -30),
            (190, 250, 0),
            (214, 262, 30),
            (206, 290, 60),
            (180, 300, -70),
        )
    )
    return (
        steam()
        + shadow(62)
        + path("M140 232h120l-14 165h-92z", "#ffffff")
        + rounded("M144 258h112l-12 130h-88z", pick.choice(("#c9a23a", "#b8942e")))
        + mint
        + line("M142 246h116", "#d9b24a", 5)
        + box(148, 350, 104, 5, "#e9c45a")
    )
