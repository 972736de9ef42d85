"""The table of faults: what fails, what is answered meanwhile, how it ends, and the test of it.

`docs/robustness.md` is written from it (`fault_page.py`); a test holds that the page is current and
that every test is there. Faults that `random_faults.py` applies bear the same names here.
"""

from dataclasses import dataclass

ROBUST = "tests/serving/robustness"
NETWORK = f"{ROBUST}/test_network_faults.py"
STORES = f"{ROBUST}/test_stores_away.py"
FILES = f"{ROBUST}/test_files_away.py"
REDIS_FAULTS = f"{ROBUST}/test_redis_faults.py"
AWAY = "tests/serving/records/test_database_away.py"
CLOCK = "tests/serving/records/test_clock_faults.py"
MODELS = "tests/serving/test_current_models.py"
PREDICT = "tests/serving/test_predict.py"
DAYS = "tests/behaviour/daily/test_faulty_days.py"
RANDOM = f"{ROBUST}/test_random_faults.py::test_what_was_acknowledged_holds_whatever_failed"

DEGRADED = "200, degraded"
WHOLE = "200"
REFUSED = "503"
AS_BEFORE = "200, as before"
NOT_CONCERNED = "—"


@dataclass(frozen=True)
class Fault:
    """A row of the table.

    Attributes
    ----------
    component : str
        What fails: a heading of the page.
    name : str
        The fault, unique in its component.
    predict, decide : str
        What `/predict` and `/decide` answer meanwhile.
    meaning : str
        What that means, in sentences.
    recovery : str
        How it ends, in a sentence.
    tests : tuple of str
        `path::test` of who proves it, from the top of the repository.
    """

    component: str
    name: str
    predict: str
    decide: str
    meaning: str
    recovery: str
    tests: tuple[str, ...]


_BY_ITSELF = "By itself, within a second."
_TO_REDIS = f"{NETWORK}::test_redis_behind_a_faulty_network_costs_no_answer"
_TO_POSTGRES = (
    f"{NETWORK}::test_postgres_behind_a_faulty_network_lets_no_contact_through_unrecorded"
)
_FROM_SNAPSHOT = "Tags of the latest snapshot answer."
_NO_CONTACT = "No contact is made, and the refusal names the cure."

