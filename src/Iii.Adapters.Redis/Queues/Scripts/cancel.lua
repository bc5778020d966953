-- Deletes every copy of a message that waits or is delayed. ARGV: publish command, id. Returns how many there were.

local MOST_LEFT = 1000
local CHUNK = 256
local publish, id = ARGV[1], ARGV[2]
local names = redis.call('SMEMBERS', base .. ':groups')
if #names == 0 then
  names = { '' }
end

-- Takes the handles out of a list that have no record any more, and keeps the order of the others: each goes round once.
local function sweep(name, list)
  local gone = {}
  local rest = redis.call('LLEN', list)
  while rest > 0 do
    local keep = {}
    for _, handle in ipairs(redis.call('LPOP', list, math.min(CHUNK, rest))) do
      local into = redis.call('HEXISTS', key('messages', name), id_of(handle)) == 1 and keep or gone
      into[#into + 1] = handle
    end

    if #keep > 0 then
      redis.call('RPUSH', list, unpack(keep))
    end

    rest = rest - CHUNK
  end

  return gone
end

local function sweep_all(g)
  for level = 0, LEVELS - 1 do
    sweep(g.name, key('ready' .. level, g.name))
  end

  for _, lane in ipairs(redis.call('HKEYS', key('busy', g.name))) do
    sweep(g.name, lane_key(g.name, lane))
  end

  for _, handle in ipairs(sweep(g.name, key('heads', g.name))) do
    release(g, lane_of(handle))
  end

  redis.call('HDEL', key('group', g.name), 'left')
end

-- What has been cancelled in a list stays there and is passed over: finding it would mean to go through the list. It is done for many
-- at once, when there are more of them than messages, so that on average it is one or two for each.
local function leave(g)
  local left = redis.call('HINCRBY', key('group', g.name), 'left', 1)
  if g.mode ~= 'n' and left > math.max(MOST_LEFT, redis.call('HLEN', key('messages', g.name))) then
    sweep_all(g)
  end
end

local count = 0
for _, name in ipairs(names) do
  local record = redis.call('HGET', key('messages', name), id)
  local handle = record and handle_of(id, record)
  if handle and not redis.call('ZSCORE', key('leased', name), handle) and not redis.call('ZSCORE', key('dead', name), id) then
    local g = open(name)
    redis.call('HDEL', key('messages', name), id)
    redis.call('HDEL', key('history', name), id)
    if redis.call('ZREM', key('delayed', name), handle) == 0 then
      if redis.call('ZREM', key('line', name), handle) == 0 then
        leave(g)
      end
    elseif g.mode == 'k' and redis.call('HGET', key('busy', name), lane_of(handle)) == handle then
      release(g, lane_of(handle))
      wake(g, publish)
    end

    count = count + 1
  end
end

return count
