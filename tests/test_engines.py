"""Sweeps in partitions: the same bytes whoever works them out, on with what is there, and past a worker that dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest
from running import Command

from archcalc.errors import UsageError
from archcalc.model import load, read
from archcalc.space import partitions, space_of, workers
from archcalc.space.partitions import Wanted, cut, run, worked

pytest.importorskip("pyarrow")
from pyarrow import parquet

OVER = {"size": "96..320:16", "width": "0.25..2:0.25", "batch": "1,8"}
WANTED = Wanted(("params", "macs"), ("macs <= 4G",))


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(workers.TOKEN, "a token of some length")
    return workers.TOKEN


@pytest.fixture
def place() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    every: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        every.append(subprocess.Popen([sys.executable, "-m", "archcalc", *words], stderr=subprocess.PIPE, text=True))
        return every[-1]

    yield start
    for each in every:
        each.kill()
        each.wait()


def parts_in(folder: Path, each: int = 40, wanted: Wanted = WANTED) -> partitions.Partitions:
    folder.mkdir(exist_ok=True)
    return cut(space_of(load("mobilenet_v2"), OVER), wanted, folder, each)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix == ".parquet"}


def test_partitions_together_are_the_whole_sweep(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    assert (len(parts.files), run(parts, partitions.local)) == (6, 6)
    whole = load("mobilenet_v2").sweep(OVER, figures=WANTED.figures, where=WANTED.where)
    rows = [row for path in parts.files for row in parquet.read_table(path).to_pylist()]
    assert rows == [{**row, "width": float(row["width"])} for row in whole.to_rows()]
    assert len({str(parquet.read_schema(path)) for path in parts.files}) == 1


def test_a_sweep_goes_on_where_it_was_and_another_has_other_names(tmp_path: Path) -> None:
    parts = parts_in(tmp_path)
    run(parts, partitions.local)
    before = files(tmp_path)
    parts.files[3].unlink()
    assert (parts.left(), run(parts, partitions.local)) == ([3], 1)
    assert files(tmp_path) == before
    other = parts_in(tmp_path, wanted=WANTED._replace(figures=("macs",)))
    assert not {path.name for path in other.files} & before.keys()
    assert {path.name for path in parts_in(tmp_path).files} == before.keys()


def test_two_workers_give_the_bytes_of_one(tmp_path: Path, secret: str, place: str, started: Command) -> None:
    run(parts_in(tmp_path / "local"), partitions.local)
    for count in (1, 2):
        for _ in range(count):
            started("worker", place)
        assert run(parts_in(tmp_path / str(count)), partitions.engine_of(place)) == 6
        assert files(tmp_path / str(count)) == files(tmp_path / "local")


def test_a_partition_of_a_worker_that_dies_is_given_to_another(
    tmp_path: Path, secret: str, place: str, started: Command
) -> None:
    run(parts_in(tmp_path / "local", 30), partitions.local)
    first = started("worker", place)

    def progress(done: int) -> None:
        if done == 2:
            first.send_signal(signal.SIGKILL)
            started("worker", place)

    run(parts_in(tmp_path / "tcp", 30), partitions.engine_of(place), progress)
    assert first.wait() == -signal.SIGKILL
    assert files(tmp_path / "tcp") == files(tmp_path / "local")


def test_a_worker_with_another_token_gets_nothing(
    tmp_path: Path, secret: str, place: str, started: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = partitions.engine_of(place)
    monkeypatch.setenv(secret, "a token that is another one")
    stranger = started("worker", place)
    monkeypatch.setenv(secret, "a token of some length")

    def later() -> None:
        assert stranger.wait(60) == 2
        started("worker", place)

    threading.Thread(target=later).start()
    run(parts_in(tmp_path), engine)
    assert stranger.stderr is not None
    assert "wasn't made with this ARCHCALC_TOKEN" in stranger.stderr.read()


def test_a_mistake_of_a_worker_ends_the_sweep(tmp_path: Path, secret: str, place: str, started: Command) -> None:
    started("worker", place)
    with pytest.raises(UsageError, match="no metric 'nothing'"):
        run(parts_in(tmp_path, wanted=Wanted(("nothing",))), partitions.engine_of(place))
    assert not files(tmp_path)


def test_addresses_and_tokens_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("tcp://here", "tcp://:80", "tcp://a:b", "http://a:80", "tcp://a:70000"):
        with pytest.raises(UsageError, match="tcp://HOST:PORT"):
            workers.address(wrong)
    for short in ("", "short"):
        monkeypatch.setenv(workers.TOKEN, short)
        with pytest.raises(UsageError, match="16 characters"):
            partitions.engine_of("tcp://127.0.0.1:80")
    with pytest.raises(UsageError, match="no engine 'spark'"):
        partitions.engine_of("spark")
    monkeypatch.setenv(workers.TOKEN, "a token of some length")
    with pytest.raises(UsageError, match="nothing answers"):
        workers.work("tcp://127.0.0.1:9", wait=0)


def test_a_task_has_all_of_a_space(tmp_path: Path) -> None:
    """Words, lists, fractions, members of lists, variants, and a spec of one's own."""
    text = (
        "archcalc: 1\nname: t\ninput: [3, size, size]\nparams: {size: 32, w: 0.5, act: relu, depths: [1, 2]}\nlayers:\n"
        "  - depths[1] x conv make_divisible(24*w,8) 3x3 act=act\n"
    )
    path = tmp_path / "net.yaml"
    path.write_text(text)
    model = load(str(path))
    over = {"size": [8, 16], "w": "1/3,0.7", "act": "relu,prelu", "depths.1": "1..2"}
    space = space_of(model, over, train=True, bindings={"depths": (2, 3)})
    parts = cut(space, Wanted(("params", "training")), tmp_path / "parts", 5)
    rows = [row for task in parts.tasks for row in parquet.read_table(BytesIO(worked(task))).to_pylist()]
    wanted = read(text, str(path)).sweep(over, figures="params,training", train=True, bindings={"depths": (2, 3)})
    assert [row["training"] for row in rows] == [row["training"] for row in wanted.to_rows()]
    assert [Fraction(row["w"]).limit_denominator(100) for row in rows] == [row["w"] for row in wanted]


def test_the_command_writes_partitions_and_goes_on(archcalc: Command, tmp_path: Path) -> None:
    words = ("sweep", "resnet50", "--over", "size=32..131", "--format", "parquet", "--partition", "25")
    done = archcalc(*words, "-o", f"{tmp_path}/parts/")
    assert (done.code, "4 partitions in" in done.err, len(files(tmp_path / "parts"))) == (0, True, 4)
    next((tmp_path / "parts").glob("*.parquet")).unlink()
    done = archcalc(*words, "-o", f"{tmp_path}/parts/", "--engine", "local")
    assert (done.code, "3 of them were there" in done.err) == (0, True)
    assert archcalc(*words[:4], "--engine", "local").code == 2


def test_a_dask_cluster_of_two_processes_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    run(parts_in(tmp_path / "local", 20), partitions.local)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        monkeypatch.setattr(distributed, "Client", lambda: distributed.client.Client(cluster))

        def progress(done: int) -> None:
            if done == 2:  # one of the two goes, and its partitions are worked out by others
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        assert run(parts_in(tmp_path / "dask", 20), partitions.ENGINES["dask"], progress) == 12
    assert files(tmp_path / "dask") == files(tmp_path / "local")
