"""Decoding image files: any common format to (H, W, 3) uint8, or the reason why not.

The rule: the first frame of an animation, turned as EXIF says; 16-bit grey scaled to 8; transparency laid on white;
grey, palette and CMYK converted to RGB.
"""

from __future__ import annotations

import io
import warnings

import numpy as np

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "PPM", "WEBP")  # no EPS: Pillow would hand it to Ghostscript
MEGAPIXELS_MAX = 100
_ORIENTATION = 0x0112

# once for all threads: `catch_warnings` in threads does not restore the filters
warnings.filterwarnings("ignore", module="PIL")


class BrokenImage(Exception):
    """Why a file is no usable image."""


def decode(data: bytes) -> np.ndarray:
    """Decode a file's bytes to (H, W, 3) uint8.

    Raises
    ------
    BrokenImage
        Where the bytes are no image, are cut short, or hold more than `MEGAPIXELS_MAX` million pixels.
    """
    from PIL import Image, ImageOps

    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        width, height = image.size
        if width * height > MEGAPIXELS_MAX * 1_000_000:
            raise BrokenImage(f"too large: {width}x{height} pixels, the limit is {MEGAPIXELS_MAX} megapixels")
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return np.array(_rgb(image))
    except BrokenImage:
        raise
    except Image.DecompressionBombError:
        raise BrokenImage(f"too large: the limit is {MEGAPIXELS_MAX} megapixels") from None
    except Image.UnidentifiedImageError:
        raise BrokenImage("not an image" if data else "empty file") from None
    except Exception as error:  # decoders raise many kinds; each is this file's reason, and the run goes on
        raise BrokenImage(f"{error}".strip() or type(error).__name__) from None


def is_plain_jpeg(data: bytes) -> bool:
    """Whether any decoder of JPEG files gives what `decode` gives: three channels of colour, not turned by EXIF."""
    from PIL import Image

    if not data.startswith(b"\xff\xd8"):
        return False
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        coloured = image.mode == "RGB" and image.info.get("adobe_transform", 1) == 1
        return coloured and image.getexif().get(_ORIENTATION, 1) == 1


def _rgb(image):  # type: ignore[no-untyped-def]
    from PIL import Image

    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
