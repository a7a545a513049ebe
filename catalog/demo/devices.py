"""Telephones, computers, lamps and what belongs to them, drawn."""

import random

from catalog.demo.drawing import (
    CREAMS,
    INKS,
    METALS,
    WOODS,
    box,
    crumbs,
    disc,
    line,
    oval,
    path,
    rounded,
    shadow,
)


def lamp(pick: random.Random) -> str:
    shade, metal = pick.choice(("#fff3cf", "#f7e3c6", "#e8efe6")), pick.choice(METALS)
    foot = "M194 258h12v122h34c5 0 8 4 8 9v8h-96v-8c0-5 3-9 8-9h34z"
    return (
        '<ellipse cx="200" cy="300" rx="170" ry="130" fill="#ffe7a8" opacity=".22"/>'
        + shadow(60)
        + rounded(foot, metal)
        + f'<path d="M150 128h100l46 132H104z" fill="{shade}"/>'
        '<path d="M150 128h100l46 132H104z" fill="url(#round)" opacity=".55"/>'
        '<ellipse cx="200" cy="260" rx="96" ry="11" fill="#fffbe9"/>'
    )


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
        shadow(86)
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
        shadow(120)
        + f'<rect x="98" y="222" width="204" height="144" rx="9" fill="{metal}"/>'
        + f'<rect x="106" y="230" width="188" height="126" rx="3" fill="{sky}"/>'
        + f'<path d="M106 320c40-44 78 12 188-36v72H106z" fill="{hill}"/>'
        + '<circle cx="246" cy="264" r="17" fill="#e2b04a"/>'
        + rounded("M76 366h248l10 22c2 5-1 9-7 9H73c-6 0-9-4-7-9z", metal)
    )


def headphones(pick: random.Random) -> str:
    shell, pad = pick.choice(METALS), pick.choice(INKS)
    return (
        shadow(80)
        + f'<path d="M122 330v-40a78 86 0 0 1 156 0v40" fill="none" stroke="{shell}"'
        + ' stroke-width="16"/>'
        + rounded("M100 308c0-10 8-18 18-18h16v106h-16c-10 0-18-8-18-18z", shell)
        + rounded("M300 308c0-10-8-18-18-18h-16v106h16c10 0 18-8 18-18z", shell)
        + f'<path d="M134 296h14v94h-14zM252 296h14v94h-14z" fill="{pad}"/>'
    )


def slab_phone(pick: random.Random) -> str:
    """A flat phone with three cameras in a row."""
    row = ""
    return phone(pick, (row, ((148, 168), (148, 202), (148, 236))))


def key_phone(pick: random.Random) -> str:
    case, glow = pick.choice(("#24406e", "#a0382b", "#23262a")), pick.choice(("#b9d8c6", "#cfe0ea"))
    keys = "".join(
        box(x, y, 26, 16, "#f3efe8", 6) for y in (316, 338, 360) for x in (152, 187, 222)
    )
    return (
        shadow(66)
        + rounded(
            "M134 196c0-16 10-26 26-26h80c16 0 26 10 26 26v178c0 14-10"
            " 23-26 23h-80c-16 0-26-9-26-23z",
            case,
        )
        + box(150, 192, 100, 78, "#111", 6)
        + box(156, 198, 88, 66, glow, 3)
        + line("M166 214h50M166 228h34M166 242h58", "#3a4a44", 5)
        + oval(200, 292, 24, 11, "#f3efe8")
        + keys
    )


def tablet(pick: random.Random) -> str:
    sky, hill, sun = pick.sample(INKS, 3)
    return (
        shadow(116)
        + box(92, 178, 216, 219, "#23262a", 16)
        + box(104, 190, 192, 195, "#f6f3ec", 4)
        + path("M104 320c50-54 92 20 192-40v101a4 4 0 0 1-4 4H108a4 4 0 0 1-4-4z", hill)
        + disc(240, 244, 26, sun)
        + line("M124 236q26-30 52-4t40-8", sky, 4)
        + '<g transform="rotate(14 320 300)">'
        + box(314, 196, 12, 190, "#f3efe8", 6)
        + path("M314 382h12l-6 18z", "#555b64")
        + "</g>"
    )


