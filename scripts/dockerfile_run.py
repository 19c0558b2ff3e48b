"""Run the steps of a Dockerfile without Docker, on Linux, to see that they work.

    python -m scripts.dockerfile_run [--build-arg NAME=VALUE] [--env NAME=VALUE] [--read-only]

What is real: every path (each stage has a root directory of its own, entered with `pivot_root`
in a new mount and PID namespace), COPY with .dockerignore, RUN, USER, ENV, and the read-only root.
What is not: `FROM python:…` is this machine's own /usr and /etc (changes go to an overlay) with
this Python at /usr/local, and the network is this machine's. Started as root, RUN steps are root
and USER is that user id; started as anybody else, a user namespace gives the same ids.

Rules of the file: an instruction it does not know stops it (`scripts.dockerfile`); nothing is
written outside the working folder, but for the cache mounts, which are kept in .cache/dockerfile.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scripts.dockerfile import DockerfileError, Ignore, Instruction, expand, pairs, parse, stages

PROJECT = Path(__file__).resolve().parent.parent
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
OVERLAID = ("usr", "etc")
TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # links into /usr, or folders


@dataclass(slots=True)
class Image:
    """One built stage: where its files lie, and what a container of it starts with."""

    folder: Path
    env: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH, "HOME": "/root"})
    args: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    exposed: list[str] = field(default_factory=list)

    def outside(self, path: str) -> Path:
        """Return where the image's absolute `path` is kept on this machine."""
        parts = PurePosixPath(path).parts[1:]
        layer = "upper" if parts and parts[0] in OVERLAID else "root"
        return self.folder.joinpath(layer, *parts)


def _prepare(folder: Path) -> Image:
    """Lay out an empty stage over this machine's /usr and /etc."""
    for name in ("root/tmp", "root/root", "root/proc", "root/dev", "root/run", "root/var/tmp"):
        (folder / name).mkdir(parents=True)
    for name in OVERLAID:
        for layer in ("root", "upper", "work"):
            (folder / layer / name).mkdir(parents=True)
    for name in TOP_LEVEL:
        host = Path("/", name)
        if host.is_symlink():  # a merged /usr
            (folder / "root" / name).symlink_to(host.readlink())
        elif host.is_dir():
            (folder / "root" / name).mkdir()
    shutil.copyfile(Path("/etc/resolv.conf").resolve(), folder / "upper/etc/resolv.conf")
    base = Path(sys.base_prefix)
    if base == Path("/usr"):
        programs = folder / "upper/usr/local/bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(f"/usr/bin/python3.{sys.version_info.minor}")
    image = Image(folder)
    if sysconfig.get_config_var(
        "Py_ENABLE_SHARED"
    ):  # its own libpython, not another of this machine
        image.env["LD_LIBRARY_PATH"] = "/usr/local/lib"
    return image


