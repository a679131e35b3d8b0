"""What the classifier finds adult stays in the renderer, unless its place is open for that."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from jobs.admission import PromptRules
from jobs.errors import SettingsError
from jobs.settings import read
from jobs.settings_table import Rating
from newbie_pipeline.render import RenderResult
from supervisor.child import ChildSpec
from supervisor.process import Supervisor
from tests.tiny_classifier import make_classifier
from tests.worker.chosen_renderer import ChosenRenderer, Served
from tests.worker.conftest import job
from worker import client
from worker.errors import ClassifierFailed, PictureRefused, WorkerError
from worker.screening import Screen
from worker.settings import WorkerSettings

ADULT = PromptRules(Rating.ADULT)
WHITE, BLACK = (Image.new("RGB", (4, 4), colour) for colour in ("white", "black"))

Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_classifier(tmp_path_factory.mktemp("model") / "classifier")


@pytest.fixture(scope="module")
def broken_classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_classifier(tmp_path_factory.mktemp("model") / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-16])
    return folder


def settings(folder: Path | None, **more: object) -> WorkerSettings:
    named = None if folder is None else str(folder)
    return WorkerSettings(
        **{"model": ".", "classifier": named, "classifier_adult_labels": "nsfw", **more}
    )


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve chosen pictures, as the settings screen them."""
    started: list[Served] = []

    def start(images: tuple[Image.Image, ...], wanted: WorkerSettings) -> Served:
        renderer = ChosenRenderer()
        renderer.result = RenderResult(images)
        started.append(Served(renderer, tmp_path / "renderer.sock", Screen.load(wanted)))
        return started[-1]

    yield start
    for each in started:
        each.stop()


async def test_a_picture_that_is_found_adult_stays_where_it_is(
    serve: Serve, classifier: Path
) -> None:
    served = serve((WHITE,), settings(classifier))
    with pytest.raises(PictureRefused):
        await served.draw()
    rendered = await served.draw(rules=ADULT)
    assert [picture.pixels for picture in rendered.pictures if picture] == [WHITE.tobytes()]


async def test_a_picture_that_is_not_passes_everywhere(serve: Serve, classifier: Path) -> None:
    served = serve((BLACK,), settings(classifier))
    for rules in (client.NO_RULES, ADULT):
        rendered = await served.draw(rules=rules)
        assert [picture.pixels for picture in rendered.pictures if picture] == [BLACK.tobytes()]


async def test_of_several_pictures_the_others_are_handed_out_in_their_places(
    serve: Serve, classifier: Path
) -> None:
    served = serve((WHITE, BLACK, WHITE, BLACK), settings(classifier))
    rendered = await served.draw()
    assert [picture and picture.pixels for picture in rendered.pictures] == [
        *(None, BLACK.tobytes()),
        *(None, BLACK.tobytes()),
    ]
    assert None not in (await served.draw(rules=ADULT)).pictures


async def test_without_a_classifier_nothing_changes(serve: Serve) -> None:
    served = serve((WHITE, BLACK), settings(None, classifier_adult_labels=None))
    assert None not in (await served.draw()).pictures


async def test_the_threshold_is_the_lowest_probability_that_is_held_back(
    serve: Serve, tmp_path: Path
) -> None:
    # A black picture is as likely neutral as a drawing.
    labels = {0: "drawing", 1: "neutral", 2: "porn"}
    folder = make_classifier(tmp_path / "three", labels)
    for adult, threshold, is_shown in (
        ("neutral", 0.4, False),
        ("neutral", 0.6, True),
        ("neutral, drawing", 0.9, False),
        ("porn", 0.1, True),
        ("porn,neutral,drawing", 0.99, False),
    ):
        served = serve(
            (BLACK,),
            settings(folder, classifier_adult_labels=adult, classifier_threshold=threshold),
        )
        if is_shown:
            assert (await served.draw()).pictures[0]
        else:
            with pytest.raises(PictureRefused):
                await served.draw()
        served.stop()


