"""Every public call with every kind of wrong value: one sentence that names the argument, and no other exception."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import vaeport
from vaeport.checks.bench import bench
from vaeport.errors import ImageError, InputError, LabelError, VaeportError

Call = Callable[[vaeport.Model, Path, Any], object]

PIXELS = np.zeros((2, 4, 4), np.uint8)
LATENTS = np.zeros((2, 2), np.float32)

TINY = Path(__file__).parent / "tiny"


@pytest.fixture(scope="module")
def model() -> vaeport.Model:
    """The tiny bundle; over a thousand wrong calls leave it as it is."""
    return vaeport.load(TINY, threads=1)


class Hostile:
    """Whatever is done with it raises."""

    def __index__(self) -> int:
        raise KeyError("index")

    def __float__(self) -> float:
        raise KeyError("float")

    def __fspath__(self) -> str:
        raise KeyError("path")

    def __repr__(self) -> str:
        raise KeyError("repr")


def _ring() -> list[object]:
    ring: list[object] = []
    ring.append(ring)
    return ring


NO_INTEGER: dict[str, object] = {
    "None": None,
    "True": True,
    "numpy True": np.bool_(True),
    "text": "3",
    "bytes": b"3",
    "fraction": 1.5,
    "whole float": 2.0,
    "numpy float": np.float32(2),
    "NaN": float("nan"),
    "complex": 1j,
    "list": [1],
    "dict": {},
    "array": np.array([1]),
    "array of floats": np.array(1.0),
    "date": np.datetime64("2020-01-01"),
    "hostile": Hostile(),
    "far below": -(10**400),
}

INTEGERS: dict[str, tuple[str, Call]] = {
    "load threads": ("threads", lambda _, folder, v: vaeport.load(TINY, threads=_not_none(v))),
    "load chunk_rows": ("chunk_rows", lambda _, folder, v: vaeport.load(TINY, chunk_rows=v)),
    "verify threads": ("threads", lambda _, folder, v: vaeport.verify(TINY, threads=_not_none(v))),
    "encode_iter batch": ("batch", lambda model, _, v: model.encode_iter(PIXELS, batch=v)),
    "generate n": ("n", lambda model, _, v: model.generate("cat", v)),
    "generate seed": ("seed", lambda model, _, v: model.generate("cat", seed=v)),
    "generate start": ("start", lambda model, _, v: model.generate("cat", start=v)),
    "style_grid n": ("n", lambda model, _, v: model.style_grid(v)),
    "style_grid seed": ("seed", lambda model, _, v: model.style_grid(1, seed=v)),
    "style_grid start": ("start", lambda model, _, v: model.style_grid(1, start=v)),
    "interpolate steps": ("steps", lambda model, _, v: model.interpolate(PIXELS[0], PIXELS[1], v)),
    "sample_dataset n": ("n", lambda model, _, v: model.sample_dataset(v)),
    "sample_dataset seed": ("seed", lambda model, _, v: model.sample_dataset(1, seed=v)),
    "sample_dataset start": ("start", lambda model, _, v: model.sample_dataset(1, start=v)),
    "latents seed": ("seed", lambda _, __, v: vaeport.latents(v, 1, 4)),
    "latents n": ("n", lambda _, __, v: vaeport.latents(0, v, 4)),
    "latents dim": ("dim", lambda _, __, v: vaeport.latents(0, 1, v)),
    "latents start": ("start", lambda _, __, v: vaeport.latents(0, 1, 4, start=v)),
    "latents step": ("step", lambda _, __, v: vaeport.latents(0, 1, 4, step=v)),
    "save columns": ("columns", lambda model, folder, v: model.generate(0).save(folder / "a.png", columns=v)),
    "save scale": ("scale", lambda model, folder, v: model.generate(0).save(folder / "a.png", scale=v)),
    "save_gif scale": ("scale", lambda model, folder, v: model.generate(0).save_gif(folder / "a.gif", scale=v)),
    "save_gif milliseconds": (
        "milliseconds",
        lambda model, folder, v: model.generate(0).save_gif(folder / "a.gif", milliseconds=v),
    ),
    "grid scale": ("scale", lambda model, folder, v: model.style_grid(1).save(folder / "a.png", scale=v)),
    "bench batch": ("batch", lambda model, _, v: bench(model, batches=[v], seconds=0)),
}


def _not_none(value: Any) -> Any:
    """None means the default here; another value that is no number takes its place."""
    return [] if value is None else value


@pytest.mark.parametrize("call", INTEGERS)
def test_no_integer_is_refused_by_name(call: str, model: vaeport.Model, tmp_path: Path) -> None:
    name, act = INTEGERS[call]

    for value in NO_INTEGER.values():
        with pytest.raises(InputError, match=rf"^{name} is .*, but must be a whole number"):
            act(model, tmp_path, value)
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize("value", [2**62, 10**400])
@pytest.mark.parametrize(
    "call", [name for name, (word, _) in INTEGERS.items() if word not in ("seed", "start", "step")]
)
def test_huge_number_is_refused_before_memory_is_asked_for(
    call: str, value: int, model: vaeport.Model, tmp_path: Path
) -> None:
    with pytest.raises(InputError):
        INTEGERS[call][1](model, tmp_path, value)


@pytest.mark.parametrize("call", INTEGERS)
def test_numpy_integer_is_taken(call: str, model: vaeport.Model, tmp_path: Path) -> None:
    for kind in ("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"):
        number = np.dtype(kind).type(64 if "milliseconds" in call else 3)

        INTEGERS[call][1](model, tmp_path, number)
        INTEGERS[call][1](model, tmp_path, np.array(number))


NO_NUMBER: dict[str, object] = {
    "None": None,
    "True": True,
    "text": "0.5",
    "bytes": b"0.5",
    "NaN": float("nan"),
    "numpy NaN": np.float32("nan"),
    "infinity": float("inf"),
    "huge": 10**400,
    "huge long double": np.longdouble(10) ** 400,
    "negative": -0.5,
    "complex": 0.5j,
    "list": [0.5],
    "array": np.array([0.5]),
    "hostile": Hostile(),
}

NUMBERS: dict[str, tuple[str, Call]] = {
    "classify": ("reject_below", lambda model, _, v: model.classify(PIXELS, reject_below=v)),
    "generate": ("temperature", lambda model, _, v: model.generate("cat", temperature=v)),
    "style_grid": ("temperature", lambda model, _, v: model.style_grid(1, temperature=v)),
    "sample_dataset": ("temperature", lambda model, _, v: model.sample_dataset(1, temperature=v)),
    "bench": ("seconds", lambda model, _, v: bench(model, batches=[1], seconds=v)),
}


@pytest.mark.parametrize("call", NUMBERS)
def test_no_number_is_refused_by_name(call: str, model: vaeport.Model, tmp_path: Path) -> None:
    name, act = NUMBERS[call]

    for value in NO_NUMBER.values():
        with pytest.raises(InputError, match=rf"^{name} is .*, but must be a number from"):
            act(model, tmp_path, value)


@pytest.mark.parametrize("value", [0, np.int8(1), np.uint64(1), np.float16(0.5), np.longdouble(0.5), np.array(0.5)])
@pytest.mark.parametrize("call", [call for call in NUMBERS if call != "bench"])
def test_numpy_number_is_taken(call: str, value: object, model: vaeport.Model, tmp_path: Path) -> None:
    NUMBERS[call][1](model, tmp_path, value)


NO_NAME: dict[str, object] = {
    "text": "sideways",
    "empty": "",
    "bytes": b"auto",
    "number": 1,
    "list": ["auto"],
    "array": np.array(["auto", "auto"]),
    "hostile": Hostile(),
    "NUL": "auto\0",
}

NAMES: dict[str, tuple[str, Call]] = {
    "encode polarity": ("polarity", lambda model, _, v: model.encode(PIXELS, polarity=v)),
    "classify polarity": ("polarity", lambda model, _, v: model.classify(PIXELS, polarity=v)),
    "read_images fit": ("fit", lambda model, _, v: model.read_images(PIXELS, fit=v)),
    "restyle fit": ("fit", lambda model, _, v: model.restyle(PIXELS, fit=v)),
    "anomaly_score fit": ("fit", lambda model, _, v: model.encode(PIXELS, fit=v)),
    "load device": ("device", lambda _, folder, v: vaeport.load(TINY, device=v)),
    "verify device": ("device", lambda _, folder, v: vaeport.verify(TINY, device=v)),
    "load precision": ("precision", lambda _, folder, v: vaeport.load(TINY, precision=v)),
}


@pytest.mark.parametrize("call", NAMES)
def test_unknown_name_is_refused_by_name(call: str, model: vaeport.Model, tmp_path: Path) -> None:
    name, act = NAMES[call]

    for value in NO_NAME.values():
        with pytest.raises(VaeportError, match=name):
            act(model, tmp_path, value)


@pytest.mark.parametrize("device", ["cuda:" + "9" * 5000, "cuda:99999", "cuda:-1", "cuda:1.0", "cuda:²", "CPU"])
def test_device_that_no_machine_has_is_refused(device: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^device is '"):
        vaeport.load(TINY, device=device)


@pytest.mark.parametrize("value", [0, 1, "yes", b"", [], np.array([True]), Hostile()])
def test_switch_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match="^spinning is .*, but must be True or False"):
        vaeport.load(TINY, spinning=value)


@pytest.mark.parametrize("value", ["CPUExecutionProvider", 3, [], {}, [3], [("CPU",)], [("CPU", 3)], Hostile()])
def test_providers_that_are_none_are_refused(value: Any) -> None:
    for open_it in (vaeport.load, vaeport.verify):
        with pytest.raises(InputError, match="provider"):
            open_it(TINY, providers=value)


NO_PATH: dict[str, object] = {
    "None": None,
    "number": 3,
    "bytes": b"a.png",
    "NUL": "a\0b",
    "surrogate": "\ud800",
    "list": ["a"],
    "hostile": Hostile(),
}

PATHS: dict[str, Call] = {
    "save": lambda model, _, v: model.generate(0).save(v),
    "save_gif": lambda model, _, v: model.generate(0).save_gif(v),
    "grid": lambda model, _, v: model.style_grid(1).save(v),
    "save_npz": lambda model, _, v: model.sample_dataset(1).save_npz(v),
    "save_folder": lambda model, _, v: model.sample_dataset(1).save_folder(v),
}


@pytest.mark.parametrize("call", PATHS)
def test_no_path_is_refused_and_nothing_written(
    call: str, model: vaeport.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for value in NO_PATH.values():
        with pytest.raises(InputError, match="^path is "):
            PATHS[call](model, tmp_path, value)
    assert list(tmp_path.iterdir()) == []


NO_LABEL: dict[str, object] = {
    "text": "bird",
    "empty": "",
    "bytes": b"cat",
    "True": True,
    "numpy True": np.bool_(True),
    "fraction": 1.0,
    "numpy fraction": np.float64(1),
    "too high": 3,
    "negative": -1,
    "huge": 10**400,
    "dict": {"cat": 1},
    "set": {"cat"},
    "buffer": bytearray(b"\0\1"),
    "hostile": Hostile(),
    "surrogate": "\udcff",
}

LABELS: dict[str, Call] = {
    "generate": lambda model, _, v: model.generate(v),
    "decode": lambda model, _, v: model.decode(LATENTS, v),
    "decode list": lambda model, _, v: model.decode(LATENTS, ["cat", v]),
    "restyle": lambda model, _, v: model.restyle(PIXELS, [v]),
    "style_grid": lambda model, _, v: model.style_grid(1, labels=v),
    "interpolate": lambda model, _, v: model.interpolate(PIXELS[0], PIXELS[1], label=v),
    "sample_dataset": lambda model, _, v: model.sample_dataset(1, labels=[v]),
}


@pytest.mark.parametrize("call", LABELS)
def test_no_class_is_refused(call: str, model: vaeport.Model, tmp_path: Path) -> None:
    for value in NO_LABEL.values():
        with pytest.raises(LabelError, match="^unknown label .*; tiny knows cat, dog, owl$"):
            LABELS[call](model, tmp_path, value)


@pytest.mark.parametrize(
    "labels",
    [
        [1, 2],
        np.array([1, 2], np.uint8),
        np.array([1, 2], ">i8"),
        np.array(["dog", "owl"]),
        np.array(["dog", 2], object),
        (np.int32(1), np.str_("owl")),
        np.eye(3)[1:],
        range(1, 3),
    ],
    ids=str,
)
def test_labels_of_every_form_are_the_same_classes(labels: Any, model: vaeport.Model) -> None:
    drawn = model.decode(LATENTS, labels)

    np.testing.assert_array_equal(drawn.class_probs, np.eye(3, dtype=np.float32)[[1, 2]])


@pytest.mark.parametrize("labels", [range(10**12), np.zeros((2, 2), int), np.ma.masked_array([1, 2], [True, False])])
def test_labels_that_do_not_fit_are_refused(labels: Any, model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="label"):
        model.decode(LATENTS, labels)


@pytest.mark.parametrize(
    "value",
    [None, 3, 1.5, {}, {"a.png": 1}, bytearray(b"GIF89a"), memoryview(b"GIF89a"), object(), Ellipsis, Hostile, _ring()],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("verb", ["encode", "classify", "reconstruct", "restyle", "read_images", "encode_iter"])
def test_what_is_no_image_is_refused(verb: str, value: Any, model: vaeport.Model) -> None:
    with pytest.raises(ImageError):
        list(getattr(model, verb)(value))


@pytest.mark.parametrize("path", ["a\0b.png", "\ud800.png", Path("a\0b.png"), Hostile()], ids=["1", "2", "3", "4"])
def test_image_path_that_is_none_is_refused_on_one_line(path: Any, model: vaeport.Model) -> None:
    with pytest.raises(ImageError, match="^the path of an image is ") as caught:
        model.encode(path)
    assert str(caught.value).isprintable()


def test_exception_of_a_stream_passes_through(model: vaeport.Model) -> None:
    def images() -> Any:
        yield PIXELS
        raise ZeroDivisionError("the stream's own")

    for verb in (model.encode, model.classify, lambda some: list(model.encode_iter(some))):
        with pytest.raises(ZeroDivisionError, match="the stream's own"):
            verb(images())


@pytest.mark.parametrize("value", [3, [], np.zeros(3), "cat", {}], ids=lambda value: type(value).__name__)
def test_place_for_answers_that_is_none_is_refused(value: Any, model: vaeport.Model) -> None:
    with pytest.raises(InputError, match="^out "):
        model.encode(PIXELS, out=value)
    with pytest.raises(InputError, match="^out "):
        model.generate("cat", out=value)


@pytest.mark.parametrize("rows", ["abc", 3, [3], [None], ["a", "b"], Hostile()])
def test_headings_that_are_none_are_refused(rows: Any, model: vaeport.Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rows"):
        model.style_grid(1).save(tmp_path / "grid.png", rows=rows)
    assert not (tmp_path / "grid.png").exists()


@pytest.mark.parametrize("heading", ["two\nlines", "\x1b[31m", "\udcff", "x" * 10**6, "日本語", ""])
def test_heading_of_any_characters_is_drawn(heading: str, model: vaeport.Model, tmp_path: Path) -> None:
    path = model.style_grid(1).save(tmp_path / "grid.png", rows=[heading])

    with Image.open(path) as picture:
        assert picture.width < 2000


def test_page_too_large_for_a_picture_is_refused(model: vaeport.Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"would have .* pixels"):
        model.generate("cat", 6000).save(tmp_path / "a.png", columns=3, scale=64)
    with pytest.raises(InputError, match=r"would have .* pixels"):
        model.generate("cat", 4000).save_gif(tmp_path / "a.gif", scale=64)


def test_wrong_value_is_shown_short_and_on_one_line(model: vaeport.Model) -> None:
    values: list[Any] = ["x" * 10**6, "a\nb\x1b[0m", b"\n" * 10**6, 10**5000, [0] * 10**6, np.zeros(10**6), Hostile()]
    for value in values:
        with pytest.raises(InputError) as caught:
            model.generate("cat", seed=value)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200
