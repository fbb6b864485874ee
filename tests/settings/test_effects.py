"""Every setting has an effect: for each one a test is named here that fails when the setting is
ignored.

That it fails is tried: the named test is run while its setting has no value. A sample of them here,
all in `scripts/prove`. A setting that nothing does anything with is removed, not listed.
"""

import ast
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from f.millrace.core.all_settings import NAMES
from f.millrace.core.setting_types import AgentSettings, ModelPrice, ToolServer
from tests.tiers import pick

ROOT = Path(__file__).resolve().parents[2]
HERE = "settings/test_behaviours.py"
# Setting: file below tests/ and test. `agents.*.x` is x of one agent, `mcp.*.x` of one server,
# `prices.*.x` of one model.
EFFECTS: dict[str, tuple[str, str]] = {
    "database_url": (
        "core/test_migrations.py",
        "test_a_database_without_tables_names_the_command_that_makes_them",
    ),
    "languages": (
        "research/test_read_pages.py",
        "test_a_language_that_nobody_asked_for_is_named",
    ),
    "private_feeds": (
        "research/test_shares.py",
        "test_without_a_share_only_the_owner_is_shown_what_is_private",
    ),
    "owners": ("research/test_private.py", "test_the_setting_names_owners_too"),
    "owner_url": ("trust/test_audit.py", "test_a_role_of_fewer_rights_says_who_has_to_migrate"),
    "model": ("agents/test_research.py", "test_a_bad_model_setting_is_a_fault_in_plain_words"),
    "embedding_model": (HERE, "test_a_memory_moves_to_the_model_of_the_setting"),
    "sources": ("research/test_open.py", "test_opening_names_readers_sources_and_day"),
    "source_options": ("tools/test_sources.py", "test_a_source_has_settings_of_its_own"),
    "hackernews_url": ("tools/test_sources.py", "test_hacker_news_reads_top_stories_in_order"),
    "arxiv_url": (
        "tools/test_sources.py",
        "test_arxiv_asks_for_the_configured_categories_and_terms",
    ),
    "arxiv_categories": (
        "tools/test_sources.py",
        "test_arxiv_asks_for_the_configured_categories_and_terms",
    ),
    "arxiv_terms": (
        "tools/test_sources.py",
        "test_arxiv_asks_for_the_configured_categories_and_terms",
    ),
    "feeds": ("tools/test_sources.py", "test_feeds_are_taken_in_turn_up_to_the_limit"),
    "mastodon_url": ("tools/test_sources.py", "test_mastodon_posts_lead_to_the_linked_article"),
    "mastodon_tags": ("tools/test_sources.py", "test_mastodon_posts_lead_to_the_linked_article"),
    "notes_dir": (
        "agents/test_stuck.py",
        "test_the_other_way_is_another_source_and_what_memory_knows",
    ),
    "documents_dirs": (HERE, "test_documents_are_looked_for_in_the_folders_of_the_setting"),
    "documents_trust": ("ingest/test_ingest.py", "test_the_trust_of_documents_is_a_setting"),
    "documents_max_files": (HERE, "test_more_documents_than_the_setting_allows_are_refused"),
    "document_max_bytes": (
        "ingest/test_bad_files.py",
        "test_every_bad_file_is_told_and_stops_nothing",
    ),
    "document_max_pages": (
        "ingest/test_bad_files.py",
        "test_too_many_pages_and_letters_are_refused_with_the_limit",
    ),
    "document_max_characters": (
        "ingest/test_bad_files.py",
        "test_too_many_pages_and_letters_are_refused_with_the_limit",
    ),
    "document_seconds": (
        "ingest/test_bad_files.py",
        "test_a_parser_that_hangs_or_dies_costs_its_own_file_only",
    ),
    "answer_tokens": (
        "agents/test_self_rag.py",
        "test_the_budget_of_tokens_holds_and_no_document_crowds_out_another",
    ),
    "ocr_languages": (HERE, "test_pictures_are_read_in_the_languages_of_the_setting"),
    "search_url": ("tools/test_search.py", "test_searxng_answers_become_hits"),
    "brave_api_key": ("tools/test_search.py", "test_brave_is_asked_with_its_key"),
    "tavily_api_key": ("tools/test_search.py", "test_tavily_is_asked_with_its_key"),
    "weather_url": ("tools/test_search.py", "test_weather_is_told_for_a_place"),
    "geocoding_url": ("tools/test_search.py", "test_weather_is_told_for_a_place"),
    "recipients": ("research/test_open.py", "test_configured_recipients_wait_for_a_person"),
    "operator": ("approvals/test_approvals.py", "test_the_operator_is_mailed_once"),
    "interests": ("research/test_select.py", "test_interests_lift_a_story_and_the_reason_is_kept"),
    "smtp_url": ("tools/test_mail.py", "test_a_server_takes_the_mail"),
    "smtp_unknown": (
        "research/test_delivery.py",
        "test_a_mail_server_that_vanished_is_held_or_asked_again",
    ),
    "risk_policy": (
        "trust/test_risk.py",
        "test_the_settings_raise_a_class_and_the_longest_pattern_wins",
    ),
    "risk_medium": (
        "trust/test_risk.py",
        "test_high_asks_whatever_the_threshold_and_medium_by_policy",
    ),
    "approval_hours": (HERE, "test_a_question_without_a_time_waits_as_long_as_the_setting_says"),
    "isolation": ("runner/test_limits.py", "test_the_setting_chooses_where_steps_run"),
    "step_memory_mb": (HERE, "test_a_step_may_take_as_much_memory_as_the_setting_says"),
    "stalled_seconds": (
        "ops/test_recover.py",
        "test_a_run_between_two_steps_has_the_time_of_the_setting",
    ),
    "fallback_model": (HERE, "test_a_run_that_was_stuck_twice_goes_on_with_the_other_model"),
    "mail_from": (HERE, "test_mails_come_from_the_address_of_the_setting"),
    "mail_name": (HERE, "test_mails_name_their_sender_and_who_takes_replies_as_the_settings_say"),
    "reply_to": (HERE, "test_mails_name_their_sender_and_who_takes_replies_as_the_settings_say"),
    "console_framed_by": (
        "console/test_access.py",
        "test_who_may_show_the_console_in_a_frame_is_a_setting",
    ),
    "public_url": ("research/test_replies.py", "test_one_click_unsubscribes"),
    "outbox_dir": ("tools/test_mail.py", "test_an_outbox_that_cannot_be_written_is_said"),
    "otlp_endpoint": ("telemetry/test_export.py", "test_a_run_is_one_trace_whose_id_is_the_runs"),
    "otlp_headers": (
        "telemetry/test_export.py",
        "test_a_collector_is_sent_the_headers_of_the_setting",
    ),
    "jaeger_url": (HERE, "test_links_to_traces_begin_with_the_setting"),
    "trace_sampling": (
        "telemetry/test_export.py",
        "test_a_run_that_was_left_out_is_sent_when_asked_for",
    ),
    "trace_ratio": (HERE, "test_the_part_of_traces_that_is_exported_is_a_setting"),
    "trace_exclude": (
        "telemetry/test_export.py",
        "test_what_is_left_out_by_scope_tears_nothing_apart",
    ),
    "trace_content": (
        "telemetry/test_spans.py",
        "test_what_was_said_is_kept_only_when_asked_for_and_redacted",
    ),
    "trace_days": (HERE, "test_spans_are_kept_for_the_days_of_the_setting"),
    "event_days": (HERE, "test_events_are_kept_for_the_days_of_the_setting"),
    "metric_days": (HERE, "test_metrics_are_kept_by_the_hour_for_the_days_of_the_setting"),
    "alert_days": (HERE, "test_alerts_are_kept_for_the_days_of_the_setting"),
    "schedule_zone": (
        "commands/test_schedule.py",
        "test_the_zone_of_the_settings_goes_before_that_of_the_flow",
    ),
    "digest_due": (HERE, "test_a_digest_is_overdue_after_the_time_of_the_setting"),
    "log_level": ("telemetry/test_logs.py", "test_lines_below_the_level_are_left_out"),
    "events_file": ("telemetry/test_spans.py", "test_events_are_appended_one_object_a_line"),
    "fetch_allow": ("tools/test_http.py", "test_a_listed_private_address_is_fetched"),
    "webhook_allow": (
        "ops/test_notifications.py",
        "test_what_is_not_public_is_told_nothing_unless_the_setting_names_it",
    ),
    "fetch_max_bytes": (HERE, "test_a_body_larger_than_the_setting_is_not_read"),
    "fetch_seconds": (HERE, "test_a_request_takes_at_most_the_seconds_of_the_setting"),
    "run_usd": ("models/test_call.py", "test_nothing_is_sent_when_the_money_is_spent"),
    "daily_budget_usd": ("trust/test_budget.py", "test_the_day_of_a_user_holds_over_runs"),
    "flow_daily_usd": (
        "trust/test_limits.py",
        "test_a_flow_has_a_day_of_its_own_over_runs_and_users",
    ),
    "prices": ("core/test_prices.py", "test_own_prices_go_before_the_table_and_keep_their_date"),
    "prices.*.input": (
        "core/test_prices.py",
        "test_own_prices_go_before_the_table_and_keep_their_date",
    ),
    "prices.*.output": (
        "core/test_prices.py",
        "test_own_prices_go_before_the_table_and_keep_their_date",
    ),
    "prices.*.cache_read": (
        "core/test_prices.py",
        "test_own_prices_go_before_the_table_and_keep_their_date",
    ),
    "prices.*.cache_write": (
        "core/test_prices.py",
        "test_what_becomes_cached_has_a_price_of_its_own",
    ),
    "prices.*.currency": (
        "core/test_prices.py",
        "test_prices_in_another_currency_come_with_their_rate",
    ),
    "prices.*.usd_per_unit": (
        "core/test_prices.py",
        "test_prices_in_another_currency_come_with_their_rate",
    ),
    "prices.*.date": (
        "core/test_prices.py",
        "test_own_prices_go_before_the_table_and_keep_their_date",
    ),
    "unknown_prices": (
        "core/test_prices.py",
        "test_an_unknown_price_is_capped_or_refused_by_setting",
    ),
    "unknown_input_usd": (HERE, "test_a_model_without_a_price_counts_at_the_cautious_rate"),
    "unknown_output_usd": (HERE, "test_a_model_without_a_price_counts_at_the_cautious_rate"),
    "tool_usd": (
        "agents/test_money.py",
        "test_a_tool_with_a_price_is_charged_by_call_and_stops_with_the_money",
    ),
    "machine_usd_hour": (HERE, "test_the_machines_cost_what_the_setting_says"),
    "user": (HERE, "test_calls_are_charged_to_the_user_of_the_setting"),
    "console_url": (
        "console/test_team_sign_in.py",
        "test_a_foreign_host_gets_no_address_to_come_back_to",
    ),
    "sign_in_windmill_url": (
        "console/test_team_sign_in.py",
        "test_windmills_own_cookie_signs_in_where_both_share_a_domain",
    ),
    "sign_in_windmill_workspace": (
        "console/test_team_sign_in.py",
        "test_windmills_own_cookie_signs_in_where_both_share_a_domain",
    ),
    "sign_in_oidc_issuer": (
        "console/test_team_sign_in.py",
        "test_the_provider_is_asked_with_pkce_state_and_nonce",
    ),
    "sign_in_oidc_client": (
        "console/test_team_sign_in.py",
        "test_the_provider_is_asked_with_pkce_state_and_nonce",
    ),
    "sign_in_oidc_secret": (
        "console/test_team_sign_in.py",
        "test_a_provider_signs_in_who_is_listed",
    ),
    "sign_in_oidc_claim": (
        "console/test_team_sign_in.py",
        "test_another_claim_and_groups_name_person_and_role",
    ),
    "sign_in_roles": (
        "console/test_team_sign_in.py",
        "test_another_claim_and_groups_name_person_and_role",
    ),
    "role_daily_usd": (
        "trust/test_budget.py",
        "test_the_day_of_a_user_is_as_large_as_the_settings_say_of_them_or_their_role",
    ),
    "user_daily_usd": (
        "trust/test_budget.py",
        "test_the_day_of_a_user_is_as_large_as_the_settings_say_of_them_or_their_role",
    ),
    "dropped_dir": ("console/test_dropped_files.py", "test_a_name_leads_nowhere_else"),
    "confidence_silent": (
        "research/test_investigate.py",
        "test_the_bounds_of_confidence_are_settings",
    ),
    "confidence_review": (
        "research/test_investigate.py",
        "test_the_bounds_of_confidence_are_settings",
    ),
    "max_rounds": ("agents/test_research.py", "test_rounds_are_bounded"),
    "max_output_tokens": (
        "models/test_faults.py",
        "test_the_most_tokens_of_an_answer_are_those_of_the_setting",
    ),
    "offline_stands_in": (
        "research/test_honest.py",
        "test_where_the_offline_model_may_stand_in_the_run_goes_on",
    ),
    "topic_seconds": ("agents/test_research.py", "test_the_time_is_bounded"),
    "memory_days": (
        "memory/test_near_duplicates.py",
        "test_what_is_kept_for_some_days_goes_after_them_unless_it_was_said_again",
    ),
    "agents": ("agents/test_research.py", "test_a_switched_off_researcher_says_so"),
    "agent_models": (
        "agents/test_definition.py",
        "test_tools_and_models_are_those_that_are_known_here",
    ),
    "agents.*.model": ("models/test_call.py", "test_settings_of_one_agent_go_before"),
    "agents.*.cheaper_model": (
        "models/test_call.py",
        "test_near_the_end_of_the_money_the_cheaper_model_answers_where_the_role_has_one",
    ),
    "agents.*.temperature": ("models/test_call.py", "test_settings_of_one_agent_go_before"),
    "agents.*.risk_threshold": (
        "agents/test_research.py",
        "test_settings_narrow_what_the_researcher_may_call",
    ),
    "agents.*.max_retries": ("models/test_call.py", "test_settings_of_one_agent_go_before"),
    "agents.*.tools": (
        "agents/test_research.py",
        "test_settings_narrow_what_the_researcher_may_call",
    ),
    "agents.*.enabled": ("agents/test_research.py", "test_a_switched_off_researcher_says_so"),
    "mcp": (
        "tools/test_others.py",
        "test_a_tool_of_another_server_is_listed_and_called_with_the_servers_own_token",
    ),
    "mcp.*.type": (
        "tools/test_stdio_servers.py",
        "test_a_server_that_is_set_wrongly_is_refused_in_words",
    ),
    "mcp.*.url": ("tools/test_others.py", "test_a_server_gets_the_headers_of_the_settings"),
    "mcp.*.headers": ("tools/test_others.py", "test_a_server_gets_the_headers_of_the_settings"),
    "mcp.*.command": (
        "tools/test_stdio_servers.py",
        "test_a_program_is_started_used_and_ended_with_its_children",
    ),
    "mcp.*.args": (
        "tools/test_stdio_servers.py",
        "test_a_program_is_started_used_and_ended_with_its_children",
    ),
    "mcp.*.env": (
        "tools/test_stdio_servers.py",
        "test_a_program_sees_nothing_of_our_environment_but_what_the_settings_give_it",
    ),
    "mcp.*.cwd": ("tools/test_stdio_servers.py", "test_a_program_is_started_in_its_folder"),
    "mcp.*.vouched": (
        "tools/test_client.py",
        "test_a_server_that_is_vouched_for_is_believed",
    ),
    "mcp.*.asks": (
        "tools/test_stdio_servers.py",
        "test_a_program_that_asks_back_hears_its_own_defaults_when_the_settings_say_so",
    ),
    "mcp_tokens": (
        "tools/test_others.py",
        "test_a_tool_of_another_server_is_listed_and_called_with_the_servers_own_token",
    ),
    "mcp_seconds": (HERE, "test_a_tool_server_has_the_seconds_of_the_setting_for_each_exchange"),
    "mcp_serve": (
        "serving/test_callers.py",
        "test_only_what_was_asked_for_and_the_settings_allow_is_offered",
    ),
    "now": (
        "runner/test_waiting.py",
        "test_after_its_time_a_question_has_timed_out_also_for_a_late_answer",
    ),
}
SAMPLE = pick(quick=2, full=5)


