#!/usr/bin/env bash
# Fetches what the page uses of others, in the versions that chatd/page/vendor/README.md names; it needs npm.
set -euo pipefail
cd "$(dirname "$0")/../chatd/page/vendor"
version=$(sed -n 's/.*npm package htm \([0-9.]*\),.*/\1/p' README.md)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "htm@$version" >/dev/null && tar xzf htm-*.tgz)
cp "$work/package/preact/standalone.module.js" htm-preact.js
sha256sum htm-preact.js
