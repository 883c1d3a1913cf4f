"""Texts and bytes with something wrong in them."""

from __future__ import annotations

import re
from random import Random

ODD = [
    "", " ", "\n", "\t", "\r", ":", ": ", "-", "- ", "#", "[", "]", "{", "}", "(", ")", "'", '"', "&a", "*a", "<<: ", "!!x ", "|", ">", "%", "?", "@",
    "\\", "\0", "\x1b[31m", "\u202e", "\u2028", "\x85", "é", "卷", "0", "-1", "1.5", "1e9", "1e999", "1/0", "9**9", "3x3", "x", "2 x", "none", "true",
    "i", "cin", "first", "ref", "identity", "add", "concat:", "share=a", "when=", "survive=2", "stride=0", "pad=same", "groups=7", "frozen", "act=bn",
    "gap", "flatten", "linear", "conv", "=", "==", ",", "//", "::error::", "##[group]", "999999999999999999999", "[" * 70, "- " * 70, "a" * 300,
]  # fmt: skip
PAGES = [
    "", "> ", "- ", "1. ", "    ", "```\n", "~~~\n", "<!--", "-->", "<!-- archcalc: end -->", "<!-- archcalc: value net.yaml params -->", "<pre>", "</pre>",
    "`", "``", "\r\n", "\r", "\u2028", "\x85", "\0", "|", "% archcalc: end\n", ".. archcalc: end\n", ".. archcalc: table net.yaml\n", "::\n\n", "\n\n",
    "\t", "* " * 50, "> " * 50, "--define x", "--layer fc", "@wide", "../", "value", "é", "\ufeff", "(sum: 0123456789ab)",
]  # fmt: skip
PIECES = {"character": re.compile(r"(?s)."), "word": re.compile(r"\S+"), "line": re.compile(r".*\n")}


def of_text(text: str, random: Random, odd: list[str] = ODD) -> str:
    """A text with one to four of its characters, words or lines deleted, doubled, replaced, or swapped with the next."""
    for _ in range(random.randint(1, 4)):
        text = _edited(text, random, odd)
    return text


def _edited(text: str, random: Random, odd: list[str]) -> str:
    pieces = list(PIECES[random.choice(sorted(PIECES))].finditer(text))
    if not pieces:
        return random.choice(odd)
    n = random.randrange(len(pieces))
    (start, end), new = pieces[n].span(), random.choice(odd)
    piece, kind = text[start:end], random.choice(["delete", "double", "replace", "insert", "swap"])
    if kind == "swap" and n + 1 < len(pieces):
        after, last = pieces[n + 1].span()
        return text[:start] + text[after:last] + text[end:after] + piece + text[last:]
    changed = {"delete": "", "double": piece + piece, "replace": new, "insert": new + piece, "swap": piece + new}
    return text[:start] + changed[kind] + text[end:]


def of_bytes(data: bytes, random: Random) -> bytes:
    """Bytes flipped, cut, doubled, or taken from elsewhere in the file."""
    found = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 4, 8])):
        if not found:
            break
        at, length = random.randrange(len(found)), random.choice([1, 1, 2, 4, 16])
        kind = random.choice(["flip", "flip", "small", "cut", "double", "copy", "end"])
        if kind == "flip":
            found[at] ^= 1 << random.randrange(8)
        elif kind == "small":
            found[at] = random.choice([0, 1, 2, 7, 8, 127, 128, 255])
        elif kind == "cut":
            del found[at : at + length]
        elif kind == "double":
            found[at:at] = found[at : at + length]
        elif kind == "copy":
            there = random.randrange(len(found))
            found[at : at + length] = found[there : there + length]
        elif random.random() < 0.2:
            del found[at:]
    return bytes(found)
