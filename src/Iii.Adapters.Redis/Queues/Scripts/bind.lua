-- Binds a group and adds a consumer to it. ARGV: group, consumer, ordering ('p' plain, 'k' per key), ms for which the
-- consumer counts, which outlast its leases, most groups.
-- Returns 'bound'; 'again' when there was more to prepare than one call may do; 'conflict' or 'full'.

local CHUNK = 500

-- A field too long for Redis to keep the hash of lanes in the form for small ones, in which it goes through all of them to find one.
-- No ordering key is like it, since it is not UTF-8.
local NO_LANE = string.rep('\255', 65)

local group, consumer, ordering, presence, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])

redis.call('HSETNX', base, 'seq', '0')
redis.call('ZREMRANGEBYSCORE', key('consumers', group), '-inf', now)
for _, other in ipairs(redis.call('ZRANGE', key('consumers', group), 0, -1)) do
  if string.sub(other, 1, 1) ~= ordering then
    return 'conflict'
  end
end

if redis.call('SISMEMBER', base .. ':groups', group) == 0 then
  local count = redis.call('SCARD', base .. ':groups')
  if count >= most then
    return 'full'
  end

  if count == 0 then
    for _, kind in ipairs({ 'messages', 'line', 'delayed', 'history' }) do
      if redis.call('EXISTS', key(kind, '')) == 1 then
        redis.call('RENAME', key(kind, ''), key(kind, group))
      end
    end
  end

  redis.call('SADD', base .. ':groups', group)
end

-- Puts what waits, in whichever form, back into one line by age. Whether it is all there. At most CHUNK messages and as many lanes:
-- what has been popped must not be lost because a command cannot take so many.
local function dump(g)
  local handles = {}
  local function take(list)
    local most = CHUNK - #handles
    local popped = most > 0 and redis.call('LPOP', list, most) or {}
    for _, handle in ipairs(popped) do
      handles[#handles + 1] = handle
    end

    return #popped < most
  end

  redis.call('HDEL', key('busy', group), NO_LANE)
  local is_all = true
  for level = 0, LEVELS - 1 do
    is_all = take(key('ready' .. level, group)) and is_all
  end

  is_all = take(key('heads', group)) and is_all
  for _ = 1, CHUNK do
    local lane = is_all and redis.call('HRANDFIELD', key('busy', group))
    if not lane then
      break
    end

    is_all = take(lane_key(group, lane))
    if is_all then
      redis.call('HDEL', key('busy', group), lane)
    end
  end

  join(g, handles)
  return is_all and redis.call('EXISTS', key('busy', group)) == 0
end

-- Moves the line into the form that the ordering wants. Whether it is all there.
local function fill(g)
  local entries = redis.call('ZPOPMIN', key('line', group), CHUNK)
  local handles = {}
  for i = 1, #entries, 2 do
    handles[#handles + 1] = entries[i]
  end

  join({ name = group, mode = ordering, urgent = g.urgent }, handles)
  return #entries == 0
end

local g = open(group)
if g.mode ~= ordering then
  local target = redis.call('HGET', key('group', group), 'target')
  if target ~= ordering then
    -- Nobody lives who could hold these leases.
    if expire(g, CHUNK) then
      return 'again'
    end

    g.mode = 'n'
    redis.call('HSET', key('group', group), 'mode', 'n')
    redis.call('HDEL', key('group', group), 'target')
    if not dump(g) then
      return 'again'
    end

    redis.call('HSET', key('group', group), 'target', ordering)
  end

  if not fill(g) then
    return 'again'
  end

  redis.call('HDEL', key('group', group), 'target')
  redis.call('HSET', key('group', group), 'mode', ordering)
end

if ordering == 'k' then
  redis.call('HSET', key('busy', group), NO_LANE, '')
end

redis.call('HSETNX', key('group', group), 'epoch', string.format('%.0f', now_us))
redis.call('ZADD', key('consumers', group), now + presence, consumer)
return 'bound'
