import fault

_real = fault.real("ai_edge_litert")
OpResolverType = _real.OpResolverType
Interpreter = fault.spoilt(_real)
