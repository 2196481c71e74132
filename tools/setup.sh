#!/usr/bin/env bash
# Makes .venv with the locked dependencies, and with `test` also what the tests need of the system.
#   tools/setup.sh demo|dev|test|cluster
# As root on Debian, missing system packages are installed; otherwise they are named and the tests that need them skip.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*" >&2; }

can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

need() { # need COMMAND PACKAGE...: installs the packages when the command is missing
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 && return 0
    if ! can_apt; then
        say "$command is missing; tests that need it will skip (Debian: apt-get install $*)"
        return 0
    fi
    say "installing $*"
    [ -n "${apt_updated:-}" ] || apt-get -qq update && apt_updated=yes
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

environment() { # environment LOCK
    if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if can_apt; then need python3 python3 python3-venv; else
            say "Python 3.11 or newer is needed (set PYTHON=/path/to/python3.11)"
            exit 2
        fi
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && can_apt; then
        apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
    fi
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    # uv installs in seconds what takes pip half a minute; pip is the way where uv cannot reach the index.
    if ! { .venv/bin/python -m pip install -q --require-hashes -r requirements/installer.lock &&
        .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r "$1"; }; then
        say "uv could not install the lock; trying pip"
        .venv/bin/python -m pip install -q --require-hashes -r "$1"
    fi
    .venv/bin/python -m pip install -q --no-deps --no-build-isolation -e .
}

case ${1:-} in
demo) environment requirements/demo.lock ;;
dev) environment requirements/dev.lock ;;
test)
    need java default-jre-headless
    need mvn maven
    need chromium chromium fonts-dejavu-core
    need npm npm
    need promtool prometheus
    need amtool prometheus-alertmanager
    ;;
cluster)
    need go golang
    need openssl openssl
    need buildah buildah
    need bwrap bubblewrap
    need debootstrap debootstrap
    need docker-registry docker-registry
    need gpg gnupg
    ;;
*)
    say "usage: tools/setup.sh demo|dev|test|cluster"
    exit 2
    ;;
esac
