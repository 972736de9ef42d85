"""The report of a model as somebody sees it, in a browser without a network and on paper."""

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browsers import chromium, offline_page
from playwright.sync_api import Browser, Page

from features.checking.check import check_tables
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training.dataset import Dataset
from training.estimators.bundle import Predictor
from training.estimators.candidates import CalibratedModel
from training.evaluation.assessment import Assessment, assess
from training.evaluation.report_files import publish_report, write_files
from training.fitting.bundle_writer import write_bundle
from training.fitting.datasets import held_back, split_by_time
from training.models import MODELS

FEATURES = ["claim_count_36m", "age_years", "channel", "tenure_years"]
KNOWN_BY = date(2026, 6, 30)


def rows(count: int = 3000) -> pd.DataFrame:
    """Churn on first days of months; one branch name would be markup, and one star is small."""
    draw = np.random.default_rng(4)
    months = pd.date_range("2023-01-01", "2025-11-01", freq="MS")
    as_of = np.sort(draw.choice(months, count))
    frame = pd.DataFrame({"customer_id": [f"C{n // 2}" for n in range(count)], "as_of": as_of})
    frame["matures"] = frame["as_of"] + timedelta(days=210)
    frame["claim_count_36m"] = draw.poisson(0.8, count).astype(float)
    frame["age_years"] = draw.normal(45, 12, count)
    frame["channel"] = draw.choice(["agent", "direct"], count)
    frame["tenure_years"] = draw.integers(1, 6, count).astype(float)
    frame["branch"] = draw.choice(["B01", "<b>B02</b>"], count)
    frame["gender"] = draw.choice(["F", "M"], count)
    frame["city_tier"] = draw.choice(["1", "2"], count)
    frame["star_level"] = np.where(draw.random(count) < 0.02, 5.0, 1.0)
    odds = frame["claim_count_36m"] - frame["tenure_years"] / 2
    frame["label"] = draw.random(count) < 1 / (1 + np.exp(-odds))
    return frame


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assessment, Path]:
    """The assessment of a small booster, and its page."""
    lake = Lake(Settings(home=tmp_path_factory.mktemp("insurer"), threads=1))
    simulate(lake, 150, 5)
    check_tables(lake)
    # These labels are not the simulation's, and have no true probabilities.
    shutil.rmtree(lake.home / "truth")
    frame = rows()
    split = split_by_time(frame)
    fitted = CalibratedModel({"rounds": 30, "num_leaves": 7}, threads=1)
    part = frame[split.train]
    fitted.fit(part, part["label"].to_numpy(), held_back(part), FEATURES)
    later = frame[split.calibration]
    fitted.calibrate(later, later["label"].to_numpy())
    bundle = write_bundle(lake.home / "bundle", MODELS["churn"], fitted, FEATURES)
    path = lake.home / "training" / "churn" / "frame.parquet"
    data = Dataset(frame, FEATURES, FEATURES, split, path, "ab" * 32, {"claims": "cd" * 32}, 3000)
    done = assess(lake, MODELS["churn"], data, Predictor.load(bundle), KNOWN_BY)
    files = write_files(done, lake.home / "evaluation")
    return done, publish_report(lake, files, "churn", "7")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(browser: Browser, found: tuple[Assessment, Path]) -> Iterator[Page]:
    """The page, opened; whatever it would fetch fails the test."""
    with offline_page(browser, found[1], 1180) as opened:
        yield opened


def test_report_and_card_lie_under_model_and_version(found: tuple[Assessment, Path]) -> None:
    path = found[1]
    assert path.parts[-4:] == ("reports", "churn", "7", "report.html")
    beside = {one.name for one in path.parent.iterdir()}
    assert {"model-card.md", "slices.csv", "fairness.csv", "peers.csv", "profit.csv"} <= beside


