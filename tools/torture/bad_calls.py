"""Bad inputs of every kind, each of which the runtime refuses by a VaeportError."""

import io
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import vaeport


def bad_images(model: vaeport.Model, folder: Path) -> dict[str, Any]:
    """Images that no verb takes, by what is wrong with them."""
    shape, endless = model.image_shape, list[object]()
    endless.append(endless)
    png = picture_content(Image.new("L", (40, 40), 90), "PNG")
    return {
        "wrong shape": np.zeros((2, shape[1] + 1, shape[2]), np.uint8),
        "NaN": np.full((2, *shape), np.nan, np.float32),
        "infinity": np.full((2, *shape), np.inf),
        "values up to 2": np.full(shape, 2.0),
        "integers of 64 bits": np.zeros(shape, np.int64),
        "complex numbers": np.zeros(shape, np.complex64),
        "strings": np.zeros(shape, "U3"),
        "a masked array": np.ma.zeros(shape),
        "a list in itself": endless,
        "a mapping": {"image": png},
        "PNG cut short": png[:60],
        "PNG with a bit changed": png[:45] + bytes([png[45] ^ 4]) + png[46:],
        "text as content": b"no image at all",
        "no such file": folder / "absent.png",
        "a folder": folder,
        "None": None,
        "good, then damaged": [random_images(model, 1), png[:60]],
    }


def bad_arguments(given: vaeport.Model) -> dict[str, Callable[[], object]]:
    """Calls with one wrong argument, by what is wrong with it."""
    model: Any = given  # types that are wrong are part of the trial
    load: Any = vaeport.load
    shape, z = model.image_shape, np.zeros((2, model.latent_dim), np.float32)
    png = picture_content(Image.new("L", (9, 9)), "PNG")
    return {
        "images far too many": lambda: model.encode(np.broadcast_to(np.uint8(0), (2**40, *shape))),
        "unknown label": lambda: model.generate("no such class", 2),
        "label index too large": lambda: model.decode(z, len(model.labels)),
        "labels too many": lambda: model.decode(z, [0, 1, 2]),
        "latents too short": lambda: model.decode(z[:, :1], 0),
        "latents NaN": lambda: model.decode(z * np.nan, 0),
        "buffer of another type": lambda: model.decode(z, 0, out=np.zeros((2, *shape), np.float64)),
        "buffer of another size": lambda: model.decode(z, 0, out=np.zeros((3, *shape), np.float32)),
        "seed below 0": lambda: model.generate(0, seed=-1),
        "negative count": lambda: model.generate(0, -3),
        "huge count": lambda: model.generate(0, 2**62),
        "temperature NaN": lambda: model.style_grid(2, temperature=float("nan")),
        "one step": lambda: model.interpolate(random_images(model, 1), random_images(model, 1), 1),
        "three ends": lambda: model.interpolate(random_images(model, 2), random_images(model, 1)),
        "class named twice": lambda: model.sample_dataset(1, labels=[0, 0]),
        "unknown fit": lambda: model.encode(png, fit="squeeze"),
        "unknown polarity": lambda: model.encode(png, polarity="grey"),
        "batch of 0": lambda: list(model.encode_iter([png], batch=0)),
        "precision that is not there": lambda: load(model.bundle.path, precision="int3"),
        "count as a string": lambda: model.generate(0, "3"),
        "count with a fraction": lambda: model.generate(0, 1.5),
        "count of True": lambda: model.generate(0, True),
        "count as a list": lambda: model.style_grid([2]),
        "seed of None": lambda: model.generate(0, seed=None),
        "seed as a float": lambda: model.sample_dataset(1, seed=np.float32(7)),
        "start of infinity": lambda: model.generate(0, start=float("inf")),
        "temperature as a string": lambda: model.generate(0, temperature="1"),
        "label of bytes": lambda: model.generate(b"0"),
        "labels of None": lambda: model.decode(z, None),
        "labels in a set": lambda: model.restyle(random_images(model, 1), {0}),
        "latents as strings": lambda: model.decode("latents", 0),
        "latents beyond float32": lambda: model.decode(z.astype(np.float64) + 1e300, 0),
        "buffer that is read-only": lambda: model.decode(z, 0, out=np.broadcast_to(np.float32(0), (2, *shape))),
        "device of None": lambda: load(model.bundle.path, device=None),
        "threads as a string": lambda: load(model.bundle.path, threads="2"),
        "path of None": lambda: load(None),
        "path with a NUL": lambda: vaeport.open_bundle("a\0b"),
        "unknown device": lambda: load(model.bundle.path, device="abacus"),
    }


def bad_bundles(bundle: Path, zipped: Path, folder: Path) -> dict[str, Callable[[], object]]:
    """Loading copies of a bundle that are not as they were sealed.

    Args:
        bundle: a bundle's folder.
        zipped: the same as a zip.
        folder: where the copies are put.
    """

    def copy(name: str) -> Path:
        return Path(shutil.copytree(bundle, folder / name))

    weights = next((copy("changed") / "fp32").rglob("model.onnx"))
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (copy("missing") / "golden.npz").unlink()
    (copy("extra") / "note.txt").write_bytes(b"")
    manifest = copy("cut") / "bundle.json"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    (copy("linked") / "link").symlink_to("bundle.json")
    content, middle = zipped.read_bytes(), zipped.stat().st_size // 2
    zips = {
        "zip-changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "zip-cut": content[:-30],
        "zip-empty": b"PK\5\6" + bytes(18),
        "no-zip": b"no zip",
    }
    for name, damaged in zips.items():
        (folder / name).write_bytes(damaged)
    names = ("changed", "missing", "extra", "cut", "linked", "absent", *zips)
    return {f"a bundle {name}": partial(vaeport.load, folder / name) for name in names}


def random_images(model: vaeport.Model, n: int) -> NDArray[np.uint8]:
    """The same n images each time, uint8 [n, C, H, W]."""
    return np.random.default_rng(n).integers(0, 256, (n, *model.image_shape), np.uint8)


def picture_content(picture: Image.Image, kind: str) -> bytes:
    """Content of an image file."""
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()
