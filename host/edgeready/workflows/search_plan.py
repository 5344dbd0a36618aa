"""Which networks keep a budget: found by exact costs, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeready.config.build import BuildConfig, DataConfig
from edgeready.config.networks import AUTO_NETWORK, SCALABLE_NETWORKS
from edgeready.config.search import BudgetConfig, SearchConfig
from edgeready.dataset import SET_NAMES, Splits
from edgeready.errors import UsageError
from edgeready.jobs.network_cost import NetworkPlan
from edgeready.network_search.board import BoardSpeed, read_board_speed
from edgeready.network_search.candidates import Frame, choose_candidates, coarse_plans, fine_plans
from edgeready.network_search.limits import Candidate, Limits
from edgeready.network_search.result import SearchPlan
from edgeready.workflows.networks import network_costs
from edgeready.workflows.prepare import load_data
from edgeready_device.progress import Progress, no_progress

_SIZES = ((32, 32), (48, 48), (64, 64))  # of a folder's images; chosen: what two cores train in minutes


def plan_search(
    data: DataConfig, budget: BudgetConfig, search: SearchConfig, progress: Progress = no_progress
) -> SearchPlan:
    """Returns the candidates for `data` that keep `budget`, with their exact costs; nothing is trained or written.

    Raises UsageError where nothing keeps it, and what reading the data and the board's measurement raises.
    """
    speed = read_speed(budget)
    splits = load_data(config_of_size(data, sizes_of(data, search)[0]), progress)
    return make_plan(data, budget, search, splits=splits, speed=speed, progress=progress)


def read_speed(budget: BudgetConfig) -> BoardSpeed | None:
    """Returns what the latencies of `budget` are estimated from; None where it bounds none."""
    return None if budget.board is None else read_board_speed(budget.board, budget.board_model)


def make_plan(
    data: DataConfig,
    budget: BudgetConfig,
    search: SearchConfig,
    *,
    splits: Splits,
    speed: BoardSpeed | None,
    progress: Progress,
) -> SearchPlan:
    """Returns the candidates for `data` in one size, `splits`, and in the other sizes of `search`."""
    limits = Limits(budget=budget, ms_per_mac=None if speed is None else speed.ms_per_mac)
    classes, channels = splits.train.classes, splits.train.channels
    own_size = (splits.train.height, splits.train.width)
    frames: list[Frame] = [(*(size or own_size), channels) for size in sizes_of(data, search)]
    families = search.networks or SCALABLE_NETWORKS
    only_bytes = budget.max_macs is None and budget.max_ms is None
    # The bytes of these networks do not depend on the size of the images.
    first = coarse_plans(families, frames[:1] if only_bytes else frames, len(classes))
    coarse = _candidates(first, limits, classes, progress)
    plans = fine_plans(coarse, limits)
    if only_bytes:
        plans = tuple(replace(plan, frame=frame) for frame in frames for plan in plans)
    candidates = choose_candidates(_candidates(plans, limits, classes, progress), limits)
    return SearchPlan(budget=budget, candidates=candidates, classes=classes, speed=speed)


def sizes_of(data: DataConfig, search: SearchConfig) -> tuple[tuple[int, int] | None, ...]:
    """Returns the image sizes to try: those asked for, else some for a folder, and the one that other data have.

    Raises UsageError for sizes of images that are in no folder.
    """
    if not is_folder(data):
        if search.sizes:
            raise UsageError(f"--image-size is for folders of images, and {data.source!r} is none: leave it out")
        return (None,)
    return tuple(dict.fromkeys(search.sizes or _SIZES))


def config_of_size(data: DataConfig, size: tuple[int, int] | None) -> BuildConfig:
    """Returns the config that reads `data` in a size; the network in it is any."""
    return BuildConfig(data=replace(data, image_size=size), model=AUTO_NETWORK)


def is_folder(data: DataConfig) -> bool:
    """Whether the images of `data` are files in a folder, which are read in any size."""
    return data.source not in SET_NAMES and Path(data.source).is_dir()


def _candidates(
    plans: Sequence[NetworkPlan], limits: Limits, classes: Sequence[str], progress: Progress
) -> list[Candidate]:
    """Returns the candidate of each plan, in their order, from untrained networks that were converted."""
    return [limits.candidate_of(cost, classes) for cost in network_costs(plans, progress)]
