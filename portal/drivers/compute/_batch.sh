# Batch jobs: what the drivers of schedulers run at the site.
#
#   submit RECORD TURN BATCH COMMAND... < script   submits the job of a record, once for each turn
#   note RECORD ID                                 notes the id of a job that is in the queue
#   show RECORDS ID COMMAND...                     tells what was noted of a job; the command asks on
#   cancel RECORDS ID                              notes that a job is to be canceled
#
# A record is a directory for one key: claim.TURN, made in one step by one submission only, with the
# script, what the scheduler's COMMAND said, and its exit code; `id`, the job's; `started`, made in
# one step by one job only; `end`, the exit code of the job's program; `canceled`; `log`, what the
# scheduler itself wrote. RECORDS/id-ID is a symbolic link to it. Answers begin with "portal:".

say() { printf 'portal: %s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

submit() {
    record=$1 turn=$2 batch=$3
    shift 3
    umask 077
    mkdir -p -- "$record" && cd -- "$record" && new=$(mktemp ./.new.XXXXXX) ||
        fail "the job cannot be noted in $record"
    trap 'rm -f -- "$new"' EXIT
    cat >"$new"
    # The last line is missing when the connection was cut, or the disk is full.
    [ "$(tail -n 1 -- "$new")" = "# whole" ] || fail "the job arrived in part"
    claim=claim.$turn
    if [ ! -s id ] && mkdir "$claim" 2>/dev/null; then
        if ! mv -- "$new" "$claim/script" ||
            ! printf '#!/bin/sh\nclaim=%s\n%s' "$claim" "$batch" >"$claim/batch"; then
            rm -rf -- "$claim"
            fail "$record cannot be written: is the disk full?"
        fi
        # A cut connection ends who waits here, and not who asks the scheduler.
        (trap '' HUP INT TERM PIPE; ask "$@") </dev/null >/dev/null 2>&1 &
        echo "$(uname -n) $!" >"$claim/by"
        wait "$!"
        mine=own
    fi
    report
}

ask() {
    # A job within a job is not a part of it, and the notebook's own tokens are not the job's.
    for name in $(env | sed -n 's/^\(SLURM_[A-Z0-9_]*\|PBS_[A-Z0-9_]*\)=.*/\1/p'); do
        case $name in SLURM_CONF | PBS_CONF_FILE) ;; *) unset "$name" ;; esac
    done
    unset JPY_API_TOKEN JUPYTER_TOKEN JUPYTERHUB_API_TOKEN
    "$@" "$claim/batch" >"$claim/out" 2>"$claim/err"
    code=$?
    if [ "$code" = 0 ]; then
        id=$(tail -n 1 "$claim/out")
        noted "${id%%;*}" || code=70
    fi
    echo "$code" >"$claim/code.part" && mv -- "$claim/code.part" "$claim/code"
}

noted() {
    case $1 in "" | *[!A-Za-z0-9._-]*) return 1 ;; esac
    printf '%s\n' "$1" >id.part && ln -sfn -- "$(basename -- "$PWD")" "../id-$1" && mv -- id.part id
}

note() {
    umask 077
    cd -- "$1" && noted "$2" || fail "the job $2 cannot be noted in $1"
    report
}

report() {
    if [ -s id ]; then
        say id "$(cat id)"
        return
    fi
    last=0
    while [ -d "claim.$((last + 1))" ]; do last=$((last + 1)); done
    claim=claim.$last
    if [ -s "$claim/code" ]; then
        say failed "$last" "${mine:-other}"
        cat -- "$claim/err" "$claim/out" >&2
    elif asking; then
        say running "$last"
    else
        say dead "$last"
    fi
}

# Whether who asks the scheduler is still at it; of another machine it is only known how long.
asking() {
    if [ -n "$(find "$claim" -maxdepth 0 -mmin +2)" ]; then return 1; fi
    [ -s "$claim/by" ] || return 0
    read -r machine asker <"$claim/by"
    [ "$machine" = "$(uname -n)" ] || return 0
    case $(ps -o stat= -p "$asker") in "" | Z*) return 1 ;; esac
}

show() {
    here=$1/id-$2
    shift 2
    if command -v "$1" >/dev/null 2>&1; then
        "$@" 2>/dev/null | while read -r line; do say account "$line"; done
    fi
    if [ ! -d "$here/" ]; then
        say unknown
        return
    fi
    canceled=-
    [ ! -e "$here/canceled" ] || canceled=canceled
    say record "$(word "$here/end")" "$canceled" "$(word "$here/started/machine")"
    tail -c 2000 -- "$here/log" >&2 2>/dev/null
}

word() { if [ -s "$1" ]; then head -n 1 -- "$1"; else echo -; fi; }

cancel() {
    here=$1/id-$2
    if [ -d "$here/" ] && [ ! -e "$here/end" ]; then : >"$here/canceled"; fi
}

# Last, so that a text that was cut does nothing.
"$@"
