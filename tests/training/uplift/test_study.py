"""Effects on a small simulated insurer: drawn by lot they are learned, chosen by rule refused."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checking.check import check_tables
from features.errors import GuanjiaError
from features.lake import Lake
from features.settings import Settings
from features.sources.simulation.simulate import simulate
from training.uplift.effect_model import load_effect
from training.uplift.randomised_trials import TREATMENTS, effect_model_spec, find
from training.uplift.study import learn

KNOWN_BY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    found = Lake(Settings(home=tmp_path_factory.mktemp("effects"), threads=1))
    simulate(found, 5000, seed=3)
    check_tables(found)
    return found


@pytest.fixture(scope="module")
def made(lake):
    return learn(lake, find("contact"), KNOWN_BY)


def other(lake, home):
    """The same insurer elsewhere, so that its tables can be changed."""
    shutil.copytree(lake.home / "checked", home / "checked")
    shutil.copytree(lake.home / "truth", home / "truth")
    return Lake(Settings(home=home, threads=1))


def chosen_by_rule(lake):
    """The contacts that no lot decided, as draws that state the share they make up."""
    truth = pd.read_parquet(lake.truth("renewals"))
    drawn = pq.read_table(lake.checked("assignments"), filters=[("trial", "=", "renewal_contact")])
    truth = truth[~truth.policy_id.isin(drawn["policy_id"].to_pandas())]
    # The day of the earliest contacts: the evening before, no tag knows of any.
    day = pd.to_datetime(truth.expiry) - pd.Timedelta(days=58)
    instant = day.dt.tz_localize("UTC") + pd.Timedelta(hours=1)
    frame = pd.DataFrame(
        {
            "assignment_id": "R" + truth.policy_id,
            "customer_id": truth.customer_id,
            "policy_id": truth.policy_id,
            "trial": "renewal_contact",
            "arm": np.where(truth.contacted, "contact", "control"),
            "probability": np.nan,
            "assigned_at": instant,
            "recorded_at": instant,
            "assigned_on": day.dt.date,
            "superseded_at": pd.Series(pd.NaT, truth.index, "datetime64[us, UTC]"),
        }
    )
    frame = frame[frame.assigned_at < pd.Timestamp(KNOWN_BY, tz="UTC")]
    frame["probability"] = frame.groupby("arm").arm.transform("count") / len(frame)
    return pa.Table.from_pandas(frame[drawn.column_names], drawn.schema, preserve_index=False)


def test_what_was_drawn_by_lot_is_learned(made):
    assert made.randomisation.faults == []
    assert made.randomisation.probabilities == {"control": 0.5, "contact": 0.25}
    assert made.drawn >= sum(made.randomisation.rows.values()) > 1000
    assert made.average.low < made.truth.average < made.average.high
    assert made.qini.low <= made.truth.qini <= made.qini.high
    assert made.losses["average"] == 0
    assert made.losses[made.learner] == min(made.losses.values())
    names = [rule.name for rule in made.policies]
    assert names[0] == "nobody"
    assert names[-1] == "all"


def test_the_model_is_read_back_and_logged(lake, made):
    model = load_effect(made.folder)
    frame = pd.read_parquet(lake.home / "training" / "uplift_contact" / "frame.parquet")
    effect, lower = model.predict(frame)
    assert (lower <= effect).all()
    assert np.abs(effect).max() < 1
    assert model.version == made.version
    assert model.spec["service"] == "uplift"
    assert made.version in json.loads((made.folder / "spec.json").read_text())["version"]
    assert (lake.home / "mlflow" / "mlflow.db").exists()


def test_no_row_knows_anything_of_the_day_of_its_draw(lake, made):
    frame = pd.read_parquet(lake.home / "training" / "uplift_contact" / "frame.parquet")
    drawn = pd.read_parquet(lake.checked("assignments")).query("trial == 'renewal_contact'")
    drawn = drawn.set_index("policy_id").assigned_on
    day = pd.to_datetime(drawn.reindex(frame.policy_id)).to_numpy()
    assert (pd.to_datetime(frame.as_of).to_numpy() == day - np.timedelta64(1, "D")).all()
    # Contacts of the day of the draw are in no tag: control and contact have made as many.
    means = frame.groupby("arm").contact_count_365d.mean()
    assert means["contact"] == pytest.approx(means["control"], abs=0.15)


def test_contacts_chosen_by_rule_are_refused_and_their_difference_misleads(lake, tmp_path):
    """Rule-based contacts went to the less loyal, who renew less: the difference is too small."""
    confounded = other(lake, tmp_path)
    pq.write_table(chosen_by_rule(lake), confounded.checked("assignments"))
    with pytest.raises(GuanjiaError, match="were not drawn by lot, so this is no uplift") as fault:
        learn(confounded, find("contact"), KNOWN_BY)
    assert "chance stays below" in fault.value.fault
    assert "fall to the arms otherwise" not in fault.value.fault
    assert "propensity" in fault.value.cure
    assert not (tmp_path / "effects").exists()

    frame = pd.read_parquet(tmp_path / "training" / "uplift_contact" / "frame.parquet")
    truth = pd.read_parquet(lake.truth("renewals")).set_index("policy_id").loc[frame.policy_id]
    true = (truth.p_renew_contacted - truth.p_renew).mean()
    naive = truth.p[truth.contacted].mean() - truth.p[~truth.contacted].mean()
    assert naive < 0.7 * true


def test_without_draws_it_is_refused_whatever_contacts_there_are(lake, tmp_path):
    bare = other(lake, tmp_path)
    bare.checked("assignments").unlink()
    with pytest.raises(GuanjiaError, match=r"contacts \([\d,]+ made, [\d,]+ with a probability\)"):
        learn(bare, find("contact"), KNOWN_BY)


def test_treatments_are_declared(lake):
    assert {effect_model_spec(one).name for one in TREATMENTS.values()} == {
        "uplift_contact", "uplift_service_pack", "uplift_cover_review",
    }  # fmt: skip
    with pytest.raises(GuanjiaError, match="treatment rebate: is not known"):
        find("rebate")


def test_the_command_says_what_was_found(lake, made, capsys):
    from guanjia.commands.uplift import show_study
    from guanjia.terminal.output import emit

    emit(made, False, *show_study(made))
    told = capsys.readouterr().out
    for words in ("续保触达", "control", "Average effect", "Qini", "Sleeping dogs", "nobody"):
        assert words in told
    assert ("top 10% by effect" in told) == (made.learner != "average")
    emit(made, True)
    assert Path(json.loads(capsys.readouterr().out)["folder"]) == made.folder
