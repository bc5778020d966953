-- Lists a queue. KEYS[1] index; ARGV: name, most names. Returns whether it is listed.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 1
end

if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end

redis.call('ZADD', KEYS[1], 0, ARGV[1])
return 1
