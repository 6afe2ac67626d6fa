"""Draw image files as people hand them in, from MNIST digits, and count how many are classified right.

Every kind keeps the digit and changes what cameras, scanners and drawing programs change. With `--part test` the digits
are MNIST's test images, which nothing was tuned on; `--part held-out` takes the first 5,000 of the training file.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

import vaeport
from vaeport.bundle.opening import DEFAULT_BUNDLE
from vaeport.common.commands import print_table
from vaeport.images.batch import to_batch, to_uint8
from vaeport.images.fitting import Fit
from vaeport.images.pictures import draw_grid, save_picture
from vaeport_train.data.idx import read_part
from vaeport_train.data.published import MNIST

_ORIENTATION = 0x0112
_QUARTER_TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
_FITS: tuple[Fit, ...] = ("mnist", "resize")

Digit = NDArray[np.uint8]
"""uint8 [28, 28], ink is 255."""


def draw_files(folder: Path, digits: NDArray[np.uint8], labels: NDArray[np.integer], *, seed: int = 0) -> list[Path]:
    """Write one file a digit, the kinds in turn, named `<kind>-<number>-<label>`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (digit, label) in enumerate(zip(digits, labels, strict=True)):
        kind, draw = list(KINDS.items())[number % len(KINDS)]
        picture, suffix, orientation = draw(digit, np.random.default_rng((seed, number)))
        exif = Image.Exif()
        if orientation:
            exif[_ORIENTATION] = orientation
        paths.append(folder / f"{kind}-{number:03}-{label}.{suffix}")
        picture.save(paths[-1], quality=88, exif=exif)
    return paths


def _strokes(digit: Digit, size: int, *, grow: int = 0) -> Image.Image:
    """The digit as ink coverage (`L`, ink 255), smooth at any size; strokes grown or shrunk by pixels of a 28th."""
    fine = (
        Image.fromarray(digit).resize((28 * 12, 28 * 12), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(5))
    )
    solid = fine.point(lambda value: 255 if value > 110 else 0)
    if grow:
        solid = solid.filter((ImageFilter.MaxFilter if grow > 0 else ImageFilter.MinFilter)(abs(grow) * 2 + 1))
    return solid.filter(ImageFilter.GaussianBlur(2)).resize((size, size), Image.Resampling.LANCZOS)


def _on_paper(ink: Image.Image, paper: tuple[int, ...], pen: tuple[int, ...]) -> Image.Image:
    return Image.composite(Image.new("RGB", ink.size, pen), Image.new("RGB", ink.size, paper), ink)


def _thin(digit: Digit, _: np.random.Generator) -> tuple[Image.Image, str, int]:
    return ImageChops.invert(_strokes(digit, 160, grow=-6)), "png", 0


def _thick(digit: Digit, _: np.random.Generator) -> tuple[Image.Image, str, int]:
    return ImageChops.invert(_strokes(digit, 160, grow=6)), "png", 0


def _off_centre(digit: Digit, rng: np.random.Generator) -> tuple[Image.Image, str, int]:
    page = Image.new("L", (300, 220), 255)
    place = (int(rng.integers(0, 300 - 110)), int(rng.integers(0, 220 - 110)))
    page.paste(ImageChops.invert(_strokes(digit, 110)), place)
    return page, "png", 0


def _inverted(digit: Digit, _: np.random.Generator) -> tuple[Image.Image, str, int]:
    return Image.fromarray(255 - digit), "png", 0


def _coloured_paper(digit: Digit, rng: np.random.Generator) -> tuple[Image.Image, str, int]:
    paper = tuple(int(value) for value in rng.integers(90, 256, 3))
    light = sum(paper) > 384
    pen = tuple(int(value) for value in (rng.integers(0, 60, 3) if light else rng.integers(230, 256, 3)))
    return _on_paper(_strokes(digit, 200), paper, pen), "jpg", 0


