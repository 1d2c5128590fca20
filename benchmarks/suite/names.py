"""The heads that are measured, written out: asv finds parameters by their position in a list.

A list that each commit brings along would shift them between commits. Heads that a commit lacks are skipped.
"""

HEADS = [
    "linear", "mlp", "svm", "linear_svm", "logistic", "ridge", "lda", "qda", "gaussian_nb", "centroid", "knn", "tree",
    "forest", "extra_trees", "hist_gradient_boosting", "xgboost", "gaussian_process", "label_spreading",
    "label_propagation", "self_training", "cluster_then_label", "best",
]  # fmt: skip
IN_REFERENCE = [*(head for head in HEADS if head != "self_training"), "self_training(head=lda)", "knn(k=1)"]
"""As the study of the reference writes them."""
REGRESSORS = [
    "linear", "mlp", "svm", "linear_svm", "ridge", "knn", "tree", "forest", "extra_trees", "hist_gradient_boosting",
    "xgboost", "gaussian_process", "best",
]  # fmt: skip
