-- Deletes every copy of a message that waits or is delayed. ARGV: publish command, id. Returns how many there were.

local publish, id = ARGV[1], ARGV[2]
local names = redis.call('SMEMBERS', base .. ':groups')
if #names == 0 then
  names = { '' }
end

local count = 0
for _, name in ipairs(names) do
  local record = redis.call('HGET', key('messages', name), id)
  local handle = record and handle_of(id, record)
  if handle and not redis.call('ZSCORE', key('leased', name), handle) and not redis.call('ZSCORE', key('dead', name), id) then
    local g = open(name)
    if redis.call('ZREM', key('delayed', name), handle) == 1 and g.mode == 'k'
      and redis.call('HGET', key('busy', name), lane_of(handle)) == handle then
      release(g, lane_of(handle))
      wake(g, publish)
    end

    -- Where it stands in a line, its handle stays behind and is passed over: it has no record any more.
    redis.call('HDEL', key('messages', name), id)
    redis.call('HDEL', key('history', name), id)
    count = count + 1
  end
end

return count
