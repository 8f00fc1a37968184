# The batch job. Before these lines stand the values of $claim, $record, $directory and $shell.
umask 077
# What the program has left running when it ends.
left() {
    ps -e -o pid= -o sess= -o stat= | awk -v leader="$child" '$2 == leader && $3 !~ /^Z/ { print $1 }'
}
id=${SLURM_JOB_ID:-$PBS_JOBID}
unset SLURM_EXPORT_ENV
cd -- "$record" || { echo "portal: $(uname -n) does not see $record"; exit 73; }
if ! mkdir started 2>/dev/null && [ -d started ]; then
    echo "portal: the job $(cat started/id) of the same key was started before"
    exit 77
fi
echo "$id" >started/id
echo "${SLURMD_NODENAME:-$(uname -n)}" >started/machine
if cd -- "$directory"; then
    setsid $shell "$record/$claim/script" 0077 &
    child=$!
    trap 'caught=1; kill -TERM "$child" 2>/dev/null' TERM
    trap 'caught=1; kill -KILL $(left) 2>/dev/null' USR2 # from a cancel that was not heard
    code=
    while :; do
        caught=
        wait "$child"
        now=$?
        # 127: it has ended, and was waited for when the signal came.
        if [ "$now" != 127 ] || [ -z "$code" ]; then code=$now; fi
        [ -n "$caught" ] || break
    done
    trap '' TERM USR2
    tries=0
    while [ "$tries" -lt 100 ] && found=$(left) && [ -n "$found" ]; do
        kill -KILL $found 2>/dev/null
        tries=$((tries + 1))
        sleep 0.02
    done
else
    echo "portal: $(uname -n) does not see $directory"
    code=73
fi
echo "$code" >"$record/end.part" && mv -- "$record/end.part" "$record/end"
exit "$code"
