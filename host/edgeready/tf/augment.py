"""Shifts and flips a batch of training images at random, with the same result for the same seed."""

from __future__ import annotations

import tensorflow as tf

from edgeready.config.augmentation import SHIFT


def augment(frames: tf.Tensor, kind: str, seed: tf.Tensor) -> tf.Tensor:
    """Returns `frames` (n, height, width[, channels]), each shifted, and for the `kind` "shift-flip" mirrored or not.

    The border's own pixels fill the space that a shift leaves: black may be a value that the images do not have. The
    same `seed` (two integers) returns the same images; the `kind` "none" returns them unchanged.
    """
    if kind == "none":
        return frames
    count = tf.shape(frames)[0]
    seeds = tf.random.split(seed, 3)
    frames = _shift(frames, 1, seeds[0])
    frames = _shift(frames, 2, seeds[1])
    if kind == "shift":
        return frames
    mirrored = tf.random.stateless_uniform((count,), seeds[2], minval=0, maxval=2, dtype=tf.int32) == 1
    ones = [1] * (len(frames.shape) - 1)
    return tf.where(tf.reshape(mirrored, (-1, *ones)), tf.reverse(frames, [2]), frames)


def _shift(frames: tf.Tensor, axis: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns `frames`, each moved along `axis` (1 or 2) by a random number of pixels."""
    size = frames.shape[axis]
    most = size // SHIFT
    shifts = tf.random.stateless_uniform(
        (tf.shape(frames)[0], 1), seed, minval=-most, maxval=most + 1, dtype=tf.int32
    )
    places = tf.clip_by_value(tf.range(size)[tf.newaxis] + shifts, 0, size - 1)
    if axis == 1:
        return tf.gather(frames, places, axis=1, batch_dims=1)
    rows = tf.repeat(places[:, tf.newaxis], tf.shape(frames)[1], axis=1)
    return tf.gather(frames, rows, axis=2, batch_dims=2)
