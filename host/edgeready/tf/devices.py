"""The devices that share the batches of a training, as a strategy of tf.distribute."""

from __future__ import annotations

import tensorflow as tf

from edgeready.config.devices import DevicesConfig
from edgeready.config.worker_group import WorkerGroup
from edgeready.errors import SurroundingsError


def open_strategy(config: DevicesConfig, group: WorkerGroup | None) -> tf.distribute.Strategy | None:
    """Returns the strategy for the devices of `config`; None for one device, on which Keras trains by itself.

    With a `group` it is for the devices of all its machines, which wait for each other here. Call it before the first
    tensor is made. Raises SurroundingsError where the machine has too few GPUs.
    """
    names = device_names(config)
    if group is not None:
        return _open_group_strategy(names, group)
    return None if len(names) < 2 else tf.distribute.MirroredStrategy(names)


def device_names(config: DevicesConfig) -> list[str]:
    """Returns the names of the devices of `config`, after making as many of the CPU as it asks for.

    Raises SurroundingsError where the machine has too few GPUs.
    """
    if config.on_cpu:
        count = config.count or 1
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        return [f"CPU:{number}" for number in range(count)]
    gpus = tf.config.list_physical_devices("GPU")
    count = max(1, len(gpus)) if config.count is None else config.count
    if count > max(1, len(gpus)):
        raise SurroundingsError(
            f"--devices is {count}, and TensorFlow finds {_count_gpus(len(gpus))} here: leave --devices out, or try "
            f"it on parts of the CPU with --devices cpu:{count}"
        )
    return [f"GPU:{number}" for number in range(min(count, len(gpus)))] or ["CPU:0"]


def _open_group_strategy(names: list[str], group: WorkerGroup) -> tf.distribute.Strategy:
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices([gpu for gpu in gpus if gpu.name.endswith(tuple(names))], "GPU")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(group.workers)}),
        task_type="worker",
        task_id=group.index,
        rpc_layer="grpc",
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    # TensorFlow's own watch asks every 30 s, and keeps asking who has ended as planned; jobs/rendezvous.py watches.
    strategy.extended._stop_check_health_thread()
    return strategy


def _count_gpus(count: int) -> str:
    return "no GPU" if count == 0 else "1 GPU" if count == 1 else f"{count} GPUs"
