# Detached jobs of a machine without a scheduler: what the driver `ssh` runs there.
#
#   start JOBS KEY SECONDS DIRECTORY NAME SELF SHELL...   < script    prints the job's id
#   show JOBS ID          prints: alive|dead|elsewhere|unknown, exit code, canceled, machine ("-": none)
#   end JOBS ID           ends the job and all its processes
#   list JOBS             prints for each living job: id, seconds since the epoch at its start, name
#   lead ...              the leader of a job's session; started by `start`
#
# A job is the directory JOBS/ID with its script, name, machine, leader (this text); `code`, its
# exit code, when it has ended; `canceled`, when that was asked for. An id is PROCESS-START-BOOT: the
# leader, when it began (clock ticks after the boot), and the first digits of the boot's own id.
# JOBS/keys/KEY is a symbolic link whose text is the id: it is made in one step, by one leader only.
# SECONDS is the wall time, 0 for none. Answers begin with "portal:", as login shells may print.

set -f

say() { printf 'portal: %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# When a process began; nothing for one that has ended.
start_of() {
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -- ${stat##*) }
    case $1 in Z | X) ;; *) echo "${20}" ;; esac
}

boot() {
    read -r boot </proc/sys/kernel/random/boot_id
    echo "${boot%%-*}"
}

# Whether the leader of the job $1 runs on this machine.
alive() {
    [ "${1##*-}" = "$(boot)" ] || return 1
    began=${1#*-}
    [ "$(start_of "${1%%-*}")" = "${began%-*}" ]
}

# The processes of the session of the leader $1, and those below them that have left it.
members() {
    ps -e -o pid= -o ppid= -o sess= -o stat= | awk -v leader="$1" '
        { parent[$1] = $2; if ($3 == leader) found[$1]; if ($4 ~ /^Z/) ended[$1] }
        END {
            do {
                more = 0
                for (p in parent) if (!(p in found) && parent[p] in found) { found[p]; more = 1 }
            } while (more)
            for (p in found) if (!(p in ended)) print p
        }'
}

start() {
    jobs=$1 key=$2 seconds=$3 directory=$4 name=$5 self=$6 mask=$(umask)
    shift 6
    umask 077
    mkdir -p -- "$jobs/keys" && new=$(mktemp -d -- "$jobs/.new.XXXXXX") ||
        fail "the job cannot be noted in $jobs"
    trap 'rm -rf -- "$new"' EXIT # `lead` has moved what it took
    trap 'exit 1' HUP PIPE TERM
    cat >"$new/script"
    # The last line is missing when the connection was cut, or the disk is full.
    [ "$(tail -n 1 -- "$new/script")" = "# whole" ] || fail "the job arrived in part"
    if ! id=$(readlink -- "$jobs/keys/$key"); then
        cd -- "$directory" || exit 1
        printf '%s\n' "$name" >"$new/name"
        uname -n >"$new/machine"
        printf '%s' "$self" >"$new/leader"
        setsid -f sh "$new/leader" lead "$jobs" "$key" "$new" "$seconds" "$mask" "$@" \
            </dev/null >/dev/null 2>&1 || fail "setsid cannot be run"
        tries=0
        until id=$(readlink -- "$jobs/keys/$key"); do
            tries=$((tries + 1))
            [ "$tries" -lt 1000 ] || fail "the job did not begin"
            sleep 0.02
        done
    fi
    say "$id"
}

lead() {
    jobs=$1 key=$2 new=$3 seconds=$4 mask=$5
    shift 5
    id=$$-$(start_of $$)-$(boot)
    here=$jobs/$id
    mv -- "$new" "$here" || exit 1
    ln -s -- "$id" "$jobs/keys/$key"
    if [ "$(readlink -- "$jobs/keys/$key")" != "$id" ]; then
        rm -rf -- "$here"
        exit 1
    fi
    trap : TERM # it stays to note how the job ends
    if [ "$seconds" -gt 0 ]; then set -- timeout --kill-after=10 "$seconds" "$@"; fi
    began=$(date +%s)
    "$@" "$here/script" "$mask"
    code=$?
    case $code in 124 | 137)
        if [ "$seconds" -gt 0 ] && [ $(($(date +%s) - began)) -ge "$seconds" ]; then
            code=124
            for _ in 1 2 3; do
                for one in $(members $$); do [ "$one" = $$ ] || kill -KILL "$one"; done
            done
        fi
        ;;
    esac
    echo "$code" >"$here/code.part" && mv -- "$here/code.part" "$here/code"
}

show() {
    here=$1/$2
    [ -d "$here" ] || { say unknown - - -; return; }
    machine=$(cat "$here/machine")
    # Asked before the code is read: a leader notes the code, and only then it ends.
    if alive "$2"; then
        state=alive
    elif [ "${2##*-}" != "$(boot)" ] && [ "$machine" != "$(uname -n)" ]; then
        state=elsewhere
    else
        state=dead
    fi
    canceled=-
    [ ! -e "$here/canceled" ] || canceled=canceled
    say "$state" "$(cat "$here/code" 2>/dev/null || echo -)" "$canceled" "$machine"
}

end() {
    here=$1/$2 leader=${2%%-*}
    [ -d "$here" ] && [ "${2##*-}" = "$(boot)" ] || return 0
    known=
    if alive "$2"; then
        for one in $(members "$leader"); do known="$known $one=$(start_of "$one")"; done
        [ -e "$here/code" ] || : >"$here/canceled"
        for one in $(ps -o pid= --ppid "$leader"); do kill -TERM "$one" 2>/dev/null; done
        tries=0
        while alive "$2" && [ "$tries" -lt 200 ]; do
            tries=$((tries + 1))
            sleep 0.05
        done
    elif [ -n "$(start_of "$leader")" ]; then
        return 0 # its number was given to another process
    fi
    tries=0
    while [ "$tries" -lt 100 ]; do
        left=$(members "$leader")
        for one in $known; do
            [ "$(start_of "${one%=*}")" != "${one#*=}" ] || left="$left $(members "${one%=*}") ${one%=*}"
        done
        [ -n "$left" ] || return 0
        kill -KILL $left 2>/dev/null
        tries=$((tries + 1))
        sleep 0.02
    done
    fail "processes of the job cannot be ended: $left"
}

list() {
    set +f
    for here in "$1"/*-*-*; do
        id=${here##*/}
        if [ -d "$here" ] && [ ! -e "$here/code" ] && alive "$id"; then
            say "$id" "$(stat -c %Y -- "$here/script")" "$(cat "$here/name")"
        fi
    done
}

# Last, so that a text that was cut does nothing.
"$@"
