-- Puts a dead letter back at the end of its group's line, as if it had never been delivered. ARGV: publish command, group, id.
-- Returns whether it was there.

local publish, group, id = ARGV[1], ARGV[2], ARGV[3]
if redis.call('ZREM', key('dead', group), id) == 0 then
  return 0
end

-- The count of deliveries goes on, so that no verdict of an earlier one is taken for one of those to come.
local count = ended(redis.call('HGET', key('history', group), id))
redis.call('HSET', key('history', group), id, count .. ' ' .. count)
redis.call('HSET', key('group', group), 'retried', '1')
local g = open(group)
join(g, { handle_of(id, redis.call('HGET', key('messages', group), id) or '') })
wake(g, publish)
return 1
