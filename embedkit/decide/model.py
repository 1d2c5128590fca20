"""Model: a fitted pipeline from images to classes or numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedkit.decide.embedder import Embedded, Embedder
from embedkit.decide.sources import Source, source_of
from embedkit.decide.training_images import NEAREST, TrainingImages
from embedkit.errors import EmbedkitError, NotApplicable

if TYPE_CHECKING:
    import pandas as pd

    from embedkit.backbones import Progress


_NEAREST = [f"nearest_{k + 1}" for k in range(NEAREST)]


@dataclass(frozen=True, eq=False)
class Model:
    """What `embedkit.fit` gives and `embedkit.load_model` reads.

    Attributes
    ----------
    about : dict
        Plain values, as ``model.json`` holds them: data, backbone, codec, head, classes, score, versions.
    estimator : estimator
        The fitted head, from embeddings (n, d) to class indices or numbers.
    embedder : Embedder
    training : TrainingImages
    learnt : list of dict
        What the codecs have learnt, as arrays.
    network_files : dict
        By name, the bytes of the files that the network is made from.
    notices : tuple of str
        What a user should know.
    """

    about: dict[str, Any]
    estimator: Any
    embedder: Embedder
    training: TrainingImages
    learnt: list[dict[str, np.ndarray]]
    network_files: dict[str, bytes]
    notices: tuple[str, ...] = ()

    @property
    def classes(self) -> list[str]:
        """Names of the classes; empty for numbers."""
        return self.about["classes"]

    def save(self, folder: str | Path) -> None:
        """Write the model into a new folder, as `embedkit.load_model` reads it.

        Raises
        ------
        EmbedkitError
            Where the folder is there already or cannot be written, or skops is missing.
        """
        from embedkit.decide.model_folder import write_model

        write_model(self, Path(folder))

    def predict(self, images: Any, *, device: str = "cpu") -> pd.DataFrame:
        """What the head says of new images.

        Parameters
        ----------
        images : str, Path or array-like
            A folder or file of images, a data set as on the command line, images (n, H, W) or (n, H, W, 3) of uint8,
            or vectors (n, d) where the model was fitted on vectors.

        Returns
        -------
        DataFrame
            One row for each image, in order: ``path``; ``class``, ``probability`` of it and ``margin`` to the next one
            (both missing where the head gives no probabilities), or ``number``; ``nearest_1`` to ``nearest_3`` (ids
            of the nearest labelled images), ``distance`` to the nearest (cosine), ``far`` where that is more than 99%
            of the labelled images have; and ``problem``, why there is no prediction, empty where there is.

        Raises
        ------
        EmbedkitError
            Where there are no images.
        """
        import pandas as pd

        parts = list(self.predictions(source_of(images), device, lambda done, doing: None))
        return pd.concat(parts, ignore_index=True)

    def predictions(self, source: Source, device: str, progress: Progress) -> Iterator[pd.DataFrame]:
        """The rows of `predict` for some images at a time; `progress` is told how many images are done."""
        if not source.ids:
            raise EmbedkitError("there are no images to predict")
        try:
            for embedded in self.embedder.embed(source, device):
                yield self._rows(source, embedded)
                done = embedded.places[-1] + 1
                progress(done, f"{done} of {len(source.ids)} images")
        except NotApplicable as reason:
            raise EmbedkitError(str(reason)) from None

    def _rows(self, source: Source, embedded: Embedded) -> pd.DataFrame:
        import pandas as pd

        sound = np.array([not problem for problem in embedded.problems])
        found = self._answers(embedded.X) if sound.any() else {}
        rows = pd.DataFrame({"path": [source.ids[place] for place in embedded.places]})
        (places,) = np.nonzero(sound)
        for name in self._columns():
            dtype = "object" if name == "class" or name in _NEAREST else "float64"
            rows[name] = pd.Series(found.get(name, []), index=places, dtype=dtype).reindex(rows.index)
        rows["far"] = rows["far"].astype("boolean")
        return rows.assign(problem=embedded.problems)

    def _columns(self) -> list[str]:
        answer = ["class", "probability", "margin"] if self.classes else ["number"]
        return [*answer, *_NEAREST, "distance", "far"]

    def _answers(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Columns for embeddings (s, d)."""
        ids, distances = self.training.nearest(X)
        near = {
            **dict(zip(_NEAREST, ids.T, strict=True)),
            "distance": distances,
            "far": distances > self.training.far_from,
        }
        if not self.classes:
            return {"number": np.asarray(self.estimator.predict(X)), **near}
        names = np.array(self.classes, dtype=object)
        if not hasattr(self.estimator, "predict_proba"):
            missing = np.full(len(X), np.nan)
            return {"class": names[self.estimator.predict(X)], "probability": missing, "margin": missing, **near}
        probabilities = np.asarray(self.estimator.predict_proba(X))
        best = self.estimator.classes_[probabilities.argmax(axis=1)]
        first, second = np.sort(probabilities, axis=1)[:, :-3:-1].T
        return {"class": names[best], "probability": first, "margin": first - second, **near}
