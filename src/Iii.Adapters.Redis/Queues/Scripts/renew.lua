-- Prolongs a consumer's presence and leases. ARGV: group, consumer, lease ms, then for each: handle, number of the delivery.
-- Returns the handles whose lease has been lost.

local group, consumer, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local FIRST = 4
local PER_LEASE = 2

local lost = {}
local handles, ids, numbers = {}, {}, {}
for i = FIRST, #ARGV, PER_LEASE do
  handles[#handles + 1] = ARGV[i]
  ids[#ids + 1] = id_of(ARGV[i])
  numbers[#numbers + 1] = tonumber(ARGV[i + 1])
end

local lives_until = redis.call('ZSCORE', key('consumers', group), consumer)
if lives_until and tonumber(lives_until) > now then
  redis.call('ZADD', key('consumers', group), now + lease, consumer)
end

if #handles == 0 then
  return lost
end

local scores = redis.call('ZMSCORE', key('leased', group), unpack(handles))
local histories = redis.call('HMGET', key('history', group), unpack(ids))
local leases = {}
for i, handle in ipairs(handles) do
  if scores[i] and ended(histories[i]) + 1 == numbers[i] then
    leases[#leases + 1] = now + lease
    leases[#leases + 1] = handle
  else
    lost[#lost + 1] = handle
  end
end

if #leases > 0 then
  redis.call('ZADD', key('leased', group), unpack(leases))
end

return lost