def reader(pick: random.Random) -> str:
    lines = "".join(f"M142 {y}h{pick.choice((108, 112, 116, 96))}" for y in range(228, 356, 13))
    return (
        shadow(88)
        + rounded(
            "M118 158h164c8 0 14 6 14 14v211c0 8-6 14-14 14H118c-8"
            " 0-14-6-14-14V172c0-8 6-14 14-14z",
            pick.choice(("#2b2e33", "#e6e2da", "#5d6d84")),
        )
        + box(126, 178, 148, 192, "#f0ede4")
        + line("M142 204h60", "#33363a", 8)
        + line(lines, "#8d8a84", 4)
    )


def keyboard(pick: random.Random) -> str:
    case, key, accent = pick.choice(METALS[1:]), "#f6f3ec", pick.choice(INKS)
    keys = "".join(
        box(x, y, 20, 15, accent if (x, y) in ((84, 328), (300, 364)) else key, 4)
        for y in (328, 346, 364)
        for x in range(84, 306, 24)
    )
    return (
        shadow(130)
        + path("M58 316h284l14 76c1 4-1 5-5 5H49c-4 0-6-1-5-5z", case)
        + path("M58 316h284l3 14H55z", "#ffffff")
        + '<g transform="matrix(1 0 0 1 0 -2)">'
        + keys
        + box(132, 380, 136, 12, key, 4)
        + "</g>"
    )


def mouse(pick: random.Random) -> str:
    stone = pick.choice(("#c9c6c1", "#e6e2da", "#7d838b"))
    body = "M96 388c-6-50 40-92 108-92s112 42 102 92c-2 12-208 12-210 0z"
    speckle = crumbs(pick, ("#8d939b", "#b7b2aa"), 16, (124, 330, 280, 384))
    return (
        shadow(108)
        + rounded(body, stone, speckle)
        + line("M204 298v40", "#00000040", 3)
        + box(198, 310, 12, 24, "#33363a", 6)
    )


def earbuds(pick: random.Random) -> str:
    case = pick.choice(("#f3efe8", "#23262a", "#b7c4b5"))
    bud = rounded(
        "M0 0c0-18 12-26 26-26s26 10 26 26c0 14-8 22-16 24v44c0 6-16 6-16 0V26C8 22 0 14 0 0z", case
    )
    tip = disc(26, 2, 11, "#33363a")
    return (
        shadow(92)
        + f'<g transform="translate(118 226)rotate(-12)">{bud}{tip}</g>'
        + f'<g transform="translate(228 216)rotate(12)">{bud}{tip}</g>'
        + rounded(
            "M104 330c0-20 14-30 34-30h124c20 0 34 10 34 30v32c0 22-16"
            " 35-38 35H142c-22 0-38-13-38-35z",
            case,
        )
        + line("M104 332h192", "#00000038", 3)
        + disc(200, 350, 5, "#6fcb9a")
    )


def radio(pick: random.Random) -> str:
    shell = pick.choice(("#a0382b", "#c2370b", "#1f4e5f"))
    holes = "".join(
        disc(x, y, 4, "#2a1a14") for y in range(296, 372, 15) for x in range(104, 190, 15)
    )
    return (
        shadow(120)
        + line("M120 256c0-44 160-44 160 0", "#d8c9a0", 12)
        + rounded(
            "M88 252h224c10 0 16 6 16 16v113c0 10-6 16-16 16H88c-10"
            " 0-16-6-16-16V268c0-10 6-16 16-16z",
            shell,
        )
        + box(88, 276, 116, 106, "#e9dcc0", 6)
        + holes
        + disc(262, 312, 38, "#f6f3ec")
        + line("M262 312l20-22", "#c2370b", 5)
        + line("M232 312h8M284 312h8M262 282v8M262 334v8", "#33363a", 3)
        + disc(238, 372, 9, "#e9dcc0")
        + disc(286, 372, 9, "#e9dcc0")
    )


