-- Stores messages. ARGV: publish command, most messages of a group, then for each message: suffix of its id, record,
-- and wishes: '' or '<delay ms> <window ms> <deduplication key>'.
-- Returns the number of the first id when all were stored under consecutive ones; 'unregistered'; or for each message
-- '+<number>', '=<id of the first>', '-<group that is full>', or '!' when too many deduplication keys are remembered.

local publish = ARGV[1]
local most = tonumber(ARGV[2])
local FIRST = 3
local PER_MESSAGE = 3

local seq = redis.call('HGET', base, 'seq')
if not seq then
  return 'unregistered'
end

local groups = {}
local names = redis.call('SMEMBERS', base .. ':groups')
if #names == 0 then
  names = { '' }
end

for i, name in ipairs(names) do
  local g = open(name)
  g.length = redis.call('HLEN', key('messages', name))
  g.fields = {}
  g.ready = {}
  g.delayed = {}
  groups[i] = g
end

local function full_group()
  for _, g in ipairs(groups) do
    if g.length >= most then
      return g.name
    end
  end
end

-- The id of the message that has this deduplication key now; nil if none.
local function find_first(dedup)
  local until_ms = redis.call('ZSCORE', base .. ':dedup-until', dedup)
  if until_ms and tonumber(until_ms) > now then
    return redis.call('HGET', base .. ':dedup', dedup)
  end
end

local function forget_old_keys()
  local old = redis.call('ZRANGEBYSCORE', base .. ':dedup-until', '-inf', now, 'LIMIT', 0, 100)
  if #old > 0 then
    redis.call('ZREM', base .. ':dedup-until', unpack(old))
    redis.call('HDEL', base .. ':dedup', unpack(old))
  end
end

local upcoming = math.max(tonumber(seq) + 1, now_us)
local first = upcoming
local results = {}
local all_stored = true

local function store(suffix, record, wishes)
  local delay, window, dedup
  if wishes ~= '' then
    delay, window, dedup = string.match(wishes, '^(%d+) (%d+) (.*)$')
    if dedup ~= '' then
      forget_old_keys()
      local found = find_first(dedup)
      if found then
        return '=' .. found
      end
    end
  end

  local full = full_group()
  if full then
    return '-' .. full
  end

  local number = string.format('%016.0f', upcoming)
  local id = number .. suffix
  if dedup and dedup ~= '' then
    if redis.call('ZCARD', base .. ':dedup-until') >= most then
      return '!'
    end

    redis.call('ZADD', base .. ':dedup-until', now + window, dedup)
    redis.call('HSET', base .. ':dedup', dedup, id)
  end

  upcoming = upcoming + 1
  local handle = handle_of(id, record)
  for _, g in ipairs(groups) do
    g.length = g.length + 1
    g.fields[#g.fields + 1] = id
    g.fields[#g.fields + 1] = record
    if delay and delay ~= '0' then
      g.delayed[#g.delayed + 1] = delayed_from + delay
      g.delayed[#g.delayed + 1] = handle
    else
      g.ready[#g.ready + 1] = handle
    end
  end

  return '+' .. number
end

for i = FIRST, #ARGV, PER_MESSAGE do
  local result = store(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  results[#results + 1] = result
  all_stored = all_stored and string.byte(result) == 43
end

for _, g in ipairs(groups) do
  if #g.fields > 0 then
    redis.call('HSET', key('messages', g.name), unpack(g.fields))
    if #g.delayed > 0 then
      redis.call('ZADD', key('delayed', g.name), unpack(g.delayed))
    end

    join(g, g.ready)
    wake(g, publish)
  end
end

redis.call('HSET', base, 'seq', string.format('%.0f', upcoming - 1))
if all_stored then
  return first
end

return results
