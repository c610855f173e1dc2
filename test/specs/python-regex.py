"""Writes python-regex.json: what Python's re says of random patterns and texts. Written with Python 3.11.

    python3 test/specs/python-regex.py 1500 > test/specs/python-regex.json

A row is [pattern, text, whole, end]: whether re.fullmatch(pattern, text) matches, and whether a key of peft's rank_pattern matches
the end of the text, re.match(rf"(.*\\.)?({key})$", text). Instead of the two there is one text, Python's message, for a pattern that
Python refuses. Keys with flags for the whole pattern, which Python 3.11 does not allow behind `(.*\\.)?(`, have null.
"""
import json
import random
import re
import sys
import warnings

warnings.simplefilter("ignore")

ATOMS = [
    *"abcAKkis_.19", "\\.", ".", ".", "\\w", "\\W", "\\d", "\\D", "\\s", "\\S", "\\b", "\\B", "^", "$", "\\A", "\\Z",
    "[a-c]", "[^b]", "[]a]", "[^]a]", "[\\w.-]", "[^\\d_]", "[A-Za-z]", "[a-]", "[\\b\\n]", "[[a]", "[K-\\u212a]", "[ß-ÿ]",
    "ß", "ẞ", "ſ", "İ", "ı", "K", "é", "٣", "\\x41", "\\101", "\\0", "\\u00df", "\\U0001F600", "\\n", "\n", "{", "}", "{}", "{a}", "-", "#", " ", "\\ ",
    "\\1", "(?P=n)", "(?#c)", "(?(1)a|b)",
]
QUANTIFIERS = ["*", "+", "?", "{2}", "{,2}", "{1,}", "{,}", "{1,3}", "*?", "+?", "??", "{,2}?"]
# Python 3.11 forgets to go back where a possessive group failed half-way (cpython issue 106052): single characters only.
POSSESSIVE = ["*+", "++", "?+", "{1,2}+"]
GROUPS = ["(", "(", "(?:", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?P<n>", "(?i:", "(?-i:", "(?s:", "(?x:", "(?a:", "(?m:", "(?u:", "(?i-s:"]
HEADS = [""] * 12 + ["(?i)", "(?i)", "(?s)", "(?m)", "(?x)", "(?a)", "(?ix)", "(?is)", "(?ai)", "(?u)", "(?i)(?s)", "(?L)"]
SOUP = [*"()[]{}|*+?^$-,\\#: 12ab.", "(?", "(?P", "(?<", "(?i", "[^", "{,", "\\x4", "\\8", "\\z", "(?(", "(?P<1>"]
TEXT = [*"aabbcABKkis_.-19", "ß", "ẞ", "ſ", "İ", "ı", "\u212a", "é", "٣", "\n", " ", "#", "{", "}", "\x1c", "\ufeff", "\0", "😀"]


def pattern(depth: int) -> str:
    branches = []
    for _ in range(random.choice([1, 1, 1, 2])):
        items = []
        for _ in range(random.choice([1, 1, 2, 2, 3])):
            if depth < 3 and random.random() < 0.3:
                item = random.choice(GROUPS) + pattern(depth + 1) + ")"
            else:
                item = random.choice(ATOMS)
                if random.random() < 0.05:
                    item += random.choice(POSSESSIVE)
            if random.random() < 0.25:
                item += random.choice(QUANTIFIERS)
            items.append(item)
        branches.append("".join(items))
    return "|".join(branches)


def spoiled(text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(SOUP) + text[at + random.randrange(2) :]


def row() -> list:
    source = random.choice(HEADS) + pattern(0)
    if random.random() < 0.15:
        source = spoiled(source)
    text = "".join(random.choice(TEXT) for _ in range(random.randrange(6)))
    try:
        whole = re.fullmatch(source, text) is not None
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        return [source, text, getattr(error, "msg", str(error))]
    try:
        return [source, text, whole, re.match(rf"(.*\.)?({source})$", text) is not None]
    except (re.error, ValueError, OverflowError):
        return [source, text, whole, None]


def main(count: int, seed: int) -> None:
    random.seed(seed)
    rows: dict[str, list] = {}
    kept = {True: 0, False: 0, str: 0}
    while len(rows) < count:
        one = row()
        kind = str if isinstance(one[2], str) else one[2]
        # A quarter of refusals, as many matches as none.
        if kept[kind] < count * (0.25 if kind is str else 0.375):
            kept[kind] += one[0] + one[1] not in rows
            rows.setdefault(one[0] + one[1], one)
    print("[\n" + ",\n".join(json.dumps(one) for one in rows.values()) + "\n]")


main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 311)
