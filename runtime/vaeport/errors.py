"""Every error that vaeport raises on purpose: one base, and beside it the builtin a caller would have caught anyway."""


class VaeportError(Exception):
    """Base of all of them. `exit_code` is what a command ends with when the error reaches it."""

    exit_code = 2


class BundleError(VaeportError, ValueError):
    """A bundle or its manifest cannot be read as one."""


class BundleNotFoundError(BundleError, FileNotFoundError):
    """No bundle stands at the path, and none ships under the name."""


class SealError(BundleError):
    """A file of the bundle is missing, extra, changed, linked, or outside the folder."""


class InputError(VaeportError, ValueError):
    """An array, number or option that does not fit the model."""


class LabelError(InputError):
    """A class that the model does not know."""


class ImageError(InputError):
    """A file or array that is not an image the model can take."""


class ImageNotFoundError(ImageError, FileNotFoundError):
    """No image file stands at the path."""


class DeviceError(VaeportError, RuntimeError):
    """The requested device is not the one that would run."""

    exit_code = 3


class MissingExtraError(VaeportError, ImportError):
    """A package is missing that an optional extra of vaeport brings."""


class OutputError(VaeportError, OSError):
    """A result could not be written; nothing half-written is left."""


class DivergedError(VaeportError, ArithmeticError):
    """Training ran into a loss that is no number."""

    exit_code = 1


class CheckFailedError(VaeportError):
    """A check fell short: a mismatch, or a figure past its bound."""

    exit_code = 1
