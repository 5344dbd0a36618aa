"""Makes the uint8 file of each network with TensorFlow's quantizer: python engine_cases.py FOLDER.

FOLDER has NAME.tflite for each; NAME_uint8.tflite is written beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine_nets import inputs_of

from edgeready.config.method import Method
from edgeready.engine.quantizer import make_integer
from edgeready.tf.quantize import TensorFlowQuantizer

for path in Path(sys.argv[1]).glob("*.tflite"):
    model = path.read_bytes()
    data = make_integer(TensorFlowQuantizer(), model, "uint8", inputs_of(model), Method())
    path.with_name(f"{path.stem}_uint8.tflite").write_bytes(data)
