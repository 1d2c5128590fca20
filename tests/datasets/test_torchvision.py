"""Data sets of torchvision from small files in its layouts: nothing is downloaded here."""

from __future__ import annotations

import inspect
import io
import pickle
import re
import struct
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torchvision.datasets as theirs
from PIL import Image
from torchvision.datasets.utils import extract_archive

from embedkit.datasets import dataset_spec, download_of
from embedkit.datasets.dataset import Dataset
from embedkit.datasets.downloads import data_folder, fetch
from embedkit.datasets.torchvision import torchvision
from embedkit.datasets.torchvision_members import MEMBERS
from embedkit.errors import EmbedkitError

unpacks = pytest.mark.skipif(
    not hasattr(tarfile, "data_filter"), reason="needs Python 3.11.4, to unpack archives safely"
)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for downloads, and no network."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a test must not download")

    monkeypatch.setattr("torchvision.datasets.utils._urlretrieve", refuse)
    monkeypatch.setattr("torchvision.datasets.utils._get_redirect_url", refuse)
    monkeypatch.setenv("EMBEDKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def opened(name: str, root: Path | None = None, variant: str | None = None) -> Dataset:
    where = None if root is None else str(root)
    return torchvision(lambda done, total: None, name=name, root=where, variant=variant)


def told(name: str, root: Path | None = None, variant: str | None = None) -> str:
    with pytest.raises(EmbedkitError) as error:
        opened(name, root, variant)
    return str(error.value)


def labels_of(dataset: Dataset) -> list[str]:
    return [(*dataset.classes, "")[label] for label in dataset.labels]


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_mnist(root: Path, name: str = "MNIST") -> tuple[np.ndarray, np.ndarray]:
    raw = root / name / "raw"
    raw.mkdir(parents=True)
    train, test = noise(0, 3, 28, 28), noise(1, 2, 28, 28)
    for start, images, labels in (("train", train, [5, 0, 9]), ("t10k", test, [9, 0])):
        (raw / f"{start}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, *images.shape) + images.tobytes())
        (raw / f"{start}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, len(labels)) + bytes(labels))
    return train, test


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_arrays_are_read_with_their_splits_and_classes(name: str, tmp_path: Path) -> None:
    train, test = write_mnist(tmp_path / "root", name)
    dataset = opened(name, tmp_path / "root")
    classes = getattr(theirs, name).classes
    assert (dataset.name, dataset.recipe, dataset.shape) == (name, f'torchvision(name="{name}")', (28, 28, 1))
    assert dataset.ids == ("train/0000000", "train/0000001", "train/0000002", "test/0000000", "test/0000001")
    assert labels_of(dataset) == [classes[at] for at in (5, 0, 9, 9, 0)]
    assert list(dataset.splits) == ["train"] * 3 + ["test"] * 2
    np.testing.assert_array_equal(dataset.image(2)[..., 0], train[2])
    np.testing.assert_array_equal(dataset.image(4)[..., 0], test[1])


def test_a_root_that_moves_is_the_same_data(tmp_path: Path) -> None:
    write_mnist(tmp_path / "root")
    before = opened("MNIST", tmp_path / "root")
    (tmp_path / "root").rename(tmp_path / "elsewhere")
    assert opened("MNIST", tmp_path / "elsewhere").fingerprint == before.fingerprint


def test_folders_are_read_by_our_rules_for_images(tmp_path: Path, write_photo: Callable[..., Path]) -> None:
    for seed in range(40):
        kind = "Forest" if seed % 2 else "River"
        write_photo(tmp_path / "root/eurosat/2750" / kind / f"{kind}_{seed}.png", seed)
    (tmp_path / "root/eurosat/2750/River/cut.jpg").write_bytes(b"")
    dataset = opened("EuroSAT", tmp_path / "root")
    assert (len(dataset), dataset.classes, set(dataset.splits)) == (40, ("Forest", "River"), {""})
    assert dataset.unreadable == (("eurosat/2750/River/cut.jpg", "empty file"),)
    at = dataset.ids.index("eurosat/2750/Forest/Forest_3.png")
    np.testing.assert_array_equal(
        dataset.image(at), np.asarray(Image.open(tmp_path / "root/eurosat/2750/Forest/Forest_3.png"))
    )


def test_a_validation_split_joins_train(
    tmp_path: Path, write_photo: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.io import savemat

    base = tmp_path / "root/flowers-102"
    for number in range(1, 7):
        write_photo(base / "jpg" / f"image_{number:05d}.jpg", number)
    savemat(base / "setid.mat", {"trnid": [1, 2], "valid": [3, 4], "tstid": [5, 6]})
    savemat(base / "imagelabels.mat", {"labels": [1, 2, 1, 2, 1, 2]})
    monkeypatch.setattr("torchvision.datasets.flowers102.check_integrity", lambda *_: True)
    dataset = opened("Flowers102", tmp_path / "root")
    assert list(dataset.splits) == ["train"] * 4 + ["test"] * 2
    assert labels_of(dataset)[:2] == theirs.Flowers102.classes[:2]


def test_the_unlabelled_images_of_stl10_are_the_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "root/stl10_binary"
    base.mkdir(parents=True)
    for seed, (name, n) in enumerate({"train": 2, "test": 3, "unlabeled": 4}.items()):
        noise(seed, n, 3, 96, 96).tofile(base / f"{name}_X.bin")
        if name != "unlabeled":
            (np.arange(n, dtype=np.uint8) % 2 + 1).tofile(base / f"{name}_y.bin")
    (base / "class_names.txt").write_text("airplane\nbird\n")
    monkeypatch.setattr("torchvision.datasets.stl10.check_integrity", lambda *_: True)
    dataset = opened("STL10", tmp_path / "root")
    assert labels_of(dataset) == ["airplane", "bird", "airplane", "bird", "airplane", "", "", "", ""]
    assert list(dataset.splits) == ["train"] * 2 + ["test"] * 3 + [""] * 4
    assert dataset.ids[-1] == "all/0000003"
    for first, split in ((0, "train"), (2, "test"), (5, "unlabeled")):
        expected = theirs.STL10(str(tmp_path / "root"), split=split)[1][0]
        np.testing.assert_array_equal(dataset.image(first + 1), np.asarray(expected))


def test_colour_arrays_have_their_channels_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import savemat

    (tmp_path / "root").mkdir()
    for seed, split in enumerate(("train", "test")):
        savemat(tmp_path / "root" / f"{split}_32x32.mat", {"X": noise(seed, 32, 32, 3, 2), "y": np.array([[10], [3]])})
    monkeypatch.setattr("torchvision.datasets.svhn.check_integrity", lambda *_: True)
    dataset = opened("SVHN", tmp_path / "root")
    assert labels_of(dataset) == ["0", "3", "0", "3"]
    np.testing.assert_array_equal(dataset.image(3), noise(1, 32, 32, 3, 2)[..., 1])


LAYOUTS: dict[str, tuple[list[str], dict[str, str], list[tuple[str, str]]]] = {
    "Caltech101": (
        [f"caltech101/101_ObjectCategories/{name}/image_0001.jpg" for name in ("BACKGROUND_Google", "ant", "bass")],
        {},
        [("ant", ""), ("bass", "")],
    ),
    "Caltech256": (
        [f"caltech256/256_ObjectCategories/{at:03}.{name}/{at:03}_0001.jpg" for at, name in ((1, "ak47"), (2, "bat"))],
        {},
        [("001.ak47", ""), ("002.bat", "")],
    ),
    "GTSRB": (
        [f"gtsrb/GTSRB/{name}.ppm" for name in ("Training/00000/a", "Training/00001/b", "Final_Test/Images/c")],
        {"gtsrb/GT-final_test.csv": "Filename;ClassId\nc.ppm;1\n"},
        [("0", "train"), ("1", "train"), ("1", "test")],
    ),
    "Imagenette": (
        [f"imagenette2/{name}.jpeg" for name in ("train/n01440764/a", "train/n02102040/b")]
        + [f"imagenette2/{name}.jpeg" for name in ("val/n01440764/c", "val/n02102040/d")],
        {},
        [("tench", "train"), ("English springer", "train"), ("tench", "test"), ("English springer", "test")],
    ),
    "OxfordIIITPet": (
        [f"oxford-iiit-pet/images/{name}.jpg" for name in ("Bengal_1", "beagle_2", "Bengal_3", "beagle_4")],
        {
            "oxford-iiit-pet/annotations/trainval.txt": "Bengal_1 1 1 1\nbeagle_2 2 2 1\n",
            "oxford-iiit-pet/annotations/test.txt": "Bengal_3 1 1 1\nbeagle_4 2 2 1\n",
        },
        [("Bengal", "train"), ("Beagle", "train"), ("Bengal", "test"), ("Beagle", "test")],
    ),
    "DTD": (
        [
            f"dtd/dtd/images/{name}.jpg"
            for name in ("dotted/1", "woven/2", "dotted/3", "woven/4", "dotted/5", "woven/6")
        ],
        {
            "dtd/dtd/labels/train1.txt": "dotted/1.jpg\nwoven/2.jpg\n",
            "dtd/dtd/labels/val1.txt": "dotted/3.jpg\nwoven/4.jpg\n",
            "dtd/dtd/labels/test1.txt": "dotted/5.jpg\nwoven/6.jpg\n",
        },
        [(name, split) for split in ("train", "train", "test") for name in ("dotted", "woven")],
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_files_in_the_layouts_of_torchvision_are_read(
    name: str, tmp_path: Path, write_photo: Callable[..., Path]
) -> None:
    images, texts, expected = LAYOUTS[name]
    for seed, image in enumerate(images):
        write_photo(tmp_path / "root" / image, seed)
    for file, text in texts.items():
        (tmp_path / "root" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / file).write_text(text)
    dataset = opened(name, tmp_path / "root")
    assert list(zip(labels_of(dataset), dataset.splits, strict=True)) == expected
    first = tmp_path / "root" / dataset.ids[0]
    np.testing.assert_array_equal(dataset.image(0), np.asarray(Image.open(first)))


@pytest.mark.parametrize(
    ("name", "part", "images", "labels"),
    [
        (
            "CelebA",
            {"root": "r", "base_folder": "celeba", "filename": ["1.jpg"], "identity": np.array([[7]])},
            ["r/celeba/img_align_celeba/1.jpg"],
            ["7"],
        ),
        (
            "INaturalist",
            {"root": "r/2021_valid", "all_categories": ["0_a", "1_b"], "index": [(1, "x.jpg")]},
            ["r/2021_valid/1_b/x.jpg"],
            ["1_b"],
        ),
        ("LFWPeople", {"data": ["r/x.jpg"], "targets": [1], "class_to_idx": {"Ann": 0, "Bo": 1}}, ["r/x.jpg"], ["Bo"]),
        (
            "Omniglot",
            {"target_folder": "r", "_characters": ["Latin/1"], "_flat_character_images": [("x.png", 0)]},
            ["r/Latin/1/x.png"],
            ["Latin/1"],
        ),
        ("FER2013", {"_samples": [(np.eye(2, dtype=np.uint8), None)]}, [[[1, 0], [0, 1]]], [""]),
    ],
)
def test_what_torchvision_opened_is_told_in_paths_and_labels(
    name: str, part: dict[str, Any], images: list[Any], labels: list[str]
) -> None:
    (read,) = MEMBERS[name].read("train", SimpleNamespace(**part))
    assert (np.asarray(read.images).tolist(), read.labels) == (images, labels)


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_is_a_class_that_takes_its_arguments(name: str) -> None:
    member = MEMBERS[name]
    parameters = inspect.signature(getattr(theirs, name)).parameters
    for arguments in [*member.parts.values(), *member.variants.values()]:
        assert set(arguments) <= set(parameters) or name in ("EMNIST", "QMNIST")
    assert set(member.parts) <= {"train", "validation", "test", ""}


def test_a_name_and_a_variant_that_are_not_there_are_told() -> None:
    assert told("MNITS").startswith("torchvision: unknown name 'MNITS'; did you mean 'MNIST'? names: Caltech101,")
    assert told("EMNIST", variant="letter") == (
        "torchvision: EMNIST has no variant 'letter'; did you mean 'letters'? "
        "variants: balanced, byclass, bymerge, letters, digits, mnist"
    )
    assert told("MNIST", variant="x") == "torchvision: MNIST has no variant 'x'; variants: none"


def test_a_root_that_holds_something_else_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/readme.txt").write_text("x")
    assert told("MNIST", tmp_path / "root") == (
        f"{str(tmp_path / 'root')!r} does not hold MNIST as torchvision expects it "
        "(Dataset not found. You can use download=True to download it); "
        "give the root that torchvision filled, or an empty folder to download to"
    )
    assert [file.name for file in (tmp_path / "root").iterdir()] == ["readme.txt"]


class Fake:
    """Stands for a class of torchvision whose download writes an archive of photos and unpacks it."""

    member = "a.png"
    error: Exception | None = None
    downloads: list[Path]
    classes = ("cat", "dog")

    def __init__(self, root: str, download: bool = False) -> None:
        if download:
            self.downloads.append(Path(root))
            archive = Path(root, "photos.tar")
            with tarfile.open(archive, "w") as tar:
                for seed, name in enumerate((self.member, "b.png")):
                    data = io.BytesIO()
                    Image.fromarray(noise(seed, 4, 4, 3)).save(data, "PNG")
                    entry = tarfile.TarInfo(name)
                    entry.size = data.tell()
                    tar.addfile(entry, io.BytesIO(data.getvalue()))
            if self.error:
                raise self.error
            extract_archive(str(archive), root)
        self.samples = [(f"{root}/{name}", at) for at, name in enumerate(("a.png", "b.png"))]
        if not Path(root, "a.png").exists():
            raise RuntimeError("Dataset not found")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    monkeypatch.setattr(theirs, "EuroSAT", Fake)
    monkeypatch.setattr(Fake, "downloads", [], raising=False)
    return Fake


@unpacks
def test_what_is_absent_is_downloaded_once_and_announced(fake: type[Fake], data: Path) -> None:
    assert download_of(dataset_spec("eurosat")) == f"EuroSAT, 94 MB, by torchvision, to {data / 'EuroSAT'}"
    assert opened("EuroSAT").ids == ("a.png", "b.png")
    assert download_of(dataset_spec("eurosat")) == ""
    assert len(opened("EuroSAT")) == 2
    assert len(fake.downloads) == 1
    assert [folder.name for folder in data.iterdir()] == ["EuroSAT"]
    assert download_of(dataset_spec("digits")) == ""


def test_a_python_that_cannot_unpack_safely_downloads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises(EmbedkitError, match=re.escape(f"take a newer one, or fill {tmp_path / 'new'} by hand")):
        fetch(tmp_path / "new", lambda folder: None)


@unpacks
def test_an_empty_root_is_downloaded_to(fake: type[Fake], tmp_path: Path, data: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(opened("EuroSAT", tmp_path / "empty")) == 2
    assert sorted(file.name for file in (tmp_path / "empty").iterdir()) == ["a.png", "b.png", "photos.tar"]
    assert not data.exists()


@unpacks
def test_a_download_that_is_cut_short_leaves_nothing_behind(
    fake: type[Fake], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "error", OSError("no route to host"))
    assert told("EuroSAT") == (
        "EuroSAT could not be downloaded (no route to host); where there is a network, download it by "
        'torchvision.datasets.EuroSAT, and give its folder here: torchvision(name="EuroSAT", root="...")'
    )
    assert list(data.iterdir()) == []
    (data / ".EuroSAT.part").mkdir()
    (data / ".EuroSAT.part" / "half.png").write_bytes(b"")
    monkeypatch.setattr(fake, "error", None)
    assert len(opened("EuroSAT")) == 2
    assert not (data / "EuroSAT" / "half.png").exists()


@unpacks
def test_of_two_at_once_one_downloads_and_the_other_waits(fake: type[Fake], monkeypatch: pytest.MonkeyPatch) -> None:
    started, real = threading.Event(), Fake.__init__

    def slow(self: Fake, root: str, download: bool = False) -> None:
        real(self, root, download)
        if download:
            started.set()
            time.sleep(0.2)

    monkeypatch.setattr(Fake, "__init__", slow)
    found: list[Dataset] = []
    first = threading.Thread(target=lambda: found.append(opened("EuroSAT")))
    first.start()
    assert started.wait(10)
    found.append(opened("EuroSAT"))
    first.join()
    assert [len(dataset) for dataset in found] == [2, 2]
    assert len(fake.downloads) == 1


def test_a_variant_has_a_folder_of_its_own(data: Path) -> None:
    spec = dataset_spec('torchvision(name="Imagenette", variant="160px")')
    assert download_of(spec) == f"Imagenette, by torchvision, to {data / 'Imagenette-160px'}"


@unpacks
@pytest.mark.parametrize("member", ["../../slipped.png", "/tmp/../tmp/embedkit_slipped.png"])
def test_an_archive_that_reaches_out_of_its_folder_is_refused(
    member: str, fake: type[Fake], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "member", member)
    monkeypatch.setattr(tarfile.TarFile, "extraction_filter", staticmethod(tarfile.fully_trusted_filter))
    assert "EuroSAT could not be downloaded" in told("EuroSAT")
    assert list(tmp_path.rglob("slipped*")) == []
    assert not Path("/tmp/embedkit_slipped.png").exists()


@unpacks
def test_what_torchvision_cannot_download_is_told() -> None:
    assert "torchvision cannot download it: its licence or server does not allow that" in told("FER2013")


def test_pickles_with_another_checksum_are_not_opened(tmp_path: Path) -> None:
    trap = b"cos\nmkdir\n(V" + str(tmp_path / "ran").encode() + b"\ntR."
    base = tmp_path / "root/cifar-10-batches-py"
    base.mkdir(parents=True)
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"):
        (base / name).write_bytes(trap)
    assert "Dataset not found or corrupted" in told("CIFAR10", tmp_path / "root")
    assert not (tmp_path / "ran").exists()
    pickle.loads(trap)
    assert (tmp_path / "ran").exists()


def test_downloads_go_to_the_users_folder_for_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert data_folder() == tmp_path / "data"
    monkeypatch.delenv("EMBEDKIT_DATA")
    assert data_folder().parts[-2:] == ("embedkit", "data")


@pytest.mark.shared_data
def test_mnist_is_read_with_its_counts(shared_data: Path) -> None:
    dataset = opened("MNIST", shared_data / "mnist")
    assert (len(dataset), int((dataset.splits == "test").sum())) == (70_000, 10_000)
