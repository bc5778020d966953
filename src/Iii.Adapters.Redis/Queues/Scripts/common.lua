-- What all scripts of a queue share. It comes before each of them; the layout is described in RedisQueueBroker.
-- KEYS[1] is the queue's own key. Every other key starts with it, hash tag included, so that all are in one slot.

local base = KEYS[1]
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)

-- From which a delay counts, so that it never ends early.
local delayed_from = math.ceil(now_us / 1000)

local ID_LENGTH = 32
local MAX_FAILURES = 32
local LEVELS = 10

local function key(kind, group)
  return base .. ':' .. kind .. ':' .. group
end

-- The length keeps a group and a lane with colons apart from another pair of them.
local function lane_key(group, lane)
  return base .. ':lane:' .. #group .. ':' .. group .. ':' .. lane
end

-- A handle is the id, the priority as one digit, and the ordering key.
local function id_of(handle)
  return string.sub(handle, 1, ID_LENGTH)
end

local function level_of(handle)
  return string.sub(handle, ID_LENGTH + 1, ID_LENGTH + 1)
end

local function lane_of(handle)
  return string.sub(handle, ID_LENGTH + 2)
end

-- A record starts with a version, the priority as one digit, and the ordering key behind its length in two bytes.
local function handle_of(id, record)
  local version, level, high, low = string.byte(record, 1, 4)
  if version ~= 1 or not low then
    return id .. '0'
  end

  return id .. string.char(level) .. string.sub(record, 5, 4 + high * 256 + low)
end

local function open(group)
  local found = redis.call('HMGET', key('group', group), 'mode', 'urgent', 'asleep', 'retried', 'epoch')
  return { name = group, mode = found[1] or 'n', urgent = found[2], asleep = found[3], retried = found[4], epoch = found[5] }
end

-- Tells consumers that have found nothing to look again.
local function wake(g, publish)
  if g.asleep then
    redis.call('HDEL', key('group', g.name), 'asleep')
    redis.call(publish, base .. ':wake', g.name)
    g.asleep = false
  end
end

-- Messages hold their lanes and are ready. Held: lane and message, in turns.
local function hold(g, held, heads)
  if #heads > 0 then
    redis.call('HSET', key('busy', g.name), unpack(held))
    redis.call('RPUSH', key('heads', g.name), unpack(heads))
  end
end

-- Lanes, each named once, are no longer held by one of their messages: of each, the next one holds it, and is ready.
local function release_all(g, lanes)
  local held, heads, free = {}, {}, {}
  for _, lane in ipairs(lanes) do
    local head = redis.call('LPOP', lane_key(g.name, lane))
    if head then
      held[#held + 1] = lane
      held[#held + 1] = head
      heads[#heads + 1] = head
    else
      free[#free + 1] = lane
    end
  end

  hold(g, held, heads)

  if #free > 0 then
    redis.call('HDEL', key('busy', g.name), unpack(free))
  end
end

local function release(g, lane)
  release_all(g, { lane })
end

-- Messages join their lanes. The first of a lane that nobody holds holds it, and is ready; the others wait in a list of the lane.
local function join_lanes(g, handles)
  local lanes = {}
  for i, handle in ipairs(handles) do
    lanes[i] = lane_of(handle)
  end

  local holders = redis.call('HMGET', key('busy', g.name), unpack(lanes))
  local taken, held, heads = {}, {}, {}
  for i, handle in ipairs(handles) do
    local lane = lanes[i]
    if holders[i] or taken[lane] then
      redis.call('RPUSH', lane_key(g.name, lane), handle)
    else
      taken[lane] = true
      held[#held + 1] = lane
      held[#held + 1] = handle
      heads[#heads + 1] = handle
    end
  end

  hold(g, held, heads)
end

-- Messages join the line at its end: at most a few hundred, since Lua gives a command fewer than 8,000 values, and two of each message.
local function join(g, handles)
  if #handles == 0 then
    return
  end

  g.has_moved = true
  if g.mode == 'p' then
    local levels = {}
    for _, handle in ipairs(handles) do
      local level = level_of(handle)
      local list = levels[level]
      if not list then
        list = {}
        levels[level] = list
      end

      list[#list + 1] = handle
    end

    for level, list in pairs(levels) do
      redis.call('RPUSH', key('ready' .. level, g.name), unpack(list))
      if level ~= '0' and not g.urgent then
        redis.call('HSET', key('group', g.name), 'urgent', '1')
        g.urgent = '1'
      end
    end
  elseif g.mode == 'k' then
    join_lanes(g, handles)
  else
    local entries = {}
    for _, handle in ipairs(handles) do
      entries[#entries + 1] = 0
      entries[#entries + 1] = handle
    end

    redis.call('ZADD', key('line', g.name), unpack(entries))
  end
end

-- A message that was delivered, or delayed, is ready again: it is the next of its lane if it holds it, else it is the last.
local function rejoin(g, handle)
  local lane = lane_of(handle)
  if g.mode == 'k' and redis.call('HGET', key('busy', g.name), lane) == handle then
    redis.call('RPUSH', key('heads', g.name), handle)
    g.has_moved = true
  else
    join(g, { handle })
  end
end

-- History: '<deliveries that ended> <those that do not count any more>', then a line of JSON for each failure.
local function ended(history)
  return history and tonumber(string.match(history, '^%d+')) or 0
end

local function record_end(g, id, failure)
  local history = redis.call('HGET', key('history', g.name), id) or '0 0'
  local count, forgotten, failures = string.match(history, '^(%d+) (%d+)(.*)$')
  if failure ~= '' then
    failures = failures .. '\n' .. failure
    local _, lines = string.gsub(failures, '\n', '')
    if lines > MAX_FAILURES then
      failures = string.match(failures, '^\n[^\n]*(.*)$')
    end
  end

  redis.call('HSET', key('history', g.name), id, (count + 1) .. ' ' .. forgotten .. failures)
  if not g.retried then
    redis.call('HSET', key('group', g.name), 'retried', '1')
    g.retried = '1'
  end
end

-- Takes back what is leased to consumers that have not renewed in time. At most so many; whether there were as many.
-- It begins a new epoch: of leases that were given in an older one it is not certain that they hold.
local function expire(g, most)
  local handles = redis.call('ZRANGEBYSCORE', key('leased', g.name), '-inf', now, 'LIMIT', 0, most)
  if #handles > 0 then
    g.epoch = tostring(redis.call('HINCRBY', key('group', g.name), 'epoch', 1))
  end

  for _, handle in ipairs(handles) do
    local id = id_of(handle)
    local history = redis.call('HGET', key('history', g.name), id)
    local forgotten = history and string.match(history, '^%d+ (%d+)') or 0
    record_end(g, id, string.format(
      '{"attempt":%d,"at":%.0f,"code":"consumer_lost","message":"The consumer could not be reached until its lease was over."}',
      ended(history) + 1 - forgotten, now))
    redis.call('ZREM', key('leased', g.name), handle)
    rejoin(g, handle)
  end

  return #handles == most
end
