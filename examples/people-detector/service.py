"""A people detector in production: OpenCV's HOG detector, instrumented with mkit's client.

    python service.py SOCKET

SOCKET is the AI exporter's unix socket. The lines marked with # mkit are all there is to instrument.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque

import cv2
from frames import Frame, Image, frames
from monitoring_kit.exporters.ai.mkit_client import Client  # mkit

CAMERA = "gate-1"
# A person checks every frame a little later: that is where truth comes from in this example.
TRUTH_SECONDS = 1.0


class Detector:
    """OpenCV's pedestrian detector (Dalal and Triggs, CVPR 2005), with overlapping boxes merged."""

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())

    def __call__(self, image: Image) -> list[float]:
        """The confidence (0 ... 1) of each person found."""
        boxes, weights = self._hog.detectMultiScale(image, winStride=(8, 8), padding=(8, 8), scale=1.1)
        scores = [float(weight) for weight in weights]
        kept = cv2.dnn.NMSBoxes([list(map(int, box)) for box in boxes], scores, 0.3, 0.4) if scores else []
        # The margin of a linear SVM as a number between 0 and 1.
        return [1 / (1 + math.exp(-scores[int(place)])) for place in kept]


def main(path: str) -> None:
    """Count people until stopped."""
    cv2.setNumThreads(1)
    mkit = Client(path)  # mkit
    predictions = mkit.counter("ai_predictions_total", camera=CAMERA)  # mkit
    inference = mkit.histogram("ai_inference_duration_seconds", camera=CAMERA)  # mkit
    confidence = mkit.histogram("mkit_model_confidence_ratio", **{"class": "person"})  # mkit
    counted = mkit.counter("mkit_model_objects_counted_total", camera=CAMERA, direction="any", **{"class": "person"})
    last = mkit.gauge("mkit_model_last_frame_timestamp_seconds", camera=CAMERA)  # mkit
    detect = inference.time()(Detector())  # mkit
    checked: deque[tuple[float, int, Frame]] = deque()
    for number, frame in enumerate(frames(seed=1)):
        people = detect(frame.image)
        now = time.time()
        predictions.inc()  # mkit
        last.set(now)  # mkit
        counted.inc(len(people))  # mkit
        for one in people:
            confidence.observe(one)  # mkit
        mkit.prediction(len(people), {"camera": CAMERA, "frame": number}, now)  # mkit
        checked.append((now, number, frame))
        while checked and checked[0][0] < now - TRUTH_SECONDS:
            _, known, seen = checked.popleft()
            mkit.truth(seen.people, {"camera": CAMERA, "frame": known})  # mkit


if __name__ == "__main__":
    main(sys.argv[1])
