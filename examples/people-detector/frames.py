"""Frames that this example makes: people walk through a plain street, and the number of people in each frame is known."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360
# A person's height in pixels; the detector's window is 128 high with a margin of 16 above and below.
TALL = 190


@dataclass(frozen=True)
class Frame:
    """An image and how many people are in it."""

    image: Image
    people: int


def person(image: Image, x: int, foot: int, height: int, step: float, shade: int) -> None:
    """Draw a walking figure with its feet at (x, foot); ``step`` is how far its legs are apart, -1 ... 1."""
    unit = height / 8
    colour = (shade, shade, shade)

    def at(dx: float, up: float) -> tuple[int, int]:
        return round(x + dx * unit), round(foot - up * unit)

    def limb(points: list[tuple[int, int]], width: float) -> None:
        for start, end in pairwise(points):
            cv2.line(image, start, end, colour, max(2, round(width * unit)), cv2.LINE_AA)

    for side in (-1, 1):
        swing = side * (0.35 + 0.35 * abs(step))
        limb([at(0.3 * side, 4), at(0.6 * swing + 0.2 * side, 2), at(swing, 0.1), at(swing + 0.35, 0.05)], 0.62)
        limb([at(0.85 * side, 6.4), at(1.15 * side, 5), at((1.05 + 0.2 * step) * side, 3.7)], 0.42)
    cv2.ellipse(image, at(0, 5.2), (round(1.0 * unit), round(1.55 * unit)), 0, 0, 360, colour, -1, cv2.LINE_AA)
    cv2.ellipse(image, at(0, 6.4), (round(1.15 * unit), round(0.45 * unit)), 0, 0, 360, colour, -1, cv2.LINE_AA)
    cv2.ellipse(image, at(0, 7.45), (round(0.45 * unit), round(0.58 * unit)), 0, 0, 360, colour, -1, cv2.LINE_AA)


def street(rng: np.random.Generator) -> Image:
    """A wall, a pavement, and the noise of a camera."""
    image = np.full((HEIGHT, WIDTH, 3), 178, np.uint8)
    image[HEIGHT - 60 :] = 150
    noise = rng.normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def frames(seed: int, most: int = 3) -> Iterator[Frame]:
    """Frames without end; the same seed gives the same ones. In some nobody is there."""
    rng, dice = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 - pictures, no secret
    places = [110, 320, 530]
    while True:
        image = street(rng)
        people = dice.choice([0, *range(1, most + 1)])
        for place in dice.sample(places, people):
            x, foot = place + dice.randint(-25, 25), HEIGHT - 30 - dice.randint(0, 20)
            person(image, x, foot, TALL + dice.randint(-15, 15), dice.uniform(-1, 1), dice.randint(20, 165))
        yield Frame(image, people)
