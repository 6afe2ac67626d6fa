"""`vaeport info`: what a bundle is."""

import argparse
from dataclasses import asdict

from ..bundle.opening import DEFAULT_BUNDLE, open_bundle, shipped_bundles
from ..common.commands import print_json
from . import options

_SHOWN = ("classification_error", "images")


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
    print(f"{manifest.name} {manifest.version}: {manifest.description}")
    print(f"  path        {bundle.path}")
    print(f"  labels      {', '.join(manifest.labels)}")
    print(f"  images      {width} x {height}, {'grey' if channels == 1 else 'RGB'}")
    print(f"  latents     {manifest.shapes.latent_dim}")
    print(f"  precisions  {', '.join(manifest.precisions)}")
    print(f"  seal        holds, {len(manifest.files)} files, {size / 1e6:.1f} MB")
    print(f"  digest      {bundle.digest}")
    for data, figures in manifest.evaluation.items():
        # The manifest leaves the form of figures free.
        error, images = (figures.get(key) if isinstance(figures, dict) else None for key in _SHOWN)
        if isinstance(error, int | float) and isinstance(images, int):
            print(f"  on {data}: {100 * error:.2f} % of {images} images misclassified")
    print(f"  made with   {', '.join(f'{name} {version}' for name, version in manifest.made_with.items())}")
    print(f"shipped bundles: {', '.join(shipped_bundles()) or 'none'}")
    return 0
