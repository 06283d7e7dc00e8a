#!/usr/bin/env bash
# Resolve pyproject.toml into hash-locked files, for every platform and Python at once; and what the foreign
# clients need that live in environments of their own.
# Existing pins are kept; `tools/lock.sh --upgrade` moves them.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v uv >/dev/null || { echo "make lock needs uv (pip install uv)" >&2; exit 2; }

resolve() { # FILE DESCRIPTION [uv options…]; SOURCE: what is resolved; ONLY: the names to keep of the result
    local file=$1 description=$2
    shift 2
    uv pip compile "${SOURCE:-pyproject.toml}" --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links --output-file "$file" "$@"
    if [ -n "${ONLY:-}" ]; then
        awk 'NR == FNR { if (/^[a-z]/) { sub(/[<>=].*/, ""); wanted[$0] }; next }
             /^[a-z0-9]/ { split($1, name, "=="); keep = name[1] in wanted }
             keep' "$ONLY" "$file" > "$file.new"
        mv "$file.new" "$file"
    fi
    # No address of an index belongs in a lock: whoever installs chooses where from.
    if grep -nE '://|^-' "$file"; then echo "$file names an address or an option" >&2; exit 1; fi
    printf '%s\n%s\n' "# $description" "# Made by \`make lock\`; do not edit." | cat - "$file" > "$file.new"
    mv "$file.new" "$file"
}

upgrade=("$@")
resolve requirements.lock "What the product needs to run." --extra build ${upgrade[@]+"${upgrade[@]}"}
resolve requirements-dev.lock "What the product needs to run, and to be tested." \
    --extra build --extra dev --constraint requirements.lock ${upgrade[@]+"${upgrade[@]}"}
resolve requirements-bench.lock "What the product needs to run, and to be measured beside others." \
    --extra build --extra bench --constraint requirements.lock ${upgrade[@]+"${upgrade[@]}"}

for client in lumibot alpaca-trade-api; do
    wanted=tests/clients/requirements-$client.in
    only=
    [ "$client" = lumibot ] && only=$wanted
    SOURCE=$wanted ONLY=$only resolve "requirements-$client.lock" "What $client needs to be tested against the exchange." \
        ${upgrade[@]+"${upgrade[@]}"}
done
