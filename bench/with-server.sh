#!/bin/sh
# Runs a command with a broker of its own: on free ports, with its data in a temporary folder, and gone when the command has ended.
# Usage: bench/with-server.sh redis|rabbitmq COMMAND [ARGUMENT...]   The command gets --url and the address as its last arguments.
set -eu
kind=$1
shift
folder=
servers=

stop() {
  for pid in $servers; do
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 300); do
      kill -0 "$pid" 2>/dev/null || continue 2
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
  [ -z "$folder" ] || rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

require() {
  command -v "$1" >/dev/null || {
    echo "$1 is missing: install it (Debian: apt-get install $2)." >&2
    exit 1
  }
}

# Below the range from which the system serves outgoing connections, so that none of these takes it meanwhile.
free_port() {
  node -e '
    const net = require("node:net")
    const take = () => {
      const port = 20000 + Math.floor(Math.random() * 12000)
      const server = net.createServer().on("error", take).listen(port, () => server.close(() => console.log(port)))
    }
    take()'
}

# Starts a program in the folder, as the owner of the folder, with its output in NAME.log: start NAME PROGRAM [ARGUMENT...]
start() {
  name=$1
  shift
  # The shell becomes the program, so its id is the program's.
  as_owner sh -c 'cd "$1" && echo $$ >"$2.pid" && name=$2 && shift 2 && exec "$@" >"$name.log" 2>&1 </dev/null' sh "$folder" "$name" "$@" 2>/dev/null &
  for _ in $(seq 100); do
    [ ! -s "$folder/$name.pid" ] || break
    sleep 0.05
  done
  servers="$(cat "$folder/$name.pid") $servers"
}

# Waits until a command succeeds: until_ready NAME COMMAND [ARGUMENT...]
until_ready() {
  name=$1
  shift
  for _ in $(seq 240); do
    ! "$@" >/dev/null 2>&1 || return 0
    kill -0 "$(cat "$folder/$name.pid")" 2>/dev/null || break
    sleep 0.25
  done
  echo "$name did not start:" >&2
  tail -n 20 "$folder"/*.log >&2
  exit 1
}

case $kind in
  redis)
    require redis-server redis-server
    require redis-cli redis-tools
    as_owner() { "$@"; }
    folder=$(mktemp -d)
    port=$(free_port)
    start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly yes --appendfsync everysec
    until_ready redis redis-cli -p "$port" ping
    url=redis://127.0.0.1:$port
    ;;
  rabbitmq)
    # The program itself: on the path is a wrapper that looks after the system's own server.
    PATH=/usr/lib/rabbitmq/bin:$PATH
    require rabbitmq-server rabbitmq-server
    # The server refuses to run as root; its package has made a user for it.
    as_owner() { if [ "$(id -u)" -eq 0 ]; then runuser -u rabbitmq -- env "PATH=$PATH" "$@"; else "$@"; fi; }
    folder=$(cd /tmp && as_owner mktemp -d)
    port=$(free_port)
    mapper=$(free_port)
    as_owner sh -c 'echo "listeners.tcp.1 = 127.0.0.1:$1" >"$0/rabbitmq.conf" && echo "[]." >"$0/enabled_plugins"' "$folder" "$port"
    start epmd epmd -port "$mapper" -address 127.0.0.1
    # detached: the script becomes the server instead of watching it.
    start rabbitmq env HOME="$folder" LC_ALL=C.UTF-8 RABBITMQ_NODENAME="bench$port@localhost" RABBITMQ_DIST_PORT="$(free_port)" \
      RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" \
      RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" RABBITMQ_CONF_ENV_FILE=/dev/null \
      ERL_EPMD_PORT="$mapper" ERL_EPMD_ADDRESS=127.0.0.1 detached=true rabbitmq-server
    until_ready rabbitmq node -e '
      const socket = require("node:net").connect(+process.argv[1], "127.0.0.1", () => socket.write("AMQP\0\0\x09\x01"))
      socket.on("data", () => process.exit(0)).on("error", () => process.exit(1)).setTimeout(2000, () => process.exit(1))' "$port"
    url=amqp://guest:guest@127.0.0.1:$port/
    ;;
  *)
    echo "There is no server for '$kind': use redis or rabbitmq." >&2
    exit 1
    ;;
esac

# In the background, since a signal to this shell would wait for what runs in front.
"$@" --url "$url" &
servers="$! $servers"
wait "$!"
