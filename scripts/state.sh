# Sourced by the scripts, which then call `find_state CHECKOUT`. It sets:
#   state  the folder of the database and the outbox: MILLRACE_STATE, else .millrace in the checkout, else, where that may not be written, one of the user's own
#   venv   the environment: that of the checkout where it is ready, else the one in `state`
find_state() {
    local own=$1/.millrace name
    state=${MILLRACE_STATE:-$own}
    case $state in
    /*) ;;
    *) state=$PWD/$state ;;
    esac
    if [ -z "${MILLRACE_STATE:-}" ] && [ ! -w "$own" ] && { [ -e "$own" ] || [ ! -w "$1" ]; }; then
        if [ -e "$own/postgres/url" ] || [ -e "$own/postgres/place" ]; then
            echo "$own holds the database of this checkout and cannot be written; make it writable, or set MILLRACE_STATE to a folder for another database." >&2
            exit 2
        fi
        name=$(printf %s "$1" | cksum)
        state=${XDG_STATE_HOME:-${HOME:-}/.local/state}/millrace/$(basename "$1")-${name%% *}
    fi
    if ! (umask 077 && mkdir -p "$state") 2>/dev/null || [ ! -w "$state" ]; then
        echo "$state cannot be written; set MILLRACE_STATE to a folder that can." >&2
        exit 2
    fi
    venv=$state/venv
    if [ "$state" != "$own" ]; then
        export MILLRACE_STATE="$state"
        if is_ready "$own/venv" "$1"; then venv=$own/venv; fi
    fi
}

# Tell whether an environment has the pinned libraries, and still the Python that it was made with: an upgrade of the system can take it away, or put another one in its place.
is_ready() {
    local python
    cmp -s "$2/scripts/requirements.txt" "$1/pins" 2>/dev/null && [ -x "$1/bin/python" ] || return 1
    python=$(readlink -f "$1/bin/python")
    case ${python##*/} in
    python3.*) [ -d "$1/lib/${python##*/}" ] ;;
    esac
}
