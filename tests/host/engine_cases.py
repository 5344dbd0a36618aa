"""Makes the uint8 file of each network with TensorFlow's quantizer: python engine_cases.py FOLDER.

FOLDER has NAME.tflite for each; NAME_uint8.tflite is written beside it. Those whose names end in _often are made ten
times, and NAME_uint8.txt holds the number of different files, or what is wrong with them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine_nets import inputs_of

from edgeready.config.method import Method
from edgeready.engine.quantizer import make_integer
from edgeready.errors import ConversionError
from edgeready.tf.quantize import TensorFlowQuantizer

for path in Path(sys.argv[1]).glob("*.tflite"):
    model = path.read_bytes()
    try:
        files = [
            make_integer(TensorFlowQuantizer(), model, "uint8", inputs_of(model), Method())
            for _ in range(10 if path.stem.endswith("_often") else 1)
        ]
    except ConversionError as error:
        path.with_name(f"{path.stem}_uint8.txt").write_text(str(error))
        continue
    path.with_name(f"{path.stem}_uint8.tflite").write_bytes(files[0])
    path.with_name(f"{path.stem}_uint8.txt").write_text(str(len(set(files))))
