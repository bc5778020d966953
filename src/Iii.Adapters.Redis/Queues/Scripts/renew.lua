-- Prolongs a consumer's presence and leases. ARGV: group, consumer, lease ms, ms for which the consumer counts, then for each lease:
-- handle, number of the delivery. Returns 'ok' or 'unbound', and the handles whose lease has been lost.

local group, consumer, lease, presence = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local FIRST = 5
local PER_LEASE = 2

local status = 'unbound'
local reply = {}
local handles, ids, numbers = {}, {}, {}
for i = FIRST, #ARGV, PER_LEASE do
  handles[#handles + 1] = ARGV[i]
  ids[#ids + 1] = id_of(ARGV[i])
  numbers[#numbers + 1] = tonumber(ARGV[i + 1])
end

local counts_until = redis.call('ZSCORE', key('consumers', group), consumer)
if counts_until and tonumber(counts_until) > now then
  redis.call('ZADD', key('consumers', group), now + presence, consumer)
  status = 'ok'
end

reply[1] = status
if #handles == 0 then
  return reply
end

local scores = redis.call('ZMSCORE', key('leased', group), unpack(handles))
local histories = redis.call('HMGET', key('history', group), unpack(ids))
local leases = {}
for i, handle in ipairs(handles) do
  if scores[i] and ended(histories[i]) + 1 == numbers[i] then
    leases[#leases + 1] = now + lease
    leases[#leases + 1] = handle
  else
    reply[#reply + 1] = handle
  end
end

if #leases > 0 then
  redis.call('ZADD', key('leased', group), unpack(leases))
end

return reply