FAULTS: tuple[Fault, ...] = (
    Fault("Redis", "delay", DEGRADED, DEGRADED,
          f"{_FROM_SNAPSHOT} Answers that come after 0.1 s are not waited for.", _BY_ITSELF,
          (_TO_REDIS,)),
    Fault("Redis", "drop", DEGRADED, DEGRADED,
          f"Nothing passes, either way. {_FROM_SNAPSHOT} One request a second waits 0.1 s, the"
          " others do not wait.", _BY_ITSELF, (_TO_REDIS, RANDOM)),
    Fault("Redis", "drop requests", DEGRADED, DEGRADED,
          f"Nothing arrives at the server. {_FROM_SNAPSHOT}", _BY_ITSELF, (_TO_REDIS,)),
    Fault("Redis", "drop answers", DEGRADED, DEGRADED,
          f"Requests arrive and answers do not. {_FROM_SNAPSHOT}", _BY_ITSELF, (_TO_REDIS,)),
    Fault("Redis", "half-open", "200, at first degraded", "200, at first degraded",
          "Connections that were open are silent for ever. Each is given up after 0.1 s.",
          "By itself, with new connections.", (_TO_REDIS,)),
    Fault("Redis", "reset", DEGRADED, DEGRADED, f"{_FROM_SNAPSHOT} Nobody waits.", _BY_ITSELF,
          (_TO_REDIS,)),
    Fault("Redis", "frozen", DEGRADED, DEGRADED,
          f"The machine answers for it at the level of TCP. {_FROM_SNAPSHOT}", _BY_ITSELF,
          (f"{STORES}::test_a_frozen_redis_costs_no_answer",
           f"{STORES}::test_many_who_ask_while_redis_stands_still_are_answered")),
    Fault("Redis", "dead, then back but empty", DEGRADED, DEGRADED,
          f"{_FROM_SNAPSHOT} A server without its rows is not believed: nobody is unknown for it.",
          "As soon as it is back with its rows; if it lost them, with `guanjia materialize`.",
          (f"{STORES}::test_a_redis_that_died_and_came_back_empty_is_not_believed",)),
    Fault("Redis", "wrong password", DEGRADED, DEGRADED,
          f"{_FROM_SNAPSHOT} No line of the log has the password.",
          "By itself, as soon as the password is the old one; a new one is set in"
          " `GUANJIA_ONLINE`.",
          (f"{REDIS_FAULTS}::test_a_password_that_was_changed_costs_no_answer",)),
    Fault("Redis", "eviction", DEGRADED, DEGRADED,
          "With a policy `allkeys-*` and too little memory, rows go one by one. Whoever has not"
          " all their rows is looked up in the snapshot, and who is there is answered from it.",
          "Set `maxmemory-policy noeviction`, as the shipped `deploy/redis.conf` does, and run"
          " `guanjia materialize`.",
          (f"{REDIS_FAULTS}::test_whom_redis_evicted_is_not_unknown_and_has_all_their_tags",)),
    Fault("Redis", "flushed", DEGRADED, DEGRADED,
          f"`FLUSHALL`, or rows of a load that was cut short. {_FROM_SNAPSHOT}",
          "With `guanjia materialize`.",
          (f"{REDIS_FAULTS}::test_a_redis_that_was_flushed_is_not_believed",
           "tests/features/online/test_filled.py::"
           "test_a_load_that_was_cut_short_calls_nobody_unknown")),
    Fault("`feast/online.db`", "moved away, damaged or replaced", DEGRADED, DEGRADED,
          f"{_FROM_SNAPSHOT} No file is made in its place.", "As soon as the file is there.",
          (f"{FILES}::test_without_the_file_of_online_tags_the_snapshot_answers",
           f"{PREDICT}::test_without_the_online_store_the_snapshot_answers_and_says_so",
           f"{PREDICT}::test_a_store_that_does_not_answer_is_asked_once_a_second")),
    Fault("`feast/online.db`", "emptied", DEGRADED, DEGRADED,
          "Customers who still have all their rows are answered from them.",
          "With `guanjia materialize`.",
          ("tests/features/online/test_filled.py::"
           "test_a_store_that_lost_its_rows_calls_nobody_unknown",)),
    Fault("`feast/online.db`", "away, and no snapshot either", REFUSED, REFUSED,
          "The refusal names `guanjia tags`.", "With the snapshot.",
          (f"{PREDICT}::test_without_a_snapshot_either_it_is_503_with_the_command",)),
    Fault("Postgres", "delay", WHOLE, REFUSED,
          f"Half a second a message makes a decision longer than its two seconds. {_NO_CONTACT}",
          _BY_ITSELF, (_TO_POSTGRES,)),
    Fault("Postgres", "drop", WHOLE, REFUSED,
          f"{_NO_CONTACT} It takes 2 s, then all but one request a second are refused at once.",
          _BY_ITSELF, (_TO_POSTGRES, RANDOM)),
    Fault("Postgres", "drop requests", WHOLE, REFUSED,
          f"{_NO_CONTACT} What was sent into the dead network may still be carried out when it is"
          " healed: a decision on record that nobody was told.",
          f"{_BY_ITSELF} Who asks again with the same `client_key` gets that decision.",
          (_TO_POSTGRES,)),
    Fault("Postgres", "drop answers", WHOLE, REFUSED,
          "A commit may be carried out and not be heard of: then a decision is on record, its"
          " contact counts under the caps, and nobody was told.",
          f"{_BY_ITSELF} Who asks again with the same `client_key` gets that decision.",
          (_TO_POSTGRES,)),
    Fault("Postgres", "half-open", WHOLE, "503, then 200",
          "Connections that were open are silent for ever. Who gets one is refused after 2 s.",
          "By itself, within some seconds, with new connections.", (_TO_POSTGRES,)),
    Fault("Postgres", "reset", WHOLE, REFUSED, f"{_NO_CONTACT} At once.", _BY_ITSELF,
          (_TO_POSTGRES, f"{AWAY}::test_connections_that_the_server_dropped_are_replaced")),
    Fault("Postgres", "frozen", WHOLE, REFUSED,
          f"{_NO_CONTACT} It takes 2 s, then all but one request a second are refused at once.",
          _BY_ITSELF,
          (f"{STORES}::"
           "test_a_frozen_postgres_lets_no_contact_through_and_holds_up_no_prediction",
           f"{AWAY}::test_a_frozen_postgres_hangs_nobody_and_is_asked_once_a_pause",
           f"{AWAY}::test_a_postgres_that_froze_within_a_transaction_hangs_nobody")),
    Fault("Postgres", "dead", WHOLE, REFUSED, f"{_NO_CONTACT} At once.", _BY_ITSELF,
          (f"{STORES}::test_a_postgres_that_died_lets_no_contact_through_until_it_is_back",)),
    Fault("Postgres", "all its connections in use", WHOLE, REFUSED, "After 2 s.",
          "With the first connection that is free.",
          (f"{AWAY}::test_a_busy_postgres_is_not_asked_for_more",)),
    Fault("`records.db`", "moved away or replaced", WHOLE, REFUSED,
          "At once. Nothing is written to the file that was moved, and none is made in its place.",
          "As soon as the file is there.",
          (f"{FILES}::test_without_the_file_of_records_nobody_is_contacted",
           f"{AWAY}::test_a_file_that_was_moved_away_is_not_written_to")),
    Fault("`records.db`", "locked by somebody else", WHOLE, REFUSED, "After 2 s.",
          "When the lock ends.",
          (f"{FILES}::test_while_somebody_else_holds_the_records_nobody_is_contacted",
           f"{AWAY}::test_a_locked_file_is_waited_for_and_not_for_ever")),
    Fault("The disk", "full while the service runs", WHOLE, REFUSED,
          "Who read whom is written into a reserve whose blocks the process got before: 4 MB, some"
          " 15,000 predictions of one customer; then, with Postgres, into the records at once."
          " Where neither is left, `/predict` answers 503: no personal data without a record of"
          " who read it. A withdrawal of consent is refused and must be sent again.",
          "As soon as there is room; the accesses are copied into the records.",
          (f"{ROBUST}/test_faulty_disk.py::"
           "test_while_the_disk_is_full_predictions_go_on_and_nobody_is_contacted",
           "tests/serving/records/test_access_log.py::"
           "test_on_a_full_disk_accesses_go_into_the_reserve_until_it_is_full",
           "tests/serving/records/test_access_log.py::"
           "test_the_reserve_of_a_killed_process_is_copied",
           "tests/serving/records/test_access_log.py::"
           "test_half_a_line_does_not_spoil_the_next_one",
           "tests/serving/records/test_access_log.py::"
           "test_where_no_file_can_be_written_accesses_go_into_a_server_of_records")),
    Fault("The disk", "fails while the service runs", REFUSED, REFUSED,
          "Linux makes a disk with a fault read-only, whoever has files of it open. Nobody is"
          " contacted, and no personal data is given out of which nobody could say who read it;"
          " with Postgres that is written there, and predictions go on. What names no customer is"
          " answered.",
          "Stop the service, repair the disk, start the service. As after a power cut, consents and"
          " all that was written before them are there; decisions of the last seconds may be lost.",
          (f"{ROBUST}/test_faulty_disk.py::"
           "test_on_a_disk_that_fails_nothing_is_done_that_cannot_be_recorded",
           "tests/serving/records/test_access_log.py::"
           "test_where_no_file_can_be_written_accesses_go_into_a_server_of_records")),
    Fault("The disk", "full in any step of the day", AS_BEFORE, AS_BEFORE,
          "`guanjia daily` ends with 3, and readers see all of the day before.",
          "Make room and run the day again: it goes on where it was, and ends in the bytes of an"
          " undisturbed day.",
          (f"{DAYS}::test_a_disk_that_is_full_in_any_step_leaves_the_day_before",)),
    Fault("The disk", "read-only", "no service", "no service",
          "`guanjia daily` ends with 3 and `guanjia serve` does not start; each says so in a"
          " sentence. Commands that only read go on.", "As soon as it can be written.",
          (f"{DAYS}::test_a_read_only_home_is_the_machines_fault_and_said_in_a_sentence",)),
    Fault("The clock", "set back an hour", WHOLE, WHOLE,
          "No cap is exceeded. A withdrawal overrides a consent that bears a later time, up to 25"
          " hours.", "When the clock is right.",
          (f"{CLOCK}::test_a_clock_that_jumps_exceeds_no_cap_and_expires_nothing",
           f"{CLOCK}::test_a_refusal_holds_though_the_clock_went_back_before_it",
           f"{CLOCK}::test_an_older_refusal_that_arrives_late_still_changes_nothing")),
    Fault("The clock", "set ahead a day", WHOLE, WHOLE,
          "While the service runs, reservations expire by the time that has passed since the"
          " machine was started, for a day; no place is given away early. A service that is"
          " started under a wrong clock believes it.", "When the clock is right.",
          (f"{CLOCK}::test_a_clock_that_jumps_exceeds_no_cap_and_expires_nothing",
           f"{CLOCK}::test_without_the_guard_a_place_would_expire_by_a_wrong_clock",
           "tests/serving/decision/test_decider.py::"
           "test_who_refuses_profiling_is_treated_as_the_average_and_told_so")),
    Fault("The models", "MLflow is away", WHOLE, WHOLE,
          "At once, with `\"models_confirmed\": false`, by the models of before.",
          "Within `GUANJIA_MODEL_REFRESH_SECONDS`.",
          (f"{MODELS}::test_a_running_service_passes_damage_over_and_takes_up_a_promotion",
           f"{MODELS}::test_a_service_starts_without_its_registry")),
    Fault("The models", "a promoted version is damaged", WHOLE, WHOLE,
          "The version of before answers, and the log says why.", "With the next sound version.",
          (f"{MODELS}::test_a_damaged_champion_is_not_taken_up_and_a_sound_one_is",
           f"{MODELS}::test_a_running_service_passes_damage_over_and_takes_up_a_promotion")),
    Fault("The models", "a file is damaged while the service runs", WHOLE, WHOLE,
          "The model is in memory.", "When the file is put back.",
          (f"{MODELS}::test_a_running_service_passes_damage_over_and_takes_up_a_promotion",)),
    Fault("The models", "a file is damaged at start", "200 without that model", WHOLE,
          "404 to whoever names it; the log names the file. `/decide` goes on without its"
          " predictions.",
          "With a sound version, or when the file is put back and the service started again.",
          (f"{MODELS}::test_a_damaged_model_at_start_is_missed_by_name_and_the_others_serve",)),
    Fault("Requests", "ten times more at once than `GUANJIA_MOST_CONCURRENT`", "200 or 429",
          "200 or 429", "429 comes with `Retry-After`. How long both take stands below.",
          "At once.",
          (f"{ROBUST}/test_overload.py::test_ten_times_over_capacity_is_answered_or_sent_away",)),
    Fault("Requests", "whatever content", "as declared", "as declared",
          "An answer that [the document](api.md) declares, never a 5xx.", "At once.",
          (f"{ROBUST}/test_document_holds.py::test_every_answer_is_declared",)),
    Fault("Processes", "the service is killed (`kill -9`)", "no answer", "no answer",
          "Every answer of `/decide` that was given is on record, none is there twice, and the"
          " caps hold.",
          "Start it again: a request that is sent again with its `client_key` gets the same"
          " answer.", (f"{ROBUST}/test_killed.py::test_killed_while_it_decides",)),
    Fault("Processes", "a publication is killed", AS_BEFORE, AS_BEFORE,
          "Readers see all of the day before or all of the new one.", "Run it again.",
          ("tests/publication/test_killed_publications.py::"
           "test_any_kill_leaves_the_day_before_or_the_new_one",)),
    Fault("Processes", "a day is killed", AS_BEFORE, AS_BEFORE,
          "Readers see the day before.", "Run it again: it goes on where it was.",
          ("tests/behaviour/daily/test_days.py::"
           "test_a_killed_run_is_resumed_where_it_was_killed",
           "tests/behaviour/daily/test_days.py::"
           "test_kills_a_broken_delivery_and_a_missed_day_end_in_the_same_bytes")),
    Fault("Processes", "two runs of a day at once", AS_BEFORE, AS_BEFORE,
          "The second one ends with 3, and names the process that runs it.",
          "Nothing is to be done.", (f"{DAYS}::test_two_runs_of_a_day_at_once_are_one_run",)),
    Fault("Processes", "a backup or a restore is killed", NOT_CONCERNED, NOT_CONCERNED,
          "The backup is whole or not there. A home that is half restored is refused by every"
          " command; so is one whose records are half loaded into Postgres.",
          "Run it again: it goes on.",
          ("tests/behaviour/backups/test_backup.py::test_what_is_killed_is_whole_or_not_there",
           "tests/behaviour/backups/test_restore.py::"
           "test_a_restore_into_postgres_that_is_killed_goes_on")),
)  # fmt: skip
