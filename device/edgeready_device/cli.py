"""The command `edgeready-device`: parses, calls, prints, and ends with a documented exit code."""

from __future__ import annotations

import argparse
import glob
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from edgeready_device import __version__
from edgeready_device.errors import EdgereadyError, NotFoundError, OutputError

Handler = Callable[[argparse.Namespace], int]
NEGATIVE = 1  # a verdict that is no; errors bring their own code
OUR_BUG = 70
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command with `arguments` (None: the process's) and returns its exit code."""
    options = argparse.Namespace(debug=False)
    try:
        options = _parser().parse_args(arguments)
        handler: Handler = options.handler
        return handler(options)
    except EdgereadyError as error:
        return _fail(options, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(options, "interrupted", INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        return 0
    except Exception as error:  # noqa: BLE001  (the last line of defence: one line, and its own exit code)
        return _fail(options, f"a bug in edgeready-device ({type(error).__name__}: {error}); see --debug", OUR_BUG)


def _fail(options: argparse.Namespace, message: str, code: int) -> int:
    if options.debug:
        traceback.print_exc()
    _say(" ".join(message.split()))
    return code


def _say(message: str) -> None:
    if sys.stderr is not None:  # None where the caller closed it
        sys.stderr.write(f"edgeready-device: {message}\n")


class _Parser(argparse.ArgumentParser):
    """argparse's parser with usage errors in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 2."""
        self.exit(2, f"edgeready-device: {message}; see {self.prog} --help\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Ends the process once help and version are written; raises OutputError where they cannot be."""
        if sys.stdout is not None:
            _flush()
        super().exit(status, message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="edgeready-device",
        description="Runs, evaluates, verifies and benchmarks one quantized .tflite image classifier.",
        epilog="Exit codes: 0 yes; 1 a verdict that is no; 2 usage; 3 bad input; 4 not found; "
        "6 runtime or delegate; 70 a bug of ours; 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"edgeready-device {__version__}")
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _verb(verbs, "info", _info, "what a model file is, or without one what this machine is", model="?")
    classify = _verb(verbs, "classify", _classify, "the most likely labels of images", runs=True)
    classify.add_argument("images", nargs="+", metavar="IMAGE", help="JPEG or PNG files, folders or patterns")
    classify.add_argument("--top", type=int, default=3, help="how many labels an image (default 3)")
    evaluate = _verb(verbs, "evaluate", _evaluate, "top-1 accuracy on labelled images", runs=True)
    evaluate.add_argument("data", type=Path, help="a .npz in Keras layout, or a folder with one subfolder per label")
    evaluate.add_argument("--min-accuracy", type=float, help="exit 1 below this top-1 accuracy in percent")
    bench = _verb(verbs, "benchmark", _benchmark, "what one inference takes on this machine", runs=True)
    bench.add_argument("--threads", type=int, default=1, help="threads of the runtime (default 1)")
    bench.add_argument("--runs", type=int, default=100, help="fewest measured runs (default 100)")
    bench.add_argument("--min-time", type=float, default=2.0, metavar="SECONDS", help="fewest seconds (default 2)")
    bench.add_argument("--max-p90-ms", type=float, help="exit 1 above this 90th percentile in milliseconds")
    _verb(verbs, "verify", _verify, "are the answers on this machine those that the host recorded?", runs=True)
    return parser


def _verb(
    verbs: Any, name: str, handler: Handler, text: str, *, runs: bool = False, model: str | None = None
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:])
    parser.add_argument("model", type=Path, nargs=model, help="a .tflite file")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--debug", action="store_true", help="a traceback with every error")
    if runs:
        parser.add_argument("--runtime", help="ai-edge-litert or tflite-runtime (default: the first installed)")
    parser.set_defaults(handler=handler)
    return parser


def _print(options: argparse.Namespace, data: Any, text: str) -> None:
    if sys.stdout is None:  # the caller closed it
        raise OutputError("standard output is closed: nothing can be written there")
    encoding = sys.stdout.encoding or "utf-8"
    line = (json.dumps(data) if options.json else text) + "\n"
    _flush(line.encode(encoding, "backslashreplace").decode(encoding))


def _flush(text: str = "") -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise OutputError(f"standard output cannot be written ({error.strerror}): write elsewhere") from error


def _discard_output() -> None:
    if sys.stdout is sys.__stdout__:  # and not a caller's own stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's last flush is silent, too


def _info(options: argparse.Namespace) -> int:
    from edgeready_device import contract, machine, model_file, report, runtime  # noqa: PLC0415

    if options.model is None:
        here, runtimes = machine.read_machine(), runtime.installed_runtimes()
        _print(options, report.machine_json(here, runtimes), report.machine_text(here, runtimes))
        return 0
    file = model_file.read_model_file(options.model)
    data = report.info_json(file, contract.read_contract(file), runtime.installed_runtimes())
    _print(options, data, report.info_text(data))
    return 0


def _classify(options: argparse.Namespace) -> int:
    from edgeready_device import images, report  # noqa: PLC0415
    from edgeready_device.model import Model  # noqa: PLC0415

    paths = _image_paths(options.images)
    model = Model.load(options.model, runtime=options.runtime)
    spec = model.contract.frame
    found = []
    for path in paths:
        frame = images.load_frame(path, spec.height, spec.width, spec.channels, spec.resize)
        found.append((path, model.classify(frame, options.top)))
    _print(
        options,
        [report.classify_json(path, predictions) for path, predictions in found],
        "\n".join(report.classify_text(path, predictions) for path, predictions in found),
    )
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from edgeready_device import evaluate, examples, report  # noqa: PLC0415
    from edgeready_device.model import Model  # noqa: PLC0415

    model = Model.load(options.model, runtime=options.runtime)
    data = examples.load_examples(options.data, model.contract.frame, model.labels)
    result = evaluate.evaluate(model, data.frames, data.truth, progress=_progress("images"))
    _print(options, report.evaluation_json(result, model.runtime), report.evaluation_text(result, model.runtime))
    return _budget("top-1 accuracy", 100 * result.top1.value, "%", least=options.min_accuracy)


def _benchmark(options: argparse.Namespace) -> int:
    from edgeready_device import benchmark, report  # noqa: PLC0415

    config = benchmark.BenchmarkConfig(
        runs=options.runs,
        min_time_s=options.min_time,
        max_time_s=max(benchmark.BenchmarkConfig.max_time_s, options.min_time),
        runtime=options.runtime,
        threads=options.threads,
    )
    result = benchmark.benchmark(options.model, config)
    _print(options, report.benchmark_json(result), report.benchmark_text(result))
    if options.max_p90_ms is None:
        return 0
    if result.machine.emulated:
        _say("emulated: no latency budget can be judged here")
        return NEGATIVE
    p90_s = result.summary.p90_s
    if p90_s is None:
        _say(f"{result.summary.count} runs do not carry a p90: ask for more --runs")
        return NEGATIVE
    return _budget("p90", p90_s * 1e3, "ms", most=options.max_p90_ms)


def _verify(options: argparse.Namespace) -> int:
    from edgeready_device import model_file, report, verify  # noqa: PLC0415

    result = verify.verify(model_file.read_model_file(options.model), options.runtime)
    _print(options, report.verify_json(result), report.verify_text(result))
    return 0 if result.passed else NEGATIVE


def _budget(name: str, value: float, unit: str, least: float | None = None, most: float | None = None) -> int:
    if least is not None and not value >= least:  # so that a budget of NaN is not met
        _say(f"{name} is {value:.2f} {unit}, below the budget of {least:g} {unit}")
        return NEGATIVE
    if most is not None and not value <= most:
        _say(f"{name} is {value:.3g} {unit}, above the budget of {most:g} {unit}")
        return NEGATIVE
    return 0


def _image_paths(given: Sequence[str]) -> list[Path]:
    from edgeready_device import images  # noqa: PLC0415

    paths: list[Path] = []
    for name in given:
        place = Path(name)
        if place.is_dir():
            found = list(images.image_files(place))
        elif place.exists() or not glob.has_magic(name):
            found = [place]
        else:
            found = sorted(Path(match) for match in glob.glob(name, recursive=True))
        if not found:
            raise NotFoundError(f"{name}: no JPEG or PNG images there")
        paths.extend(found)
    return paths


def _progress(what: str) -> Callable[[int, int], None] | None:
    if sys.stderr is None or not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        sys.stderr.write(f"\r{done} of {total} {what}" + ("\r\033[K" if done == total else ""))
        sys.stderr.flush()

    return show


if __name__ == "__main__":
    raise SystemExit(main())
