"""Searches the best network for a budget: trainings of fewer and fewer candidates, then whole builds of a front."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeready.config.build import BuildConfig, DataConfig, NetworkConfig, OutputConfig, TrainConfig
from edgeready.config.search import EPOCHS, BudgetConfig, SearchConfig
from edgeready.config.training import VALIDATION
from edgeready.dataset import Splits
from edgeready.errors import AgreementError, CheckpointError, TrainingError
from edgeready.jobs.job import JobResult
from edgeready.jobs.run import run_in_child
from edgeready.jobs.training import Training, TrainingFiles
from edgeready.network_search.candidates import frame_size
from edgeready.network_search.halving import Trial, keep_best, last_trials, pareto_front, rung_epochs
from edgeready.network_search.limits import Candidate
from edgeready.network_search.pace import Pace, duration_text
from edgeready.network_search.result import Final, SearchPlan, SearchResult
from edgeready.network_search.state import SearchState, open_state, read_seconds, read_share
from edgeready.workflows.build import BuildResult, build
from edgeready.workflows.prepare import job_of, load_data, with_validation
from edgeready.workflows.search_plan import config_of_size, is_folder, make_plan, read_speed, sizes_of
from edgeready_device import __version__
from edgeready_device.progress import Progress, no_progress

_TRIALS_SHARE = (
    0.5  # of --max-hours; chosen: the finals, each as long as three of the longest trials, get the other half
)
_FEW_IMAGES = 100  # of a validation; chosen: below it one standard error of an accuracy is up to 5 points
_FINAL = "final"


def search(
    data: DataConfig,
    budget: BudgetConfig,
    folder: Path,
    *,
    search: SearchConfig | None = None,
    train: TrainConfig | None = None,
    progress: Progress = no_progress,
) -> SearchResult:
    """Trains candidates that keep `budget` on `data`, the best of them to the end, and writes their files.

    They go into `folder`; a search there that was interrupted goes on where it was. `train` is how the finals are
    trained, for 30 epochs where it says no number. The test images choose nothing. Raises UsageError where nothing
    keeps the budget, OutputError for a folder that holds something else, TrainingError where time allows no final,
    and what `build` raises.
    """
    settings, training = search or SearchConfig(), train or TrainConfig(seed=data.seed)
    training = replace(training, validation=training.validation_share or VALIDATION, epochs=training.epochs or EPOCHS)
    speed = read_speed(budget)
    with open_state(folder, _question(data, budget, settings, training)) as state:
        run = _Search(data=data, budget=budget, settings=settings, training=training, state=state, progress=progress)
        splits = run.splits_of(sizes_of(data, settings)[0])
        plan = make_plan(data, budget, settings, splits=splits, speed=speed, progress=progress)
        return run.run(plan)


def _question(
    data: DataConfig, budget: BudgetConfig, settings: SearchConfig, training: TrainConfig
) -> Mapping[str, Any]:
    """Returns what a search must repeat to go on, as plain data; the hours and the finals can change."""
    values = {
        **{name: value for name, value in asdict(data).items() if name != "source"},
        **{name: value for name, value in asdict(budget).items() if name not in ("board", "board_model")},
        **{name: value for name, value in asdict(settings).items() if name not in ("max_hours", "finals")},
        **training.to_dict(),
    }
    boards = {"board": budget.board, "board_model": budget.board_model}
    paths = {name: None if path is None else str(path.absolute()) for name, path in boards.items()}
    source = str(Path(data.source).absolute()) if Path(data.source).exists() else data.source
    return {"edgeready": __version__, "data": source, **values, **paths}


@dataclass(kw_only=True)
class _Search:
    """A search at work: what it was asked for, and what it has trained so far."""

    data: DataConfig
    budget: BudgetConfig
    settings: SearchConfig
    training: TrainConfig
    state: SearchState
    progress: Progress
    pace: Pace = field(default_factory=Pace)
    parts: dict[tuple[int, int] | None, Splits] = field(default_factory=dict)
    left_out: str = ""
    failures: list[str] = field(default_factory=list)

    def run(self, plan: SearchPlan) -> SearchResult:
        """Returns the result of the whole search."""
        trials: list[Trial] = []
        candidates = plan.candidates
        count = len(self.splits_of(sizes_of(self.data, self.settings)[0]).train)
        steps = math.ceil(count / self.training.batch_size)
        for epochs in rung_epochs(self.training.most_epochs, steps):
            latest = self._round(candidates, epochs)
            if not latest:
                break
            trials += latest
            candidates = keep_best(latest, self.settings.finals)
        front = pareto_front([trial for trial in last_trials(trials) if trial.candidate in candidates])
        front = front[: self.settings.finals]
        finals = self._finals(front)
        if not finals:
            reason = self.failures[0] if self.failures else self.left_out
            raise TrainingError(f"no network was trained to the end: {reason}")
        splits = self.splits_of(self._size_of(front[0].candidate))
        return SearchResult(
            folder=self.state.folder,
            plan=plan,
            trials=tuple(trials),
            front=front,
            finals=finals,
            notes=(*splits.notes, *self.failures, *_notes(splits)),
            left_out=self.left_out,
            splits=splits,
        )

    def splits_of(self, size: tuple[int, int] | None) -> Splits:
        """Returns the data in a size with its validation; each size is read once."""
        if size not in self.parts:
            config = replace(config_of_size(self.data, size), train=self.training)
            self.parts[size] = with_validation(config, load_data(config, self.progress))
        return self.parts[size]

    def _size_of(self, candidate: Candidate) -> tuple[int, int] | None:
        return frame_size(candidate) if is_folder(self.data) else None

    def _round(self, candidates: Sequence[Candidate], epochs: int) -> list[Trial]:
        """Returns a trial of each candidate, trained now where it was not before; fewer where the time is over."""
        trials = []
        for number, candidate in enumerate(candidates, 1):
            trial = self._read_trial(candidate, epochs)
            if trial is None:
                if not self.pace.allows(self._work(candidate, epochs), self._limit_s(_TRIALS_SHARE)):
                    self.left_out = f"{len(candidates) - number + 1} trials of {epochs} epochs: --max-hours was over"
                    break
                rest = sum(self._work(other, epochs) for other in candidates[number - 1 :])
                place = f"trial {number} of {len(candidates)}, {candidate.name}{self._left(rest)}"
                trial = self._train(candidate, epochs, place)
            if trial.failure:
                self.failures.append(f"{candidate.name}: {trial.failure}")
            else:
                self.pace.add(self._work(candidate, epochs), trial.seconds)
            trials.append(trial)
        return trials

    def _left(self, work: float) -> str:
        seconds = self.pace.estimate(work)
        return "" if seconds is None else f", about {duration_text(seconds)} to go"

    def _limit_s(self, share: float = 1.0) -> float | None:
        hours = self.settings.max_hours
        return None if hours is None else 3600 * hours * share

    def _work(self, candidate: Candidate, epochs: int) -> float:
        return float(candidate.cost.macs) * len(self.splits_of(self._size_of(candidate)).train) * epochs

    def _read_trial(self, candidate: Candidate, epochs: int) -> Trial | None:
        record = self.state.read(f"{candidate.name}-{epochs}")
        accuracy = read_share(record, "validation")
        if record is None or accuracy is None:
            return None
        return Trial(candidate=candidate, epochs=epochs, accuracy=accuracy, seconds=read_seconds(record))

    def _train(self, candidate: Candidate, epochs: int, place: str) -> Trial:
        config = self._config_of(candidate)
        splits = self.splits_of(self._size_of(candidate))
        training = replace(self.training, epochs=epochs, patience=None)
        job = replace(job_of(replace(config, train=training), splits, training), modes=(), files=TrainingFiles())
        started = time.monotonic()
        try:
            result = run_in_child(job, JobResult, _within(self.progress, place))
        except TrainingError as error:
            return Trial(candidate=candidate, epochs=epochs, failure=str(error))
        seconds = round(time.monotonic() - started, 3)
        accuracy = _validation_of(Training(epochs=result.epochs, asked=epochs))
        figures = {"validation": accuracy, "seconds": seconds}
        self.state.write(f"{candidate.name}-{epochs}", {"epochs": epochs, **figures})
        return Trial(candidate=candidate, epochs=epochs, accuracy=accuracy, seconds=seconds)

    def _config_of(self, candidate: Candidate) -> BuildConfig:
        """Returns the build of `candidate`; where its bytes are bounded, the file has what it must have only."""
        bounded, plan = self.budget.max_size is not None, candidate.cost.plan
        return BuildConfig(
            data=replace(self.data, image_size=self._size_of(candidate)),
            model=plan.model,
            network=NetworkConfig(alpha=plan.alpha),
            train=self.training,
            output=OutputConfig(
                out=self.state.folder / f"{candidate.name}.tflite",
                vectors=1 if bounded else None,
                image_hashes=not bounded,
            ),
        )

    def _finals(self, front: Sequence[Trial]) -> tuple[Final, ...]:
        """Returns the finals of `front`, trained now where they were not before; fewer where the time is over."""
        finals = []
        for number, trial in enumerate(front, 1):
            candidate, work = trial.candidate, self._work(trial.candidate, self.training.most_epochs)
            final = self._read_final(candidate)
            if final is None:
                if not self.pace.allows(work, self._limit_s()):
                    needed = (self.pace.seconds + (self.pace.estimate(work) or 0.0)) / 3600
                    self.left_out = f"{candidate.name} to the end takes about --max-hours {needed:.2g}"
                    continue
                place = f"final {number} of {len(front)}, {candidate.name}{self._left(work)}"
                final = self._build(candidate, place)
            if final is not None:
                self.pace.add(work, final.seconds)
                finals.append(final)
        return tuple(finals)

    def _build(self, candidate: Candidate, place: str) -> Final | None:
        """Returns the final of `candidate`; None, and a note, where its file is not worth writing."""
        config, started = self._config_of(candidate), time.monotonic()
        try:
            result = _build_on(config, _within(self.progress, place))
        except (AgreementError, TrainingError) as error:
            self.failures.append(f"{candidate.name}: {error}")
            return None
        comparison, size = result.comparison, config.output.out.stat().st_size
        record = {
            "size_bytes": size,
            "validation": 0.0 if result.training is None else _validation_of(result.training),
            "float32": None if comparison is None else comparison.baseline.accuracy.top1.value,
            "uint8": None if comparison is None else comparison.model.accuracy.top1.value,
            "doubts": list(result.doubts),
            "seconds": round(time.monotonic() - started, 3),
        }
        self.state.write(f"{candidate.name}-{_FINAL}", record)
        return self._final_of(candidate, record)

    def _read_final(self, candidate: Candidate) -> Final | None:
        record = self.state.read(f"{candidate.name}-{_FINAL}")
        path = self.state.folder / f"{candidate.name}.tflite"
        if record is None or read_share(record, "validation") is None or not path.is_file():
            return None
        return self._final_of(candidate, record)

    def _final_of(self, candidate: Candidate, record: Mapping[str, Any]) -> Final:
        path = self.state.folder / f"{candidate.name}.tflite"
        size, most = path.stat().st_size, self.budget.max_size
        return Final(
            name=candidate.name,
            file=str(path),
            size_bytes=size,
            validation=read_share(record, "validation") or 0.0,
            float32=read_share(record, "float32"),
            uint8=read_share(record, "uint8"),
            doubts=tuple(map(str, record.get("doubts") or ())),
            seconds=read_seconds(record),
            excess=0 if most is None else max(0, size - most),
        )


def _build_on(config: BuildConfig, progress: Progress) -> BuildResult:
    """Returns the build of `config`, which goes on where it was broken off, if it was."""
    if not config.output.checkpoint.is_file():
        return build(config, progress)
    try:
        return build(replace(config, output=replace(config.output, resume=True)), progress)
    except CheckpointError:  # damaged, or of other libraries: the folder is the search's own
        config.output.checkpoint.unlink(missing_ok=True)
        return build(config, progress)


def _within(progress: Progress, place: str) -> Progress:
    """Returns a Progress that says where in the search the work is."""
    return lambda label, done, total: progress(f"{place}: {label}", done, total)


def _validation_of(training: Training) -> float:
    best = training.best
    return 0.0 if best is None else best.val_accuracy or 0.0


def _notes(splits: Splits) -> tuple[str, ...]:
    count = 0 if splits.validation is None else len(splits.validation)
    if count >= _FEW_IMAGES:
        return ()
    return (
        f"{count} images of the validation tell candidates apart by chance only: give more images, or a larger "
        "--validation",
    )