def _large(digit: Digit, rng: np.random.Generator) -> tuple[Image.Image, str, int]:
    """A photograph: ball pen on white paper, light from one side, sensor noise."""
    page = Image.new("L", (2400, 1800), 0)
    page.paste(_strokes(digit, 1100), (int(rng.integers(100, 1200)), int(rng.integers(50, 650))))
    ink = np.asarray(page, np.float32) / 255
    light = np.linspace(235, 195, 2400, dtype=np.float32) - np.linspace(0, 15, 1800, dtype=np.float32)[:, None]
    noise = rng.normal(0, 6, ink.shape).astype(np.float32)
    grey = np.clip(light * (1 - 0.8 * ink) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB"), "jpg", 0


def _turned(digit: Digit, rng: np.random.Generator) -> tuple[Image.Image, str, int]:
    """A camera held sideways: the pixels lie, EXIF says how to put them up."""
    orientation = int(rng.choice(list(_QUARTER_TURNS)))
    picture = _on_paper(_strokes(digit, 240), (250, 248, 240), (20, 30, 90))
    return picture.transpose(_QUARTER_TURNS[orientation]), "jpg", orientation


def _transparent(digit: Digit, _: np.random.Generator) -> tuple[Image.Image, str, int]:
    """From a drawing program: black strokes on nothing."""
    ink = _strokes(digit, 128)
    return Image.merge("LA", (Image.new("L", ink.size, 0), ink)), "png", 0


KINDS: dict[str, Callable[[Digit, np.random.Generator], tuple[Image.Image, str, int]]] = {
    "thin": _thin,
    "thick": _thick,
    "off-centre": _off_centre,
    "inverted": _inverted,
    "coloured-paper": _coloured_paper,
    "large": _large,
    "turned": _turned,
    "transparent": _transparent,
}


def main() -> int:
    """Write the files, classify them with each fit, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-b", "--bundle", default=DEFAULT_BUNDLE, help="default: %(default)s")
    parser.add_argument("--data-dir", type=Path, help="folder of MNIST's files (default: downloaded once)")
    parser.add_argument("--part", choices=("test", "held-out"), default="test", help="default: %(default)s")
    parser.add_argument("-n", type=int, default=200, help="how many files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/hand-made"), help="default: %(default)s")
    arguments = parser.parse_args()
    images, labels = read_part(MNIST, arguments.data_dir, "test" if arguments.part == "test" else "train")
    pool = len(images) if arguments.part == "test" else 5000
    rows = np.random.default_rng(arguments.seed).permutation(pool)[: arguments.n]
    model = vaeport.load(arguments.bundle)
    paths = draw_files(arguments.out / "files", images[rows], labels[rows], seed=arguments.seed)
    answers = {"as MNIST has them": model.classify(images[rows]).labels}
    answers |= {f"fit={fit}": model.classify(paths, fit=fit).labels for fit in _FITS}
    _print_counts(paths, labels[rows], answers)
    _draw_sheet(arguments.out / "seen.png", model, paths)
    return 0


def _print_counts(paths: list[Path], labels: NDArray[np.integer], answers: dict[str, tuple[str, ...]]) -> None:
    right = {
        name: np.array([a == str(b) for a, b in zip(given, labels, strict=True)]) for name, given in answers.items()
    }
    kinds = np.array([path.name.rsplit("-", 2)[0] for path in paths])
    table = [
        (kind, str(int((kinds == kind).sum())), *(str(int(hits[kinds == kind].sum())) for hits in right.values()))
        for kind in KINDS
    ]
    total = ("right of all", str(len(paths)), *(f"{100 * hits.mean():.1f} %" for hits in right.values()))
    print_table(("kind", "files", *right), [*table, total])
    for name, given in answers.items():
        wrong = [
            f"{path.name} as {label}" for path, label, hit in zip(paths, given, right[name], strict=True) if not hit
        ]
        print(f"{name}: wrong are {', '.join(wrong[:12]) or 'none'}{' and more' if len(wrong) > 12 else ''}")


def _draw_sheet(path: Path, model: vaeport.Model, paths: list[Path]) -> None:
    """What the model sees of the first files of each kind, a column a kind."""
    shown = paths[: 6 * len(KINDS)]
    pixels = to_batch(shown, model.image_shape, fit="mnist")
    grid = to_uint8(pixels).reshape(-1, len(KINDS), *model.image_shape)
    print(save_picture(draw_grid(grid, columns=list(KINDS), scale=3), path))


if __name__ == "__main__":
    sys.exit(main())
