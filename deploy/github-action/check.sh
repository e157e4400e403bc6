#!/bin/bash
# What the action runs: one run for annotations and the table; a second, from the cache, where SARIF is wanted.
# Inputs come as variables, never as text of the script. The exit code is the first run's.
set -euo pipefail

read -ra paths <<<"${PATHS:-.}"
common=(--fail-on "${FAIL_ON:-error}")
if [ -n "${MODE:-}" ]; then common+=(--mode "$MODE"); fi
if [ -n "${BASE:-}" ] && [ "${MODE:-new-only}" = new-only ]; then common+=(--base "$BASE"); fi
if [ -n "${SERVICE:-}" ]; then common+=(--service "$SERVICE"); fi
first=(--format github --summary)
# A pull request is not yet the state of the service.
case "${GITHUB_EVENT_NAME:-}" in
    pull_request* | merge_group) ;;
    *) if [ -n "${REPORT_TO:-}" ]; then first+=(--report-to "$REPORT_TO"); fi ;;
esac

code=0
paceline check "${first[@]}" "${common[@]}" "${paths[@]}" || code=$?
if [ -n "${SARIF:-}" ]; then
    paceline check --format sarif --output "$SARIF" "${common[@]}" --fail-on never "${paths[@]}"
fi
exit "$code"
