"""Reports of benchmarks: kept, not measured twice, and shown beside published figures; out-of-scope scores."""

import json

import numpy as np
import pytest

from training.benchmarks.jobs import Job, Measured, run_job
from training.benchmarks.page import render
from training.benchmarks.recipes import Published, Recipe, Standing, Target, load_recipes, load_standing
from training.benchmarks.records import Figure, Report, Row, changed_share, figure, read_report
from training.benchmarks.scope import choose_rejection, scope_scores
from training.config import ConfigError
from training.metrics import accuracy, macro_recall
from training.sources.benchmarks import CLASSED

ROW = Row(
    subject="toy",
    metric="accuracy",
    ours=Figure(value=0.9, low=0.85, high=0.95, n=100),
    fp32=Figure(value=0.91, low=0.86, high=0.96, n=100),
    majority=Figure(value=0.5, low=0.4, high=0.6, n=100),
    changed=0.012,
)


def job(decisive=1, *, measured=None):
    """A benchmark that counts how often it is measured."""

    def measure():
        if measured is not None:
            measured.append(1)
        return Measured((ROW,), ("toy: a note",), {"seen": decisive})

    return Job("toy", "intents", {"rows": decisive}, measure)


class TestJobs:
    """Finished work is not repeated."""

    def test_a_finished_report_is_read(self, tmp_path):
        """The second run reads the report of the first."""
        count = []
        first = run_job(job(measured=count), tmp_path)
        assert first == run_job(job(measured=count), tmp_path) == read_report(tmp_path / "toy.json")
        assert [1] == count

    def test_a_change_measures_again(self, tmp_path):
        """Other rows or another recipe make another key, and a new report."""
        run_job(job(1), tmp_path)
        assert {"seen": 2} == run_job(job(2), tmp_path).details

    def test_again_measures_again(self, tmp_path):
        """Whoever asks for it measures what is finished once more."""
        count = []
        for _ in range(2):
            run_job(job(measured=count), tmp_path, again=True)
        assert [1, 1] == count

    def test_what_is_not_defined_is_null(self, tmp_path):
        """A correlation with a constant is null in the report, never NaN."""
        undefined = figure(lambda a: float("nan"), np.zeros(3))
        report = run_job(
            Job("toy", "intents", {}, lambda: Measured((Row(subject="a", metric="b", ours=undefined),))), tmp_path
        )
        assert {"value": None, "low": None, "high": None, "n": 3} == report.rows[0].ours.model_dump()
        json.loads((tmp_path / "toy.json").read_text("utf-8"), parse_constant=pytest.fail)

    @pytest.mark.parametrize(("left", "right", "expected"), [([1, 2, 3, 4], [1, 2, 3, 3], 0.25), ([], [], None)])
    def test_changed_predictions_are_a_share(self, left, right, expected):
        """The share of rows on which two models disagree; of nothing it isn't defined."""
        assert expected == changed_share(np.asarray(left), np.asarray(right))


class TestPage:
    """The page that a reader sees."""

    STANDING = Standing(
        published=(
            Published(subject="toy", metric="accuracy", value=0.95, name="Big", source="Ann 2020", note="dev split"),
            Published(subject="toy", metric="accuracy", value=0.9, name="Small", source="Bob 2021", small=True),
            Published(subject="toy", metric="f1", value=0.1, name="Other", source="Eve 2022"),
        ),
        target=(Target(subject="toy", metric="accuracy", value=0.92),),
    )

    def report(self, **fields):
        """A report of one row."""
        values = {"name": "toy", "family": "intents", "key": "k", "created_at": "2026-01-01T00:00:00Z", "rows": (ROW,)}
        return Report.model_validate(values | fields)

    def test_a_row_holds_all_columns(self):
        """Ours with its interval stands beside the simple models, published figures with their sources, and the target."""
        (row,) = [line for line in render([self.report()], self.STANDING).splitlines() if line.startswith("| toy")]
        assert row == (
            "| toy | accuracy | 100 | 0.500 | – | – | **0.900** (0.850 to 0.950) | 0.910 | 1.20 % "
            "| 0.950 Big (Ann 2020, dev split); ≤ 33 M: 0.900 Small (Bob 2021) | 0.920 |"
        )

    def test_families_have_a_table_each(self):
        """Each family that has reports has one table, followed by its notes."""
        reports = [self.report(family="answers", notes=("toy: beware",)), self.report()]
        page = render(reports, Standing(), title="Benchmarks of toy-1")
        assert ["# Benchmarks of toy-1", "## Intents", "## Answers"] == [
            line for line in page.splitlines() if line.startswith("#")
        ]
        assert page.endswith("- toy: beware\n")


