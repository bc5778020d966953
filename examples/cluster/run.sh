#!/usr/bin/env bash
# A cluster on this machine: a broker, engine instances, and a balancer in front of them. ./run.sh [redis|rabbitmq]
#
# The balancer listens on WORKER_PORT (49134) and HTTP_PORT (3111), on the loopback address; all else takes free ports. ENGINES (3)
# says how many instances there are, and III names another engine than the one built here. Ctrl-C stops everything; the logs stay.
# Needs caddy, and redis-server or rabbitmq-server, all from Debian.
set -euo pipefail

broker="${1:-redis}"
worker_port="${WORKER_PORT:-49134}"
http_port="${HTTP_PORT:-3111}"
engines="${ENGINES:-3}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
iii="${III:-$root/src/Iii.Cli/bin/Release/net10.0/iii}"
folder="$(mktemp -d "${TMPDIR:-/tmp}/iii-cluster-XXXXXX")"

# Every process is a group of its own: Ctrl-C is this script's, which ends them in its order.
set -m
servers=()   # broker and balancer
instances=() # engines

stop_all() {
  trap '' INT TERM
  echo 'Stopping; what is under way may finish.'
  exec 2>/dev/null # the shell would report each process that ends
  end "${instances[@]}"
  end "${servers[@]}"
  echo "The logs are in $folder."
}

# Ends processes in order: SIGTERM, and SIGKILL for one that takes longer than a shutdown may.
end() {
  local job
  for job in "$@"; do
    kill -TERM -- "-$job" 2>/dev/null || true
  done
  for job in "$@"; do
    for _ in $(seq 200); do
      kill -0 "$job" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$job" 2>/dev/null || true
  done
}

fail() {
  echo "Error: $1" >&2
  exit 1
}

# A port that nobody listens on, below the range of outgoing connections.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if ! accepts "$port"; then
      echo "$port"
      return
    fi
  done
  fail 'no port is free'
}

accepts() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The status line of a GET.
get() { curl --silent --output /dev/null --max-time 2 --write-out '%{http_code}' "$1" || true; }

# Waits until a command succeeds, while a process lives.
await() {
  local what="$1" job="$2" log="$3"
  shift 3
  for _ in $(seq 600); do
    "$@" && return
    kill -0 "$job" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$log" >&2 || true
  fail "$what did not start; its log is $log"
}

is_ready() { [[ $(get "http://127.0.0.1:$1/health/ready") == 200 ]]; }

start_redis() {
  redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" >"$folder/redis.log" 2>&1 &
  servers+=($!)
  await redis-server "${servers[-1]}" "$folder/redis.log" accepts "$1"
}

# RabbitMQ does not run as root, and wants a port mapper (epmd), which is one of this script's own.
start_rabbitmq() {
  local as=() home="$folder/rabbitmq" mapper variables
  mkdir "$home"
  if [[ $(id -u) -eq 0 ]]; then
    as=(runuser -u rabbitmq --)
    chmod 711 "$folder"
    chown rabbitmq "$home"
  fi
  mapper="$(free_port)"
  variables=(
    "HOME=$home" "ERL_EPMD_PORT=$mapper" ERL_EPMD_ADDRESS=127.0.0.1 "RABBITMQ_NODENAME=iii$1@localhost"
    "RABBITMQ_DIST_PORT=$(free_port)" "RABBITMQ_NODE_PORT=$1" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
    "RABBITMQ_MNESIA_BASE=$home/data" "RABBITMQ_LOG_BASE=$home/log" RABBITMQ_CONF_ENV_FILE=/dev/null
    "RABBITMQ_ENABLED_PLUGINS_FILE=$home/plugins"
  )
  "${as[@]}" env "${variables[@]}" epmd -port "$mapper" -address 127.0.0.1 >"$folder/epmd.log" 2>&1 &
  servers+=($!)
  "${as[@]}" env "${variables[@]}" /usr/lib/rabbitmq/bin/rabbitmq-server >"$folder/rabbitmq.log" 2>&1 &
  servers+=($!)
  await rabbitmq-server "${servers[-1]}" "$folder/rabbitmq.log" accepts "$1"
}

start_engine() {
  WORKER_PORT="$2" HTTP_PORT="$3" "$iii" --config "$root/deploy/$broker.yaml" >"$folder/engine-$1.log" 2>&1 &
  instances+=($!)
}

start_balancer() {
  WORKER_ADDRESS="http://127.0.0.1:$worker_port" HTTP_ADDRESS="http://127.0.0.1:$http_port" \
    WORKER_UPSTREAMS="${worker_upstreams[*]}" HTTP_UPSTREAMS="${http_upstreams[*]}" \
    XDG_DATA_HOME="$folder" XDG_CONFIG_HOME="$folder" \
    caddy run --config "$root/deploy/Caddyfile" --adapter caddyfile >"$folder/balancer.log" 2>&1 &
  servers+=($!)
  await caddy "${servers[-1]}" "$folder/balancer.log" is_ready "$http_port"
}

[[ $broker == redis || $broker == rabbitmq ]] || fail "there is no broker '$broker'; write redis or rabbitmq"
for program in caddy curl "$broker-server"; do
  command -v "$program" >/dev/null || fail "$program is missing: apt-get install $program"
done
for port in "$worker_port" "$http_port"; do
  ! accepts "$port" || fail "port $port is taken; choose others with WORKER_PORT and HTTP_PORT"
done
if [[ ! -x $iii ]]; then
  dotnet build "$root/src/Iii.Cli" --configuration Release --verbosity quiet --nologo
fi

trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
broker_port="$(free_port)"
"start_$broker" "$broker_port"
export REDIS_URL="redis://127.0.0.1:$broker_port" RABBITMQ_URL="amqp://guest:guest@127.0.0.1:$broker_port/"

worker_upstreams=() http_upstreams=()
for n in $(seq "$engines"); do
  ports=("$(free_port)" "$(free_port)")
  worker_upstreams+=("127.0.0.1:${ports[0]}")
  http_upstreams+=("127.0.0.1:${ports[1]}")
  start_engine "$n" "${ports[@]}"
done
for n in $(seq "$engines"); do
  await "engine $n" "${instances[n - 1]}" "$folder/engine-$n.log" is_ready "${worker_upstreams[n - 1]##*:}"
  echo "engine $n    process ${instances[n - 1]}, workers ws://${worker_upstreams[n - 1]}, http http://${http_upstreams[n - 1]}"
done
start_balancer
cat <<END
$broker       127.0.0.1:$broker_port
balancer    workers ws://127.0.0.1:$worker_port, http http://127.0.0.1:$http_port
logs        $folder
Connect workers to the balancer. Kill an engine (kill -9) and see what happens. Ctrl-C stops everything.
END

# Goes on while the balancer does; engines may come and go.
wait "${servers[-1]}" || true
fail "the balancer has ended; its log is $folder/balancer.log"