def _mounts(image: Image, binds: Mapping[Path, str], *, read_only: bool) -> list[str]:
    """Return the shell lines that put the root directory of a stage together."""
    root = shlex.quote(str(image.folder / "root"))
    layers = shlex.quote(str(image.folder))
    as_user = ",userxattr" if os.geteuid() else ""
    lines = ["set -e", f"mount --bind {root} {root}"]
    for name in OVERLAID:
        options = f"lowerdir=/{name},upperdir={layers}/upper/{name},workdir={layers}/work/{name}"
        lines.append(f"mount -t overlay overlay -o {options}{as_user} {root}/{name}")
    unmerged = [name for name in TOP_LEVEL if Path("/", name).is_dir()]
    unmerged = [name for name in unmerged if not Path("/", name).is_symlink()]
    lines += [f"mount --rbind /{name} {root}/{name}" for name in unmerged]
    if Path(sys.base_prefix) != Path("/usr"):
        lines.append(f"mount --bind {shlex.quote(sys.base_prefix)} {root}/usr/local")
    lines += [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
    for source, target in binds.items():
        inside = shlex.quote(f"{image.folder}/root{target}")
        lines += [f"mkdir -p {inside}", f"mount --bind {shlex.quote(str(source))} {inside}"]
    if read_only:
        lines += [f"mount -o remount,ro {root}/{name}" for name in OVERLAID]
        lines.append(f"mount -o remount,bind,ro {root}")
    # The old root is put over the new one, then taken off; no folder is needed for it.
    lines += [f"cd {root}", "pivot_root . .", "umount -l .", "cd /"]
    return lines


def start(
    image: Image,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    read_only: bool = False,
    binds: Mapping[Path, str] | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[str]:
    """Start `command` in the image, as its user. Kill the process to kill all it started."""
    uid, _, gid = image.user.partition(":")
    gid = gid or uid
    if not (uid.isdigit() and gid.isdigit()):
        raise DockerfileError(f"USER {image.user}: only numbers are known here")
    become: list[str] = []
    if uid != "0" and os.geteuid() == 0:
        become = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    elif uid != "0":
        become = ["unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--"]
    variables = [f"{name}={value}" for name, value in {**image.env, **env}.items()]
    lines = _mounts(image, binds or {}, read_only=read_only)
    lines.append(f"cd {shlex.quote(image.workdir)}")
    lines.append("exec " + shlex.join([*become, "env", "-i", *variables, *command]))
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    if os.geteuid():
        namespaces += ["--user", "--map-root-user"]
    return subprocess.Popen(
        [*namespaces, "/bin/sh", "-c", "\n".join(lines)],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT if stdout is not None else None,
        text=True,
    )


def main_pid(process: subprocess.Popen[str]) -> int:
    """Return the id, on this machine, of the container's first process (to signal it)."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def why_not() -> str | None:
    """Return why this machine cannot do it, or None."""
    if sys.platform != "linux":
        return "mount namespaces exist on Linux only"
    with tempfile.TemporaryDirectory() as folder:
        image = _prepare(Path(folder, "probe"))
        probe = start(image, ["true"], env={}, stdout=subprocess.PIPE)
        output, _ = probe.communicate(timeout=20)
    return None if probe.returncode == 0 else f"this machine refuses mount namespaces: {output}"


def _package_settings() -> tuple[dict[str, str], dict[Path, str]]:
    """Return this machine's pip and proxy settings, and the folders that they name."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower() in {"http_proxy", "https_proxy", "no_proxy"}
    }
    words = {word for value in env.values() for word in value.split()}
    folders = {Path(word): word for word in words if word.startswith("/") and Path(word).is_dir()}
    return env, folders


def _run_step(image: Image, step: Instruction) -> None:
    env, binds = _package_settings()
    mount = step.options.get("mount")
    if mount is not None:
        fields = dict(part.partition("=")[::2] for part in mount.split(","))
        if fields.keys() != {"type", "target"} or fields["type"] != "cache":
            raise DockerfileError(f"line {step.line}: only --mount=type=cache,target=… is known")
        kept = PROJECT / ".cache/dockerfile" / fields["target"].strip("/").replace("/", "_")
        kept.mkdir(parents=True, exist_ok=True)
        binds[kept] = fields["target"]
    process = start(image, step.command(), env={**env, **image.args}, binds=binds)
    if process.wait() != 0:
        raise DockerfileError(f"line {step.line}: RUN ended with {process.returncode}: {step.text}")


def _copy_step(image: Image, step: Instruction, built: Mapping[str, Image], context: Path) -> None:
    words = list(step.words or shlex.split(expand(step.text, {**image.args, **image.env})))
    *sources, target = words
    into = str(PurePosixPath(image.workdir, target))
    as_folder = target.endswith(("/", ".")) or len(sources) > 1
    ignore = Ignore((context / ".dockerignore").read_text())
    origin = built.get(step.options["from"]) if "from" in step.options else None
    if "from" in step.options and origin is None:
        raise DockerfileError(f"line {step.line}: no earlier stage {step.options['from']}")

    def unwanted(folder: str, names: list[str]) -> set[str]:
        inside = Path(folder).relative_to(context)
        return {name for name in names if ignore.excludes((inside / name).as_posix())}

    for source in sources:
        path = origin.outside(source) if origin else context / source
        if not path.exists() or (origin is None and ignore.excludes(source)):
            raise DockerfileError(f"line {step.line}: COPY {source}: not in the build")
        out = image.outside(into)
        if path.is_dir():
            skip = None if origin else unwanted
            shutil.copytree(path, out, symlinks=True, ignore=skip, dirs_exist_ok=True)
        else:
            out = out / path.name if as_folder else out
            out.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, out)


def build(context: Path, work: Path, build_args: Mapping[str, str]) -> Image:
    """Run every step of `context/Dockerfile` in `work` (an empty folder); return the last stage."""
    built: dict[str, Image] = {}
    image: Image | None = None
    unused = set(build_args)
    for stage in stages(parse((context / "Dockerfile").read_text())):
        if stage.base in built or not stage.base.startswith("python:3"):
            raise DockerfileError(f"FROM {stage.base}: only python:3… is known")
        image = built[stage.name] = _prepare(work / stage.name)
        for step in stage.steps:
            variables = {**image.args, **image.env}
            text = expand(step.text, variables)
            match step.name:
                case "ARG":
                    name, _, default = step.text.partition("=")
                    image.args[name] = build_args.get(name, default)
                    unused.discard(name)
                case "ENV":
                    image.env.update(pairs(text))
                case "WORKDIR":
                    image.workdir = str(PurePosixPath(image.workdir, text))
                    image.outside(image.workdir).mkdir(parents=True, exist_ok=True)
                case "USER":
                    image.user = text
                case "EXPOSE":
                    image.exposed += text.split()
                case "CMD":
                    image.command = step.command()
                case "HEALTHCHECK":
                    image.healthcheck = step.command()
                case "RUN":
                    _run_step(image, step)
                case "COPY":
                    _copy_step(image, step, built, context)
                case _:
                    raise DockerfileError(f"line {step.line}: {step.name} is not carried out here")
    if image is None or unused:
        raise DockerfileError(f"no ARG takes --build-arg {', '.join(sorted(unused))}")
    return image


def main() -> int:
    """Build in a fresh folder, run the CMD until it ends or is interrupted, and clean up."""
    parser = argparse.ArgumentParser(description="Run the Dockerfile's steps without Docker.")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--read-only", action="store_true", help="run on a read-only root")
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print(reason, file=sys.stderr)
        return 3
    given = dict(item.partition("=")[::2] for item in options.build_arg)
    env = dict(item.partition("=")[::2] for item in options.env)
    with tempfile.TemporaryDirectory() as work:
        image = build(PROJECT, Path(work), given)
        process = start(image, image.command, env=env, read_only=options.read_only)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.kill()
            return 130


if __name__ == "__main__":
    sys.exit(main())
