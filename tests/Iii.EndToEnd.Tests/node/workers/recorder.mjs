// Handles jobs in order and without, and writes down when each handling began (b) and ended (e): nanoseconds of the machine's
// monotonic clock, the topic, the key and the number within it. A line is in the file before anything else happens.
//
//   node recorder.mjs SDK_VERSION ENGINE_URL WORKER_NAME FILE
import { openSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { connect } from './worker.mjs'

const worker = await connect()
const file = openSync(process.argv[5], 'a')
const note = (what, { topic, key, number }) => writeSync(file, `${what} ${process.hrtime.bigint()} ${topic} ${key} ${number}\n`)

worker.define('recorder::handle', async (job) => {
  note('b', job)
  await setImmediate()
  note('e', job)
})
for (const [topic, type] of [['ordered', 'fifo'], ['plain', 'standard']]) {
  worker.iii.registerTrigger({
    type: 'queue',
    function_id: 'recorder::handle',
    config: { topic, queue_config: { type, maxRetries: 5, concurrency: 64, visibilityTimeout: 5 } },
  })
}
await worker.ready()