def speaker(pick: random.Random) -> str:
    wool = pick.choice(("#8d939b", "#5d6d84", "#a99c8a"))
    weave = "".join(f"M136 {y}h128" for y in range(208, 386, 7))
    return (
        shadow(92)
        + rounded("M126 172h148c8 0 12 4 12 12v213H114V184c0-8 4-12 12-12z", pick.choice(WOODS))
        + box(130, 188, 140, 200, wool, 6)
        + f'<g opacity=".28">{line(weave, "#15171a", 2)}</g>'
        + '<g opacity=".3">'
        + disc(200, 322, 48, "#15171a")
        + disc(200, 238, 24, "#15171a")
        + "</g>"
        + line("M190 378h20", "#f6f3ec", 4)
    )


def turntable(pick: random.Random) -> str:
    label = pick.choice(INKS)
    grooves = "".join(
        f'<ellipse cx="180" cy="326" rx="{across}" ry="{across * 0.3:.0f}" fill="none"'
        ' stroke="#4a4d52" stroke-width="1.5"/>'
        for across in (84, 70, 56)
    )
    return (
        shadow(136)
        + path("M74 296h252l28 76H46z", pick.choice(WOODS))
        + path("M46 372h308v16c0 6-3 9-9 9H55c-6 0-9-3-9-9z", "#5d3a20")
        + oval(180, 330, 104, 31, "#8d939b")
        + oval(180, 326, 98, 29, "#15171a")
        + grooves
        + oval(180, 326, 34, 10, label)
        + oval(180, 326, 4, 1.5, "#f6f3ec")
        + line("M304 306l-12 34-50 6", "#d8dadd", 6)
        + oval(304, 306, 15, 6, "#8d939b")
        + box(226, 340, 20, 10, "#33363a", 2)
    )


def clip_lamp(pick: random.Random) -> str:
    metal = pick.choice(("#c2370b", "#23262a", "#1f4e5f", "#e2b04a"))
    return (
        '<path d="M120 214l-70 130h190z" fill="#ffe7a8" opacity=".34"/>'
        + box(140, 362, 190, 14, "#8f6233", 2)
        + box(150, 376, 12, 21, "#6b4626")
        + box(308, 376, 12, 21, "#6b4626")
        + path("M236 330h52v66h-52v-16h34v-34h-34z", "#33363a")
        + line("M262 334c20-60-20-92-72-122", "#8d939b", 9)
        + '<g transform="rotate(28 152 190)">'
        + rounded("M104 216c0-40 20-62 48-62s48 22 48 62z", metal)
        + oval(152, 216, 48, 9, "#fffbe9")
        + "</g>"
    )


def lantern(pick: random.Random) -> str:
    metal = pick.choice(("#2c5940", "#33363a", "#a0382b"))
    return (
        '<ellipse cx="200" cy="310" rx="150" ry="120" fill="#ffe7a8" opacity=".26"/>'
        + shadow(70)
        + line("M160 214c0-62 80-62 80 0", metal, 6)
        + path("M146 224l18-26h72l18 26z", metal)
        + box(148, 224, 104, 146, "#fff3cf")
        + oval(200, 312, 17, 40, "#ffd36b")
        + oval(200, 322, 8, 22, "#fffbe9")
        + line("M150 224v146M184 224v146M216 224v146M250 224v146", metal, 5)
        + rounded("M136 368h128v20c0 6-3 9-9 9H145c-6 0-9-3-9-9z", metal)
    )


def globe_lamp(pick: random.Random) -> str:
    warm = pick.choice(("#ffcf8a", "#ffc27a", "#ffdca6"))
    return (
        '<circle cx="200" cy="296" r="160" fill="#ffe0a0" opacity=".24"/>'
        + shadow(72)
        + disc(200, 288, 92, warm)
        + disc(200, 300, 70, "#ffe6b8")
        + disc(200, 316, 44, "#fff6df")
        + '<circle cx="200" cy="288" r="92" fill="url(#round)" opacity=".4"/>'
        + rounded("M138 364h124l10 33H128z", pick.choice(WOODS))
    )


def charger(pick: random.Random) -> str:
    shell = pick.choice(CREAMS)
    return (
        shadow(76)
        + box(166, 196, 14, 46, "#8d939b", 4)
        + box(220, 196, 14, 46, "#8d939b", 4)
        + rounded(
            "M140 236h120c14 0 22 8 22 22v117c0 14-8 22-22 22H140c-14"
            " 0-22-8-22-22V258c0-14 8-22 22-22z",
            shell,
        )
        + box(166, 300, 68, 16, "#33363a", 8)
        + box(166, 336, 68, 16, "#33363a", 8)
        + line("M206 262l-12 14h14l-12 14", "#e2b04a", 4)
    )


