-- Ends a consumer. ARGV: publish command, group, consumer.

local publish, group, consumer = ARGV[1], ARGV[2], ARGV[3]
redis.call('ZREM', key('consumers', group), consumer)
wake(open(group), publish)
return 1
