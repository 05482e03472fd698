# Sourced by the scripts: where things are, and how they speak.  Not a command.

set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build

nginx_src=/usr/share/nginx/src        # where Debian's nginx-dev puts it
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$(basename "$0"): $*"
    exit 1
}

# The comment at the top of a script is its --help.
help() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 0
}

# quietly LOG COMMAND...: runs it with a dot every five seconds; when it fails,
# shows the end of what it said and where the rest is.
quietly() {
    log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    ticks=0
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
        ticks=$((ticks + 1))
        [ $((ticks % 50)) -ne 0 ] || printf '.' >&2
    done
    [ "$ticks" -lt 50 ] || printf '\n' >&2
    if wait "$pid"; then
        return 0
    fi
    tail -n 25 "$log" >&2
    say "$(basename "$0"): \"$*\" failed, all it said is in $log"
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "\"$*\" needs root"
    fi
}

nginx_version() {
    nginx -v 2>&1 | sed 's,.*nginx/\([0-9.]*\).*,\1,'
}

# The flags of the installed nginx, as nginx-dev tells them, one a line.
nginx_flags() {
    bash -c '. "$1/conf_flags"; printf "%s\n" "${NGX_CONF_FLAGS[@]}"' \
        - "$nginx_src"
}

# The Debian mirror that the system's own apt sources name.
mirror() {
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' |
        awk -v c="$codename" '$2 == c && $3 == "main" { print $1; exit }'
}
