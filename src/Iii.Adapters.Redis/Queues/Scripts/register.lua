-- Makes a queue known to its own scripts. KEYS[1] queue.
redis.call('HSETNX', base, 'seq', '0')
return 1
