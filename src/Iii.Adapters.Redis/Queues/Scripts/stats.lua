-- Counts. Returns nothing when there is no such queue, else the unbound messages, and for each group: name, all messages,
-- delayed, leased, dead, consumers.

if redis.call('EXISTS', base) == 0 then
  return {}
end

local counts = { redis.call('HLEN', key('messages', '')) }
for _, name in ipairs(redis.call('SMEMBERS', base .. ':groups')) do
  counts[#counts + 1] = name
  counts[#counts + 1] = redis.call('HLEN', key('messages', name))
  counts[#counts + 1] = redis.call('ZCARD', key('delayed', name))
  counts[#counts + 1] = redis.call('ZCARD', key('leased', name))
  counts[#counts + 1] = redis.call('ZCARD', key('dead', name))
  counts[#counts + 1] = redis.call('ZCOUNT', key('consumers', name), '(' .. now, '+inf')
end

return counts