def test_the_page_shows_what_was_measured(page: Page, found: tuple[Assessment, Path]) -> None:
    figures = found[0].figures
    assert page.locator("script, link, img, iframe").count() == 0
    shown = page.locator(".figures").inner_text()
    assert f"{figures.auc:.3f}" in shown  # type: ignore[union-attr]
    assert f"{figures.auc_low:.3f} – {figures.auc_high:.3f}" in shown  # type: ignore[union-attr]
    peers = page.locator("#peers ~ .panel").first.inner_text()
    for name in ("base rate", "logistic regression", "untuned LightGBM"):
        assert name in peers
    # The page names the peers that were trained, and no other.
    assert "HistGradientBoosting" not in page.locator("main").inner_text()
    fairness = page.locator("#fairness ~ h3").all_inner_texts()
    assert [text.split()[0] for text in fairness] == ["年龄段", "性别", "城市等级"]
    assert "倾向，不是增益" in page.locator("main").inner_text()
    assert page.locator("#profit ~ .curves figure").count() == len(found[0].curves) == 3
    assert page.locator("circle.spot").count() == sum(c.best_share > 0 for c in found[0].curves)
    assert "ab" * 32 in page.content()


def test_small_parts_are_greyed_and_have_no_figures(page: Page) -> None:
    small = [row.locator("td").all_text_contents() for row in page.locator("tr.small").all()]
    (star,) = [cells for cells in small if cells[0] == "5"]
    assert int(star[1]) < 200
    assert set(star[3:]) == {"–"}


def test_names_from_the_data_are_text(page: Page) -> None:
    assert page.locator("td b").count() == 0
    assert page.locator("td", has_text="<b>B02</b>").count() == 1
    assert page.locator("svg b").count() == 0


def test_every_picture_has_words_and_every_link_an_end(page: Page) -> None:
    pictures = page.locator("svg")
    assert pictures.count() > 10
    for place in range(pictures.count()):
        said = pictures.nth(place).get_attribute("aria-label") or ""
        assert len(said) > 20
        assert re.search("[\u4e00-\u9fff]", said)
        assert re.search("[A-Za-z]{4}", said)
        assert "nan" not in pictures.nth(place).inner_html()
    for link in page.locator("nav a").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1


def test_words_have_enough_contrast(page: Page) -> None:
    """WCAG AA: 4.5 to 1 against what is behind."""
    ratios = page.evaluate("""() => {
      const light = (text) => { const c = text.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]; };
      const behind = (e) => { for (; e; e = e.parentElement) {
        const b = getComputedStyle(e).backgroundColor;
        if (!/, 0\\)$/.test(b) && b !== 'transparent') return b; } return 'rgb(255,255,255)'; };
      return [...document.querySelectorAll('p, td, th, dt, dd, small, h1, h2, span, a, code, text')]
        .filter((e) => e.textContent.trim()).map((e) => { const s = getComputedStyle(e);
          const a = light(e.tagName === 'text' ? s.fill : s.color), b = light(behind(e));
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }); }""")
    assert len(ratios) > 500
    assert min(ratios) >= 4.5


def test_nothing_is_cut_off_on_a_phone_or_overlaps_its_picture(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.set_viewport_size({"width": 1180, "height": 900})
    # A name ends before its row's picture begins.
    overlaps = page.evaluate("""() => [...document.querySelectorAll('svg')].filter((svg) => {
      const names = [...svg.querySelectorAll('text.name')].map((n) => n.getBoundingClientRect());
      const drawn = [...svg.querySelectorAll('path.span, rect.model')].map((n) =>
        n.getBoundingClientRect().left);
      return names.length && drawn.length &&
        Math.max(...names.map((n) => n.right)) > Math.min(...drawn) + 1; }).length""")
    assert overlaps == 0


def test_a_report_prints_in_a_few_pages(page: Page, tmp_path: Path) -> None:
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    page.emulate_media(media="screen")
    count = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert 4 <= count <= 16


def test_the_card_has_what_a_reader_must_know(found: tuple[Assessment, Path]) -> None:
    card = (found[1].parent / "model-card.md").read_text("utf-8")
    headings = re.findall(r"^## (\w+(?: \w+)*)", card, re.M | re.A)
    assert headings == [
        "Purpose",
        "Who is asked",
        "Data",
        "Which model a figure is about",
        "Figures on the test slice",
        "Fairness",
        "Profit",
        "What moves it",
        "Leaks looked for",
        "Limits",
        "Reproduce",
    ]
    assert "nan" not in card
    assert "guanjia train churn --known-by 2026-06-30" in card
    assert found[0].bundle_version in card
    # Tables hold together: as many cells in a row as in the heading above it.
    widths = [line.count("|") for line in card.splitlines() if line.startswith("|")]
    blocks = re.findall(r"(?:^\|.*\n)+", card, re.M)
    assert len(widths) > 30
    for block in blocks:
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
