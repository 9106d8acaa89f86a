# Runs a server that must not outlive its owner: supervisor.sh SIGNAL PROGRAM [ARGUMENT...]
#
# stdin   a pipe whose writing end only the owner holds. Its end means that the owner says "stop", or has died.
# stdout  the locked file of the server's directory, which gets the server's process id. The server inherits it as
#         descriptor 3, so that the lock lasts until the last process of the server is gone.
# stderr  the server's log.
signal=$1
shift
# An owner's death orphans this process group, and the kernel hangs up on an orphaned group with a stopped member:
# without this, freezing the server would end its supervisor instead.
trap '' HUP
"$@" 3>&1 >&2 </dev/null &
server=$!
echo "$server"
exec 4<&0
(
    read -r _ <&4
    kill -s "$signal" "$server"
    # A server that a test has frozen would never see the signal.
    kill -s CONT "$server"
) &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
