-- Carries out verdicts and leases further messages. ARGV: publish command, group, ordering, lease ms, how many messages are wanted,
-- most bytes of records, flags ('d': look for what has fallen due; 's': the consumer sleeps if there is nothing), the epoch of all
-- leases in question or '', the number of first deliveries that are acknowledged, their handles, and for each other verdict: handle,
-- number of the delivery, verdict ('a' acknowledge, 'r<ms>' retry after, 'd' dead letter), and the failure as JSON or ''.
-- Returns 'ok' or 'unbound', the ms until something falls due if the consumer sleeps (-1: nothing will), or 0 if there may be more
-- than the bytes allow, the epoch, for each message handle and record, and for each that was delivered before: its place among them,
-- number of the delivery, history.

local publish, group, ordering, lease, want = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local most_bytes, flags, epoch, acknowledged = tonumber(ARGV[6]), ARGV[7], ARGV[8], tonumber(ARGV[9])
local FIRST = 10
local FIRST_VERDICT = FIRST + acknowledged
local PER_VERDICT = 4
local CHUNK = 16
local MOST_DUE = 100
local OLDEST_FIRST_EVERY = 32

local leased_key, messages_key, history_key = key('leased', group), key('messages', group), key('history', group)
local g = open(group)

-- In the epoch in which they were given, all leases hold, unless a call was carried out whose answer was lost: of those the consumer
-- names no epoch.
local function acknowledge_all()
  local ids, lanes = {}, {}
  for i = FIRST, #ARGV do
    ids[#ids + 1] = id_of(ARGV[i])
    lanes[#lanes + 1] = lane_of(ARGV[i])
  end

  redis.call('ZREM', leased_key, unpack(ARGV, FIRST, #ARGV))
  redis.call('HDEL', messages_key, unpack(ids))
  if g.retried then
    redis.call('HDEL', history_key, unpack(ids))
  end

  if g.mode == 'k' then
    release_all(g, lanes)
    g.has_moved = true
  end
end

-- Otherwise each lease is looked at: whether there is one, and whether it is this one.
local function holds_of(handles, numbers)
  local holds, ids = {}, {}
  for i, handle in ipairs(handles) do
    ids[i] = id_of(handle)
  end

  local scores = redis.call('ZMSCORE', leased_key, unpack(handles))
  local histories = redis.call('HMGET', history_key, unpack(ids))
  for i = 1, #handles do
    holds[i] = scores[i] and ended(histories[i]) + 1 == numbers[i]
  end

  return holds
end

local function retry(handle, delay, failure)
  record_end(g, id_of(handle), failure)
  if delay > 0 then
    redis.call('ZADD', key('delayed', group), delayed_from + delay, handle)
  else
    rejoin(g, handle)
  end
end

local function bury(handle, failure)
  local id = id_of(handle)
  local last = redis.call('ZREVRANGE', key('dead', group), 0, 0, 'WITHSCORES')[2]
  record_end(g, id, failure)
  redis.call('ZADD', key('dead', group), string.format('%.0f', math.max(now_us, (tonumber(last) or 0) + 1)), id)
end

local function settle()
  local handles, numbers, verdicts, failures = {}, {}, {}, {}
  for i = FIRST, FIRST_VERDICT - 1 do
    local at = #handles + 1
    handles[at], numbers[at], verdicts[at] = ARGV[i], 1, 'a'
  end

  for i = FIRST_VERDICT, #ARGV, PER_VERDICT do
    local at = #handles + 1
    handles[at], numbers[at], verdicts[at], failures[at] = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], ARGV[i + 3]
  end

  local holds = holds_of(handles, numbers)
  local valid, done = {}, {}
  for i, handle in ipairs(handles) do
    if holds[i] then
      local verdict = verdicts[i]
      local kind = string.byte(verdict)
      valid[#valid + 1] = handle
      if kind == 97 then
        done[#done + 1] = id_of(handle)
      elseif kind == 100 then
        bury(handle, failures[i])
      else
        retry(handle, tonumber(string.sub(verdict, 2)), failures[i])
      end

      if g.mode == 'k' and kind ~= 114 then
        release(g, lane_of(handle))
        g.has_moved = true
      end
    end
  end

  if #valid > 0 then
    redis.call('ZREM', leased_key, unpack(valid))
  end

  if #done > 0 then
    redis.call('HDEL', messages_key, unpack(done))
    if g.retried then
      redis.call('HDEL', history_key, unpack(done))
    end
  end
end

local function forward()
  local handles = redis.call('ZRANGEBYSCORE', key('delayed', group), '-inf', now, 'LIMIT', 0, MOST_DUE)
  if #handles > 0 then
    redis.call('ZREM', key('delayed', group), unpack(handles))
    for _, handle in ipairs(handles) do
      rejoin(g, handle)
    end
  end
end

local found, taken, leases, bytes = {}, {}, {}, 0
local leased_until = string.format('%.0f', now + lease)

-- Those without a record have been cancelled and left behind: they are returned. It is called with at most CHUNK handles, since any record may be large.
local function take(handles)
  local ids = {}
  for i, handle in ipairs(handles) do
    ids[i] = id_of(handle)
  end

  local records = redis.call('HMGET', messages_key, unpack(ids))
  local gone = {}
  for i, handle in ipairs(handles) do
    local record = records[i]
    if record then
      local at = #found
      found[at + 1], found[at + 2] = handle, record
      leases[at + 1], leases[at + 2] = leased_until, handle
      taken[#taken + 1] = ids[i]
      bytes = bytes + #record
    else
      gone[#gone + 1] = handle
    end
  end

  if #gone > 0 then
    redis.call('HINCRBY', key('group', group), 'left', -#gone)
  end

  return gone
end

local function is_enough()
  return #taken >= want or bytes >= most_bytes
end

local function take_level(level, most)
  local handles = redis.call('LPOP', key('ready' .. level, group), most)
  if not handles then
    return 0
  end

  take(handles)
  return #handles
end

local function oldest_level()
  local oldest, oldest_at
  for level = 0, LEVELS - 1 do
    local head = redis.call('LINDEX', key('ready' .. level, group), 0)
    if head and (not oldest or head < oldest) then
      oldest, oldest_at = head, level
    end
  end

  return oldest_at
end

-- Higher levels first; every so often the oldest message of all, so that none starves.
local function take_by_level()
  local count = tonumber(redis.call('HGET', key('group', group), 'taken') or 0)
  local level = LEVELS - 1
  local has_urgent = false
  while not is_enough() and level >= 0 do
    local popped
    local until_oldest = OLDEST_FIRST_EVERY - 1 - count % OLDEST_FIRST_EVERY
    if until_oldest == 0 then
      local oldest = oldest_level()
      popped = oldest and take_level(oldest, 1) or 0
    else
      popped = take_level(level, math.min(CHUNK, want - #taken, until_oldest))
    end

    count = count + popped
    if popped == 0 then
      level = level - 1
    elseif level > 0 then
      has_urgent = true
    end
  end

  redis.call('HSET', key('group', group), 'taken', count % OLDEST_FIRST_EVERY)
  if level <= 0 and not has_urgent then
    redis.call('HDEL', key('group', group), 'urgent')
  end
end

local function take_by_age()
  while not is_enough() do
    local most = math.min(CHUNK, want - #taken)
    if take_level(0, most) < most then
      return
    end
  end
end

-- Of a lane whose message is gone, the next one is tried.
local function take_by_lane()
  while not is_enough() do
    local handles = redis.call('LPOP', key('heads', group), math.min(CHUNK, want - #taken))
    if not handles then
      return
    end

    local lanes = {}
    for i, handle in ipairs(take(handles)) do
      lanes[i] = lane_of(handle)
    end

    release_all(g, lanes)
  end
end

local function claim()
  if g.mode == 'k' then
    take_by_lane()
  elseif g.urgent then
    take_by_level()
  else
    take_by_age()
  end

  local again = {}
  if #taken == 0 then
    return again
  end

  redis.call('ZADD', leased_key, unpack(leases))
  if g.retried then
    local histories = redis.call('HMGET', history_key, unpack(taken))
    for i, history in ipairs(histories) do
      if history then
        local at = #again
        again[at + 1], again[at + 2], again[at + 3] = i - 1, ended(history) + 1, history
      end
    end
  end

  return again
end

local function due_in()
  local due = -1
  for _, kind in ipairs({ 'delayed', 'leased' }) do
    local score = redis.call('ZRANGE', key(kind, group), 0, 0, 'WITHSCORES')[2]
    if score then
      local wait = math.max(0, tonumber(score) - now)
      due = due < 0 and wait or math.min(due, wait)
    end
  end

  return due
end

if #ARGV >= FIRST then
  if g.mode ~= 'n' and epoch == g.epoch and #ARGV < FIRST_VERDICT then
    acknowledge_all()
  else
    settle()
  end
end

if g.mode ~= ordering then
  return { 'unbound', -1, g.epoch or '', {}, {} }
end

if string.find(flags, 'd', 1, true) then
  expire(g, MOST_DUE)
  forward()
  if g.retried and redis.call('EXISTS', history_key) == 0 then
    redis.call('HDEL', key('group', group), 'retried')
    g.retried = false
  end
end

local again = {}
local due = -1
if want > 0 then
  again = claim()
  if #taken < want and is_enough() then
    due = 0
  elseif #taken < want and string.find(flags, 's', 1, true) then
    due = due_in()
    if not g.asleep then
      redis.call('HSET', key('group', group), 'asleep', '1')
    end

    g.asleep = false
  end
end

if g.has_moved then
  wake(g, publish)
end

return { 'ok', due, g.epoch, found, again }
