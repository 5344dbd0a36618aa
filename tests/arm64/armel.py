"""The base image arm32v5/debian (Debian's armel): there already, pulled, or made with mmdebstrap."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from engine import Engine

_NO_DOCUMENTATION = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "doc", "locale")]


def base_image(engine: Engine, tag: str) -> str:
    """Sees to it that the image `tag` is here; says why not, or nothing."""
    if engine.inspect(tag, "{{.Id}}"):
        return ""
    line = [engine.docker, "pull", "--quiet", "--platform", "linux/arm/v5", tag]
    if subprocess.run(line, capture_output=True, check=False).returncode == 0:
        return ""
    if shutil.which("mmdebstrap") is None:
        return f"{tag} cannot be pulled, and there is no mmdebstrap to make it with"
    with tempfile.TemporaryDirectory() as folder:
        root, archive = Path(folder, "layer.tar"), Path(folder, "image.tar")
        line = ["mmdebstrap", "--quiet", "--variant=apt", "--architectures=armel", "--include=ca-certificates"]
        made = subprocess.run(
            [*line, *_NO_DOCUMENTATION, "bookworm", str(root), _mirror()], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return f"{tag} cannot be pulled, and mmdebstrap failed: {made.stderr.strip().splitlines()[-1]}"
        _pack(root, archive, tag)
        subprocess.run([engine.docker, "load", "--quiet", "--input", str(archive)], capture_output=True, check=True)
    return ""


def _mirror() -> str:
    """The Debian mirror that this machine's apt uses, without the security suite, which not every mirror has."""
    line = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = subprocess.run(line, capture_output=True, text=True, check=False).stdout.split()
    return next(uri for uri in sorted(set(found)) if "security" not in uri)


def _pack(root: Path, archive: Path, tag: str) -> None:
    """An archive for `docker load`; `docker import` would stamp the image with this machine's architecture."""
    with root.open("rb") as layer:
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
    config = json.dumps(
        {
            "architecture": "arm",
            "variant": "v5",
            "os": "linux",
            "config": {"Cmd": ["bash"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    )
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as packed:
        for name, text in (("config.json", config), ("manifest.json", json.dumps(manifest))):
            Path(root.parent, name).write_text(text, "utf-8")
            packed.add(Path(root.parent, name), name)
        packed.add(root, "layer.tar")
