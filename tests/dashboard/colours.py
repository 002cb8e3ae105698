"""Contrast of what stands on a page, by WCAG 2.2 s1.4.3 and s1.4.11."""

import re
from collections.abc import Sequence

from tests.dashboard.page import Page

Colour = tuple[float, float, float]

# Every text that can be seen, with its colour and what is painted behind it. Charts: text is `fill`.
SEEN = """
const solid = (colour) => !/rgba\\(.*, 0\\)|transparent/.test(colour);
const behind = (element) => {
    for (let e = element; e; e = e.parentElement)
        if (solid(getComputedStyle(e).backgroundColor)) return getComputedStyle(e).backgroundColor;
    return "rgb(255, 255, 255)";
};
const found = {};
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walk.nextNode()) {
    const element = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    if (!text || !element.checkVisibility() || ["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    const style = getComputedStyle(element), inSvg = element.namespaceURI.endsWith("svg");
    if (inSvg && element.closest("defs")) continue;
    const pair = [inSvg ? style.fill : style.color, behind(element)];
    found[pair.join("|")] = [text, ...pair];
}
return Object.values(found)
"""


def rgb(css: str) -> Colour:
    """From `rgb(…)` or `#rrggbb`."""
    if css.startswith("#"):
        parts: Sequence[float] = [int(css[place : place + 2], 16) for place in (1, 3, 5)]
    else:
        parts = [float(number) for number in re.findall(r"[\d.]+", css)[:3]]
    red, green, blue = parts
    return red, green, blue


def contrast(one: str, another: str) -> float:
    """From 1 to 21."""
    light, dark = sorted((luminance(rgb(one)), luminance(rgb(another))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Colour) -> float:
    linear = [
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def faint_texts(page: Page, at_least: float = 4.5) -> list[str]:
    """Texts with too little contrast."""
    found = page.browser.execute_script(SEEN)
    assert len(found) > 1, "no text is seen"
    return [
        f"{text}: {ink} on {ground} is {contrast(ink, ground):.2f}"
        for text, ink, ground in found
        if contrast(ink, ground) < at_least
    ]
