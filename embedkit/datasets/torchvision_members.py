"""The classification data sets of torchvision: how each is divided, and where its images and labels are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Part(NamedTuple):
    """Images of one split, and a label (text, empty for none) of each.

    Images are paths, or a uint8 array of shape (n, h, w) or (n, h, w, c).
    """

    split: str
    images: Sequence[str] | Any
    labels: list[str]


class Member(NamedTuple):
    """One data set.

    Attributes
    ----------
    parts : dict
        By split of ours (train, validation, test, or nothing), the arguments that make torchvision open it.
    read : callable
        From a split and what torchvision opened to one or more `Part`.
    variants : dict
        By the name of a variant, further arguments; the first is the default.
    """

    parts: Mapping[str, Mapping[str, Any]]
    read: Callable[[str, Any], list[Part]]
    variants: Mapping[str, Mapping[str, Any]] = {}


def _named(part: Any, labels: Any, names: Any = None) -> list[str]:
    """Class names of labels (numbers; -1 or None for none)."""
    names = getattr(part, "classes", None) if names is None else names
    numbers = [-1 if label is None else int(label) for label in np.asarray(labels).tolist()]
    if names is None:
        return [str(number) if number >= 0 else "" for number in numbers]
    texts = [name if isinstance(name, str) else name[0] for name in names]
    return [texts[number] if number >= 0 else "" for number in numbers]


def _array(split: str, part: Any) -> list[Part]:
    data = np.asarray(part.data)
    labels = np.asarray(part.targets if hasattr(part, "targets") else part.labels)
    if data.ndim == 4 and data.shape[1] == 3:
        data = data.transpose(0, 2, 3, 1)  # (n, c, h, w) of SVHN to (n, h, w, c)
    return [Part(split, data, _named(part, labels if labels.ndim == 1 else labels[:, 0]))]


def _stl10(split: str, part: Any) -> list[Part]:
    """All three, mapped from their files: torchvision would load 2.6 GiB, after a second look at every checksum."""
    folder = Path(part.root, part.base_folder)

    def images(name: str) -> Any:
        mapped = np.memmap(folder / name, dtype=np.uint8, mode="r")
        return mapped.reshape(-1, 3, 96, 96).transpose(
            0, 3, 2, 1
        )  # stored column by column: (n, c, w, h) to (n, h, w, c)

    parts = []
    for split, name in (("train", "train"), ("test", "test")):
        labels = np.fromfile(folder / f"{name}_y.bin", dtype=np.uint8).astype(np.int64) - 1
        parts.append(Part(split, images(f"{name}_X.bin"), _named(part, labels)))
    pool = images("unlabeled_X.bin")
    return [*parts, Part("", pool, [""] * len(pool))]


def _samples(split: str, part: Any) -> list[Part]:
    pairs = next(getattr(part, name) for name in ("samples", "_samples", "imgs") if hasattr(part, name))
    return [Part(split, [str(path) for path, _ in pairs], _named(part, [label for _, label in pairs]))]


def _files(split: str, part: Any) -> list[Part]:
    files = next(getattr(part, name) for name in ("_image_files", "_images") if hasattr(part, name))
    return [Part(split, [str(file) for file in files], _named(part, part._labels))]


def _caltech(split: str, part: Any) -> list[Part]:
    files = []
    for at, number in zip(part.index, part.y, strict=True):
        category = part.categories[number]
        if type(part).__name__ == "Caltech101":
            files.append(f"{part.root}/101_ObjectCategories/{category}/image_{at:04d}.jpg")
        else:
            files.append(f"{part.root}/256_ObjectCategories/{category}/{number + 1:03d}_{at:04d}.jpg")
    return [Part(split, files, _named(part, part.y, part.categories))]


def _celeba(split: str, part: Any) -> list[Part]:
    folder = f"{part.root}/{part.base_folder}/img_align_celeba"
    return [Part(split, [f"{folder}/{name}" for name in part.filename], _named(part, part.identity[:, 0]))]


def _fer2013(split: str, part: Any) -> list[Part]:
    data = np.stack([np.asarray(image) for image, _ in part._samples])
    return [Part(split, data, _named(part, [label for _, label in part._samples]))]


def _inaturalist(split: str, part: Any) -> list[Part]:
    files = [f"{part.root}/{part.all_categories[category]}/{name}" for category, name in part.index]
    return [Part(split, files, [part.all_categories[category] for category, _ in part.index])]


def _lfw(split: str, part: Any) -> list[Part]:
    return [Part(split, part.data, _named(part, part.targets, list(part.class_to_idx)))]


def _omniglot(split: str, part: Any) -> list[Part]:
    pairs = [(part._characters[number], image) for image, number in part._flat_character_images]
    files = [f"{part.target_folder}/{character}/{image}" for character, image in pairs]
    return [Part(split, files, [character for character, _ in pairs])]


def _pcam(split: str, part: Any) -> list[Part]:
    files = {kind: part._base_folder / file[0] for kind, file in part._FILES[part._split].items()}
    labels = part.h5py.File(files["targets"])["y"][:, 0, 0, 0]
    return [Part(split, part.h5py.File(files["images"])["x"], _named(part, labels))]


_TRAIN = {"train": {"train": True}, "test": {"train": False}}
_TEST = {"train": {"split": "train"}, "test": {"split": "test"}}
_VAL = {"train": {"split": "train"}, "validation": {"split": "val"}, "test": {"split": "test"}}
_TRAINVAL = {"train": {"split": "trainval"}, "test": {"split": "test"}}
_VAL_IS_TEST = {"train": {"split": "train"}, "test": {"split": "val"}}  # the labels of their test images are not public
_WHOLE: Mapping[str, Mapping[str, Any]] = {"": {}}

MEMBERS: dict[str, Member] = {
    "Caltech101": Member(_WHOLE, _caltech),
    "Caltech256": Member(_WHOLE, _caltech),
    "CelebA": Member({"": {"split": "all", "target_type": "identity"}}, _celeba),
    "CIFAR10": Member(_TRAIN, _array),
    "CIFAR100": Member(_TRAIN, _array),
    "CLEVRClassification": Member(_VAL_IS_TEST, _files),
    "Country211": Member({**_TEST, "validation": {"split": "valid"}}, _samples),
    "DTD": Member(_VAL, _files),
    "EMNIST": Member(
        _TRAIN,
        _array,
        {name: {"split": name} for name in ("balanced", "byclass", "bymerge", "letters", "digits", "mnist")},
    ),
    "EuroSAT": Member(_WHOLE, _samples),
    "FashionMNIST": Member(_TRAIN, _array),
    "FER2013": Member(_TEST, _fer2013),
    "FGVCAircraft": Member(
        _TRAINVAL, _files, {name: {"annotation_level": name} for name in ("variant", "family", "manufacturer")}
    ),
    "Flowers102": Member(_VAL, _files),
    "Food101": Member(_TEST, _files),
    "GTSRB": Member(_TEST, _samples),
    "Imagenette": Member(_VAL_IS_TEST, _samples, {name: {"size": name} for name in ("full", "320px", "160px")}),
    "ImageNet": Member(_VAL_IS_TEST, _samples),
    "INaturalist": Member({"train": {"version": "2021_train_mini"}, "test": {"version": "2021_valid"}}, _inaturalist),
    "KMNIST": Member(_TRAIN, _array),
    "LFWPeople": Member({"": {"split": "10fold"}}, _lfw),
    "MNIST": Member(_TRAIN, _array),
    "Omniglot": Member({"": {"background": True}}, _omniglot),
    "OxfordIIITPet": Member(_TRAINVAL, _files),
    "PCAM": Member(_VAL, _pcam),
    "Places365": Member(
        {"train": {"split": "train-standard", "small": True}, "test": {"split": "val", "small": True}}, _samples
    ),
    "QMNIST": Member(_TRAIN, _array),
    "RenderedSST2": Member(_VAL, _samples),
    "SEMEION": Member(_WHOLE, _array),
    "StanfordCars": Member(_TEST, _samples),
    "STL10": Member({"": {"split": "train"}}, _stl10),
    "SUN397": Member(_WHOLE, _files),
    "SVHN": Member(_TEST, _array),
    "USPS": Member(_TRAIN, _array),
}