def cable(pick: random.Random) -> str:
    cotton = pick.choice(INKS)
    coil = "".join(
        f'<ellipse cx="200" cy="{y}" rx="{across}" ry="30" fill="none" stroke="{cotton}"'
        ' stroke-width="12"/>'
        for y, across in ((362, 104), (350, 100), (338, 106))
    )
    weave = (
        '<ellipse cx="200" cy="338" rx="106" ry="30" fill="none" stroke="#fff" stroke-width="4"'
        ' stroke-dasharray="4 9" opacity=".5"/>'
    )
    return (
        shadow(112)
        + coil
        + weave
        + line("M298 350c30-8 34-60 6-92", cotton, 12)
        + '<g transform="rotate(-30 296 232)">'
        + box(282, 214, 28, 44, "#f3efe8", 7)
        + box(288, 194, 16, 22, "#8d939b", 4)
        + "</g>"
    )


def power_bank(pick: random.Random) -> str:
    lights = "".join(
        disc(x, 372, 4, "#6fcb9a" if x < 210 else "#8d939b") for x in (176, 192, 208, 224)
    )
    return (
        shadow(76)
        + rounded(
            "M152 176h96c18 0 30 12 30 30v161c0 18-12 30-30 30h-96c-18"
            " 0-30-12-30-30V206c0-18 12-30 30-30z",
            pick.choice(METALS),
        )
        + box(182, 188, 36, 12, "#15171a", 6)
        + line("M206 256l-20 30h26l-20 30", "#f6f3ec", 6)
        + lights
    )


def stand(pick: random.Random) -> str:
    wood, glow = pick.choice(("#d8b98a", "#c9a673", "#e3c99c")), pick.choice(INKS)
    return (
        shadow(96)
        + rounded("M120 372h170c8 0 12 5 12 12v13H108v-13c0-7 4-12 12-12z", wood)
        + path("M232 372l34-150 20 4-30 146z", wood)
        + '<g transform="rotate(13 190 280)">'
        + box(140, 166, 104, 206, "#111", 16)
        + box(146, 172, 92, 194, glow, 12)
        + disc(192, 250, 30, "#e2b04a")
        + "</g>"
        + path("M118 360h90l4 14h-98z", wood)
    )


def sleeve(pick: random.Random) -> str:
    felt, other = pick.choice(
        (("#8d939b", "#5d6d84"), ("#7a8f7c", "#2c5940"), ("#b08d78", "#7a3b22"))
    )
    stitches = (
        '<path d="M78 232v150M322 232v150" stroke="#fff" stroke-width="2"'
        ' stroke-dasharray="7 6" opacity=".6"/>'
    )
    return (
        shadow(136)
        + box(84, 204, 232, 30, "#c9ccd1", 6)
        + rounded("M66 222h268v163c0 8-4 12-12 12H78c-8 0-12-4-12-12z", felt, stitches)
        + path("M66 222h268l-24 84c-4 10-10 14-20 14H110c-10 0-16-4-20-14z", other)
        + disc(200, 300, 11, "#e9dcc0")
        + disc(200, 300, 3, "#5d3a20")
    )


def case(pick: random.Random) -> str:
    cork = pick.choice(("#c99b63", "#d4a972", "#bd8c54"))
    grain = crumbs(pick, ("#a3743f", "#e2c394", "#8f6233"), 44, (142, 168, 258, 386))
    return (
        shadow(76)
        + rounded(
            "M152 150h96c18 0 28 10 28 28v191c0 18-10 28-28 28h-96c-18"
            " 0-28-10-28-28V178c0-18 10-28 28-28z",
            cork,
            grain,
        )
        + box(138, 164, 58, 62, "#2b2e33", 16)
        + disc(156, 182, 11, "#111")
        + disc(178, 208, 11, "#111")
        + disc(156, 182, 5, "#2a3a55")
        + disc(178, 208, 5, "#2a3a55")
    )
