"""The page of a run."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from report.charts import charts
from report.drawing import Chart
from report.html import page
from report.record import read_record
from tests.report.build import STANDBY, Story, comparison_of, keep, plan_of, sha, star, story
from worker import events as ev

VOID = {"meta", "br", "link", "img"}
EVIL = '<script>alert("x")</script>'


class Page(HTMLParser):
    """Elements, ids, texts; complains of what is not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes something else"

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.seen if name == tag]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    told = story(rounds=3)
    record = read_record(keep(told, tmp_path_factory.mktemp("html") / "run", comparison=comparison_of(told)))
    return page(record, charts(record))


def written(told: Story, folder: Path, *pictures: Chart, **facts: object) -> Page:
    return Page(page(read_record(keep(told, folder / "run", **facts)), pictures))


def test_the_page_is_sound_and_needs_nothing_from_outside(whole: str) -> None:
    read = Page(whole)

    assert whole.startswith("<!doctype html>")
    assert read.open == [], "something is not closed"
    assert not {"script", "link", "iframe", "img", "object", "base"} & {tag for tag, _ in read.seen}
    outside = [v for _, attrs in read.seen for k, v in attrs.items() if k in ("src", "href", "xlink:href", "srcset")]
    assert all(v and v.startswith("#") for v in outside)
    assert not re.search(r"@import|url\((?!#)", whole)
    policy = next(a["content"] for a in read.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_ids_are_unique_although_five_pictures_stand_in_the_page(whole: str) -> None:
    ids = [attrs["id"] for _, attrs in Page(whole).seen if "id" in attrs]

    assert len(ids) == len(set(ids)) > 0


def test_it_tells_the_figures_the_model_the_data_and_how_to_repeat(whole: str) -> None:
    text = " ".join(Page(whole).text.split())

    assert "98.14 % accuracy after 3 rounds" in text
    assert "One model, trained by 3 trainers in 3 regions, each on its own data: 53,970 samples in all" in text
    for wanted in (
        sha("model", 1, 3),
        sha("data", "mnist-eu"),
        "uv run fedtag run eu-us-asia --compare",
        "Example CPU",
    ):
        assert wanted in text
    assert "None: no message was dropped" in text
    assert "this is one run with one seed" in text


def test_pictures_have_words_and_headings_have_their_order(whole: str) -> None:
    read = Page(whole)

    labels = [attrs.get("aria-label") for attrs in read.all("figure")]
    assert len(labels) == 5
    assert all(labels)
    levels = [int(tag[1]) for tag, _ in read.seen if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels)), "a level is left out"
    assert all(attrs.get("scope") for attrs in read.all("th"))


def test_every_colour_of_a_picture_has_a_light_and_a_dark_value(whole: str) -> None:
    light, dark = re.findall(r":root \{([^}]*)\}", whole)
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", whole))

    assert {"region-0", "region-1", "region-2", "ink", "paper"} <= used
    assert all(f"--{name}: " in light and f"--{name}: " in dark for name in used)


def test_whatever_is_in_a_name_is_text(tmp_path: Path) -> None:
    plan = plan_of({EVIL: [f"data{EVIL}"], "東京": ["データ"]}, rounds=1, federation=f"fed{EVIL}")
    told = Story(plan, rounds=1).whole()
    told.tell(ev.Dropped(time=told.now, worker="a", sender=EVIL, reason=EVIL, detail=f"{EVIL}\x1b[2J\ud800"))
    picture = Chart("learning", EVIL, f'"{EVIL}', b"", "<svg></svg>")

    read = written(told, tmp_path, picture, stack=f"{EVIL}; rm", versions={EVIL: EVIL}, message=EVIL, outcome="failed")

    assert "script" not in {tag for tag, _ in read.seen}
    assert read.text.count(EVIL) > 10
    assert not re.search("[\x00-\x08\x1b\ud800]", read.text)
    assert "; rm'" in read.text, "the command can be pasted"


def test_an_interrupted_run_shows_what_it_reached_and_why_it_ended(tmp_path: Path) -> None:
    told = Story(star(), rounds=5).start()
    told.round(1)
    told.open(2)
    told.judge(1)
    text = " ".join(written(told, tmp_path).text.split())

    assert "interrupted" in text
    assert "the run was ended by SIGINT" in text
    assert "96.60 % accuracy after 1 round" in text
    assert "1 of 5" in text


def test_a_run_without_a_round_says_so(tmp_path: Path) -> None:
    text = " ".join(written(Story(star(), rounds=5), tmp_path, outcome="failed", message="port taken").text.split())

    assert "No model was evaluated" in text
    assert "No round was closed" in text
    assert "port taken" in text


def test_incidents_and_dropped_messages_are_told(tmp_path: Path) -> None:
    told = Story(star(), rounds=2).start()
    told.round(1)
    told.tell(ev.Leading(time=told.now, worker=STANDBY, term=2))
    told.tell(
        ev.Dropped(time=told.now, worker=STANDBY, sender="trainer-x", reason="stale", detail="round 1", count=1200)
    )
    folder = keep(told, tmp_path / "run")
    with (folder / "events.jsonl").open("a") as file:
        file.write('no event\n{"event": "evaluated", "round": "one"}\n')
    text = " ".join(Page(page(read_record(folder), [])).text.split())

    assert f"{STANDBY} took over the leadership (term 2)" in text
    assert "trainer-xstale1,200round 1" in text
    assert "2 lines of the file" in text
    assert "None:" not in text


def test_many_regions_do_not_make_a_table_of_sixty_columns(tmp_path: Path) -> None:
    heads = written(story(30, 1, 1), tmp_path).text

    assert "fastest training" in heads
    assert "region-07: samples" not in heads
