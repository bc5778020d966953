-- A page of dead letters, oldest first. ARGV: group, the position after which it starts, most letters, most bytes of records.
-- Returns for each: position, id, record, history; and then, if there are more, one last element.

local group, after, most, most_bytes = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local entries = redis.call('ZRANGEBYSCORE', key('dead', group), '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, most + 1)
local found, bytes = {}, 0
for i = 1, #entries, 2 do
  if i > 2 * most or bytes >= most_bytes then
    found[#found + 1] = 'more'
    break
  end

  local record = redis.call('HGET', key('messages', group), entries[i]) or ''
  bytes = bytes + #record
  found[#found + 1] = entries[i + 1]
  found[#found + 1] = entries[i]
  found[#found + 1] = record
  found[#found + 1] = redis.call('HGET', key('history', group), entries[i]) or '0 0'
end

return found