async def test_with_a_broken_checkpoint_nothing_is_drawn_but_where_nothing_is_looked_at(
    serve: Serve, broken_classifier: Path
) -> None:
    served = serve((BLACK,), settings(broken_classifier))
    with pytest.raises(ClassifierFailed):
        await served.draw()
    assert served.renderer.specs == [], "nobody waits for a picture that cannot be posted"
    assert (await served.draw(rules=ADULT)).pictures[0]


@pytest.mark.parametrize(
    "changes", [{"classifier_adult_labels": "porn"}, {"classifier": "no/such"}]
)
async def test_a_label_or_a_model_that_does_not_exist_fails_closed(
    serve: Serve, classifier: Path, changes: dict[str, str]
) -> None:
    served = serve((BLACK,), settings(classifier, **changes))
    with pytest.raises(ClassifierFailed):
        await served.draw()


async def test_a_classifier_that_breaks_over_a_picture_holds_everything_back(
    serve: Serve, classifier: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "nan"
    make_classifier(folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"].fill_(float("nan"))
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    served = serve((BLACK,), settings(folder))
    with pytest.raises(ClassifierFailed):
        await served.draw()
    assert (await served.draw(rules=ADULT)).pictures[0], "the renderer lives on"


def test_who_names_a_classifier_says_what_is_adult(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWBIE_WORKER_MODEL", ".")
    monkeypatch.setenv("NEWBIE_WORKER_CLASSIFIER", "some/model")
    for labels in ("", " , "):
        monkeypatch.setenv("NEWBIE_WORKER_CLASSIFIER_ADULT_LABELS", labels)
        with pytest.raises(SettingsError, match="NEWBIE_WORKER_CLASSIFIER_ADULT_LABELS"):
            read(WorkerSettings)
    monkeypatch.setenv("NEWBIE_WORKER_CLASSIFIER_ADULT_LABELS", "nsfw, Porn ,")
    assert read(WorkerSettings).adult_labels == ("nsfw", "Porn")
    monkeypatch.setenv("NEWBIE_WORKER_CLASSIFIER_THRESHOLD", "0")
    with pytest.raises(SettingsError, match="THRESHOLD"):
        read(WorkerSettings)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "labels", "refusal"),
    [
        ("classifier", "nsfw,normal", PictureRefused),
        ("broken_classifier", "nsfw", ClassifierFailed),
    ],
)
async def test_the_renderers_own_process_screens_what_its_model_drew(
    tiny_model: Path,
    request: pytest.FixtureRequest,
    name: str,
    labels: str,
    refusal: type[WorkerError],
) -> None:
    """Whatever it draws has one of all labels."""
    with Supervisor() as supervisor:
        runtime_dir = Path(supervisor.runtime_dir)
        environment = {
            "NEWBIE_WORKER_MODEL": str(tiny_model),
            "NEWBIE_WORKER_RUNTIME_DIR": str(runtime_dir),
            "NEWBIE_WORKER_CLASSIFIER": str(request.getfixturevalue(name)),
            "NEWBIE_WORKER_CLASSIFIER_ADULT_LABELS": labels,
            "NEWBIE_WORKER_CLASSIFIER_THRESHOLD": "0.9",
        }
        argv = (sys.executable, "-m", "worker.renderer")
        supervisor.add(
            ChildSpec(
                name="renderer", argv=argv, env=environment, ready="notify", ready_timeout=200
            )
        )
        supervisor.start("renderer")

        async def draw(rules: PromptRules) -> client.Rendered:
            return await client.render(
                runtime_dir / "renderer.sock",
                job(count=2).request,
                lambda _step, _total: None,
                wait=60,
                rules=rules,
            )

        with pytest.raises(refusal):
            await draw(client.NO_RULES)
        assert None not in (await draw(ADULT)).pictures
