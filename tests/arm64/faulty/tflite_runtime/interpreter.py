import fault

_real = fault.real("tflite_runtime")
OpResolverType = _real.OpResolverType
Interpreter = fault.spoilt(_real)
