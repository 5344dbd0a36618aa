"""GELU in ops that the Edge TPU has: x * sigmoid(z * p(z * z)), where z is x cut off at ±4.75."""

from __future__ import annotations

import math

# Beyond it the sigmoid is 0 or 1 to 7e-7, which is the share of x that the result may then be off, and its argument
# keeps to ±15, which 8 bits can tell apart.
GELU_LIMIT = 4.75

# Both rising with the power of z * z. TANH is the definition of the tanh form: x * sigmoid(2 * the tanh's argument).
GELU_TANH = (2 * math.sqrt(2 / math.pi), 2 * math.sqrt(2 / math.pi) * 0.044715)
# Fitted for the least largest difference of the result: 3.1e-6 over ±4.75. Three terms make 2.5e-5, with which a
# network of 24 layers was 2e-4 from its own outputs.
GELU_ERF = (1.595656612, 7.293647472e-2, -2.490586545e-4, -6.128275031e-5, 2.244648883e-6)
