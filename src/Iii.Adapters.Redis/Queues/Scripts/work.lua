-- Carries out verdicts and leases further messages. ARGV: publish command, group, consumer, ordering, lease ms,
-- how many messages are wanted (-1: the consumer leaves), most bytes of records, then for each verdict: handle, number of
-- the delivery, verdict ('a' acknowledge, 'r<ms>' retry after, 'd' dead letter), and the failure as JSON or ''.
-- Returns 'ok' or 'unbound', the ms until something falls due (-1: unknown), the handles whose lease had been lost, and for
-- each message: handle, number of the delivery, record, history or ''.

local publish, group, consumer, ordering = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lease, want, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local FIRST = 8
local PER_VERDICT = 4
local CHUNK = 8
local MOST_DUE = 100
local OLDEST_FIRST_EVERY = 32

local leased_key, messages_key, history_key = key('leased', group), key('messages', group), key('history', group)
local g = open(group)
local has_history = redis.call('EXISTS', history_key) == 1
local lost = {}

local function histories_of(ids)
  if has_history then
    return redis.call('HMGET', history_key, unpack(ids))
  end

  return {}
end

local function retry(handle, delay, failure)
  record_end(g, id_of(handle), failure)
  if delay > 0 then
    redis.call('ZADD', key('delayed', group), now + delay, handle)
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
  local handles, ids = {}, {}
  for i = FIRST, #ARGV, PER_VERDICT do
    handles[#handles + 1] = ARGV[i]
    ids[#ids + 1] = id_of(ARGV[i])
  end

  if #handles == 0 then
    return
  end

  local scores = redis.call('ZMSCORE', leased_key, unpack(handles))
  local histories = histories_of(ids)
  local valid, done = {}, {}
  for i, handle in ipairs(handles) do
    local at = FIRST + (i - 1) * PER_VERDICT
    if not scores[i] or ended(histories[i]) + 1 ~= tonumber(ARGV[at + 1]) then
      lost[#lost + 1] = handle
    else
      local verdict = ARGV[at + 2]
      local kind = string.sub(verdict, 1, 1)
      valid[#valid + 1] = handle
      if kind == 'a' then
        done[#done + 1] = ids[i]
      elseif kind == 'd' then
        bury(handle, ARGV[at + 3])
      else
        retry(handle, tonumber(string.sub(verdict, 2)), ARGV[at + 3])
      end

      if g.mode == 'k' and kind ~= 'r' then
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
    if has_history then
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

local taken, records, bytes = {}, {}, 0

-- Those without a record have been cancelled.
local function take(handles)
  local ids = {}
  for i, handle in ipairs(handles) do
    ids[i] = id_of(handle)
  end

  local found = redis.call('HMGET', messages_key, unpack(ids))
  local any = false
  for i, handle in ipairs(handles) do
    if found[i] then
      taken[#taken + 1] = handle
      records[#records + 1] = found[i]
      bytes = bytes + #found[i]
      any = true
    end
  end

  return any
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

local function take_by_lane()
  while not is_enough() do
    local lane = redis.call('LPOP', key('lanes', group))
    if not lane then
      return
    end

    local handle = redis.call('LPOP', lane_key(group, lane))
    while handle do
      if take({ handle }) then
        redis.call('HSET', key('busy', group), lane, handle)
        break
      end

      handle = redis.call('LPOP', lane_key(group, lane))
    end
  end
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

local function claim()
  if g.mode == 'k' then
    take_by_lane()
  elseif g.urgent then
    take_by_level()
  else
    while not is_enough() and take_level(0, math.min(CHUNK, want - #taken)) > 0 do
    end
  end

  local found = {}
  if #taken == 0 then
    return found
  end

  local ids, leases = {}, {}
  for i, handle in ipairs(taken) do
    ids[i] = id_of(handle)
    leases[#leases + 1] = now + lease
    leases[#leases + 1] = handle
  end

  redis.call('ZADD', leased_key, unpack(leases))
  local histories = histories_of(ids)
  for i, handle in ipairs(taken) do
    found[#found + 1] = handle
    found[#found + 1] = ended(histories[i]) + 1
    found[#found + 1] = records[i]
    found[#found + 1] = histories[i] or ''
  end

  return found
end

settle()
if want < 0 then
  redis.call('ZREM', key('consumers', group), consumer)
  wake(g, publish)
  return { 'ok', -1, lost, {} }
end

local lives_until = redis.call('ZSCORE', key('consumers', group), consumer)
if not lives_until or tonumber(lives_until) <= now or g.mode ~= ordering then
  return { 'unbound', -1, lost, {} }
end

redis.call('ZADD', key('consumers', group), now + lease, consumer)
expire(g, MOST_DUE)
has_history = has_history or redis.call('EXISTS', history_key) == 1
forward()
local found = {}
local due = 0
if want > 0 then
  found = claim()
  if not is_enough() then
    due = due_in()
    redis.call('HSET', key('group', group), 'asleep', '1')
    g.asleep = false
  end
end

if g.has_moved then
  wake(g, publish)
end

return { 'ok', due, lost, found }
