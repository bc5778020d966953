-- Unbinds a group and deletes all that it holds. ARGV: group. Returns 'removed', 'unknown', or the number of its consumers.

local group = ARGV[1]
if redis.call('SISMEMBER', base .. ':groups', group) == 0 then
  return 'unknown'
end

local consumers = redis.call('ZCOUNT', key('consumers', group), '(' .. now, '+inf')
if consumers > 0 then
  return consumers
end

redis.call('SREM', base .. ':groups', group)
for _, lane in ipairs(redis.call('HKEYS', key('busy', group))) do
  redis.call('UNLINK', lane_key(group, lane))
end

for level = 0, LEVELS - 1 do
  redis.call('UNLINK', key('ready' .. level, group))
end

for _, kind in ipairs({ 'messages', 'line', 'delayed', 'leased', 'history', 'dead', 'heads', 'busy', 'group', 'consumers' }) do
  redis.call('UNLINK', key(kind, group))
end

return 'removed'
