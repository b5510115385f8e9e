#!/usr/bin/env bash
# Install Debian packages, each given as PACKAGE:FILE, whose file is not there, without starting their services.
set -euo pipefail

missing=()
for each in "$@"; do
  pattern="${each#*:}"
  # shellcheck disable=SC2086
  compgen -G $pattern >/dev/null || missing+=("${each%%:*}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "Installing ${missing[*]} ..."

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
