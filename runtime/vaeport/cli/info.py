"""`vaeport info`: what a bundle is."""

import argparse
from dataclasses import asdict

from ..bundle.opening import DEFAULT_BUNDLE, open_bundle, shipped_bundles
from ..common.commands import print_json, print_line
from . import options

_SHOWN = ("classification_error", "images")

_MOST_IMAGES = 2**63


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command."""
    parser = verbs.add_parser(
        "info", help="say what a bundle is", description="Check a bundle's seal and say what it is."
    )
    parser.add_argument(
        "bundle", nargs="?", default=DEFAULT_BUNDLE, help="folder, zip or shipped name (default: %(default)s)"
    )
    options.add_digest(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the manifest."""
    bundle = open_bundle(arguments.bundle, digest=arguments.digest)
    manifest = bundle.manifest
    if arguments.json:
        print_json({"path": str(bundle.path), "digest": bundle.digest, **asdict(manifest)})
        return 0
    channels, height, width = manifest.shapes.image
    size = sum(entry.size for entry in manifest.files.values())
    print_line(f"{manifest.name} {manifest.version}: {manifest.description}")
    print_line(f"  path        {bundle.path}")
    print_line(f"  labels      {', '.join(manifest.labels)}")
    print_line(f"  images      {width} x {height}, {'grey' if channels == 1 else 'RGB'}")
    print_line(f"  latents     {manifest.shapes.latent_dim}")
    print_line(f"  precisions  {', '.join(manifest.precisions)}")
    print_line(f"  seal        holds, {len(manifest.files)} files, {size / 1e6:.1f} MB")
    print_line(f"  digest      {bundle.digest}")
    for data, figures in manifest.evaluation.items():
        # The manifest leaves the form of figures free.
        error, images = (figures.get(key) if isinstance(figures, dict) else None for key in _SHOWN)
        if isinstance(error, int | float) and isinstance(images, int) and 0 <= error <= 1 and images < _MOST_IMAGES:
            print_line(f"  on {data}: {100 * error:.2f} % of {images} images misclassified")
    print_line(f"  made with   {', '.join(f'{name} {version}' for name, version in manifest.made_with.items())}")
    print_line(f"shipped bundles: {', '.join(shipped_bundles()) or 'none'}")
    return 0
