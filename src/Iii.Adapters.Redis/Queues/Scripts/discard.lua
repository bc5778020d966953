-- Deletes a dead letter. ARGV: group, id. Returns whether it was there.

local group, id = ARGV[1], ARGV[2]
if redis.call('ZREM', key('dead', group), id) == 0 then
  return 0
end

redis.call('HDEL', key('messages', group), id)
redis.call('HDEL', key('history', group), id)
return 1