class TestScope:
    """Out of scope or not."""

    LOGITS = np.asarray([[4.0, 0.0, -4.0], [0.0, 3.0, -4.0], [0.1, 0.0, 2.0], [0.0, 0.2, 3.0]])
    OUTSIDE = np.asarray([False, False, True, True])

    def test_scores_are_higher_outside(self):
        """Each score ranks what belongs to no class above what belongs to one."""
        for values in scope_scores(self.LOGITS, n_inside=2).values():
            assert values[self.OUTSIDE].min() > values[~self.OUTSIDE].max()

    def test_scores_are_what_they_say(self):
        """By hand for the logits 0, 0 in scope and 0 outside: 1 - 1/2, -log 2 and 1/3."""
        found = scope_scores(np.zeros((1, 3)), n_inside=2)
        assert {"max_probability": [0.5], "energy": [-np.log(2)], "out_of_scope_class": [1 / 3]} == {
            name: pytest.approx(values.tolist()) for name, values in found.items()
        }

    def test_without_the_class_two_scores_remain(self):
        """A classifier without an out-of-scope class is judged by its other logits alone."""
        assert {"max_probability", "energy"} == set(scope_scores(self.LOGITS[:, :2], n_inside=2))

    def test_the_threshold_rejects_at_most_a_twentieth(self):
        """Of the validation rows in scope no more than 5 % lie above the threshold."""
        rng = np.random.default_rng(3)
        logits = rng.normal(size=(400, 5))
        outside = np.arange(400) % 4 == 0
        chosen = choose_rejection(logits, outside, n_inside=4)
        rejected = scope_scores(logits, n_inside=4)[chosen.score][~outside] > chosen.threshold
        assert 0.03 <= rejected.mean() <= 0.05

    def test_the_best_score_is_chosen(self):
        """Where only the class of its own tells, that is the score."""
        logits = np.asarray([[0.0, 0.0, float(outside)] for outside in [0, 1] * 20])
        assert "out_of_scope_class" == choose_rejection(logits, np.asarray([False, True] * 20), n_inside=2).score


class TestMeasures:
    """Accuracy and the mean of recalls."""

    def test_macro_recall_weighs_classes_alike(self):
        """By hand: recalls 2/4 and 1/1 have the mean 0.75, the accuracy is 3/5."""
        truth, predicted = np.asarray([0, 0, 0, 0, 1]), np.asarray([0, 0, 1, 1, 1])
        assert (0.75, 0.6) == (macro_recall(truth, predicted), accuracy(truth, predicted))

    def test_a_class_that_never_occurs_counts_nothing(self):
        """A wrong guess of an unseen class costs its row, and adds no class to the mean."""
        assert macro_recall(np.asarray(["a", "a"]), np.asarray(["a", "none"])) == 0.5


class TestFiles:
    """The shipped recipes and published figures hold together."""

    def test_every_benchmark_of_classed_texts_has_a_recipe(self):
        """Each has one, and there is none for anything else."""
        assert set(CLASSED) == set(load_recipes().classes)

    def test_published_figures_are_shares_with_a_source(self):
        """No figure is in per cent, and each says who published it."""
        standing = load_standing()
        assert [entry for entry in standing.published if not 0 < entry.value < 1 or not entry.source] == []
        assert [entry for entry in standing.target if not 0 < entry.value < 1] == []

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[classes.toy]\nepoch = 3\n", "classes.toy.epoch"),
            ("[classes.toy]\nr_drop = -1\n", "classes.toy.r_drop"),
            ("[classes.toy\n", "doesn't hold together"),
        ],
    )
    def test_a_wrong_recipe_is_named(self, tmp_path, text, expected):
        """A misspelt or senseless field is an error that names it."""
        path = tmp_path / "benchmarks.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=expected.replace(".", r"\.")):
            load_recipes(path)

    def test_a_missing_file_is_refused(self, tmp_path):
        """A path without a file says what was expected."""
        with pytest.raises(ConfigError, match=r"expected published\.toml"):
            load_standing(tmp_path / "published.toml")

    def test_losses_are_off_by_default(self):
        """A recipe that says nothing of them is plain cross-entropy."""
        recipe = Recipe()
        assert (0.0, 0.0, 0.0) == (recipe.label_smoothing, recipe.r_drop, recipe.contrastive)
