"""What the drawers of the demo shop draw with: colours, light and simple shapes."""

import random

GLAZES = ("#e9e2d6", "#b9cfc6", "#c9a27e", "#7fa193", "#d9d5cd", "#8fa3bd")
CELADONS = ("#b9cfc6", "#a9c4b4", "#c0d2c4")
INKS = ("#24406e", "#c2370b", "#1f4e5f", "#a0382b", "#2c5940", "#4b3560")
METALS = ("#23262a", "#8d939b", "#c9ccd1", "#5d6d84", "#b7c4b5", "#d8c3c0")
CREAMS = ("#f3efe8", "#f6f3ec", "#efe6d4")
WOODS = ("#a8743c", "#b98a52", "#8f6233")
LEAVES = ("#6f9a3c", "#87a948", "#4f7d34", "#a3bd5c")

BOWL = "M84 284h232c0 62-40 100-80 108v5h-72v-5c-40-8-80-46-80-108z"

PLINTH = (
    '<rect x="70" y="396" width="260" height="104" fill="#e9e7e4"/>'
    '<rect x="70" y="396" width="260" height="9" fill="#fff" opacity=".45"/>'
    '<rect x="286" y="405" width="44" height="95" fill="#c9c6c1" opacity=".6"/>'
)


def shadow(radius: int) -> str:
    return f'<ellipse cx="208" cy="398" rx="{radius}" ry="5.5" opacity=".3"/>'


def rounded(path: str, fill: str, on_it: str = "") -> str:
    """A body of one colour with what is painted on it, shaded as if it were round."""
    return f'<path d="{path}" fill="{fill}"/>{on_it}<path d="{path}" fill="url(#round)"/>'


def path(d: str, fill: str) -> str:
    return f'<path d="{d}" fill="{fill}"/>'


def line(d: str, stroke: str, width: float = 4) -> str:
    return f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}"/>'


def box(x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> str:
    corner = f' rx="{radius}"' if radius else ""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}"{corner} fill="{fill}"/>'


def oval(x: float, y: float, across: float, up: float, fill: str) -> str:
    return f'<ellipse cx="{x:.4g}" cy="{y:.4g}" rx="{across}" ry="{up}" fill="{fill}"/>'


def disc(x: float, y: float, radius: float, fill: str) -> str:
    return f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:.3g}" fill="{fill}"/>'


def dots(pick: random.Random, colours: tuple[str, ...], count: int, box: tuple[int, ...]) -> str:
    left, top, right, bottom = box
    return "".join(
        disc(
            pick.randint(left, right),
            pick.randint(top, bottom),
            pick.randint(6, 13),
            pick.choice(colours),
        )
        for _ in range(count)
    )


def crumbs(pick: random.Random, colours: tuple[str, ...], count: int, box: tuple[int, ...]) -> str:
    """Small dots: seeds, herbs, salt."""
    left, top, right, bottom = box
    return "".join(
        disc(pick.randint(left, right), pick.randint(top, bottom), 3, pick.choice(colours))
        for _ in range(count)
    )


def leaf(x: int, y: int, turn: int, fill: str) -> str:
    return (
        f'<path d="M0 0c-9-10-8-26 0-36 8 10 9 26 0 36z" fill="{fill}"'
        f' transform="translate({x} {y})rotate({turn})"/>'
    )


def ball(x: int, y: int, radius: int, fill: str) -> str:
    shine = disc(x - radius * 0.3, y - radius * 0.35, radius * 0.28, "#fff")
    return disc(x, y, radius, fill) + f'<g opacity=".3">{shine}</g>'


def plated(food: str) -> str:
    """On a white plate, seen from a little above."""
    plate = oval(200, 352, 142, 46, "#fff") + oval(200, 350, 114, 35, "#e6e2da")
    return shadow(130) + plate + food


def in_bowl(glaze: str, filled: str, food: str) -> str:
    """In a bowl that is seen from a little above."""
    rim = oval(200, 284, 116, 34, glaze) + '<ellipse cx="200" cy="284" rx="116" ry="34" '
    rim += 'fill="#fff" opacity=".35"/>' + oval(200, 287, 106, 28, filled)
    return shadow(70) + rounded(BOWL, glaze) + rim + food


def steam() -> str:
    curls = "".join(f"M{x} 240q-12-20 0-36t0-30" for x in (168, 200, 232))
    return (
        f'<path d="{curls}" fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round"'
        ' opacity=".55"/>'
    )


def framed(picture: str, paper: str = "#f6f3ec") -> str:
    """A print in its frame; the picture fills x 126 to 274, y 132 to 348."""
    return (
        '<rect x="99" y="106" width="216" height="288" opacity=".25"/>'
        + box(92, 96, 216, 288, "#1a1a1a")
        + box(102, 106, 196, 268, paper)
        + picture
    )