def test_every_setting_names_the_test_that_shows_its_effect() -> None:
    inner = {"agents": AgentSettings, "mcp": ToolServer, "prices": ModelPrice}
    fields = [
        *NAMES,
        *(f"{name}.*.{field}" for name, model in inner.items() for field in model.model_fields),
    ]

    assert sorted(set(fields) - set(EFFECTS)) == [], (
        "settings without a test that shows what they do"
    )
    assert sorted(set(EFFECTS) - set(fields)) == [], "these are no settings any more"


@pytest.mark.parametrize("setting", EFFECTS)
def test_the_named_test_is_there(setting: str) -> None:
    file, name = EFFECTS[setting]

    assert name in named_in(file), f"tests/{file} has no {name}"


@cache
def named_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text())
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


@pytest.mark.long
def test_without_its_setting_the_named_test_fails() -> None:
    """One process ignores one setting a test; several of one test take turns."""
    wanted = list(EFFECTS) if os.environ.get("PROVE") else list(EFFECTS)[:: len(EFFECTS) // SAMPLE]
    passed = [setting for turn in turns(wanted) for setting in ignored(turn)]

    assert passed == [], "the tests of these settings pass although the setting is ignored"


def turns(settings: list[str]) -> list[dict[str, str]]:
    """Return the settings by the tests that show them, no test twice in a turn."""
    made: list[dict[str, str]] = []
    for setting in settings:
        test = "tests/{}::{}".format(*EFFECTS[setting])
        free = next((turn for turn in made if test not in turn), None)
        if free is None:
            made.append(free := {})
        free[test] = setting
    return made


def ignored(turn: dict[str, str]) -> list[str]:
    """Run each test of a turn while its setting is ignored; return the settings whose tests pass
    all the same.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "MILLRACE_", "PROVE"))
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.settings.ignoring",
            "--tb=no",
            "-rf",
            "-p",
            "no:xdist",
            *turn,
        ],
        cwd=ROOT,
        env={**environment, "EFFECTS_IGNORED": json.dumps(turn), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    failed = {
        line.split()[1].partition("[")[0]
        for line in done.stdout.splitlines()
        if line.startswith(("FAILED ", "ERROR "))
    }
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return [setting for test, setting in turn.items() if test not in failed]
