#!/bin/bash
# What the action runs: one run for annotations and the table; a second, from the cache, where SARIF is wanted.
# Inputs come as variables, never as text of the script. The exit code is the first run's.
set -euo pipefail

read -ra paths <<<"${PATHS:-.}"
common=(--fail-on "${FAIL_ON:-error}")
if [ -n "${MODE:-}" ]; then common+=(--mode "$MODE"); fi
if [ -n "${BASE:-}" ] && [ "${MODE:-new-only}" = new-only ]; then common+=(--base "$BASE"); fi
if [ -n "${SERVICE:-}" ]; then common+=(--service "$SERVICE"); fi
report=()
# A pull request is not yet the state of the service.
if [ -n "${REPORT_TO:-}" ] && [ "${GITHUB_EVENT_NAME:-}" != pull_request ]; then report=(--report-to "$REPORT_TO"); fi

code=0
paceline check --format github --summary "${common[@]}" "${report[@]}" "${paths[@]}" || code=$?
if [ -n "${SARIF:-}" ]; then
    paceline check --format sarif --output "$SARIF" "${common[@]}" --fail-on never "${paths[@]}"
fi
exit "$code"
