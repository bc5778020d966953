// Handles jobs in order and without, and writes down when each handling began (b) and ended (e): nanoseconds of the machine's
// monotonic clock, the topic, the key and the number within it. A line is in the file before anything else happens.
//
// As long as there is no file GATE, jobs fail instead, and nothing is written down.
//
//   node recorder.mjs SDK_VERSION ENGINE_URL WORKER_NAME FILE GATE
import { existsSync, openSync, writeSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { connect } from './worker.mjs'

const worker = await connect()
const file = openSync(process.argv[5], 'a')
const gate = process.argv[6]
let isOpen = false
const note = (what, { topic, key, number }) => writeSync(file, `${what} ${process.hrtime.bigint()} ${topic} ${key} ${number}\n`)

worker.define('recorder::handle', async (job) => {
  isOpen ||= existsSync(gate)
  if (!isOpen) {
    throw new Error('The gate is closed.')
  }
  note('b', job)
  await setImmediate()
  note('e', job)
})
for (const [topic, type] of [['ordered', 'fifo'], ['plain', 'standard']]) {
  worker.iii.registerTrigger({
    type: 'queue',
    function_id: 'recorder::handle',
    config: { topic, queue_config: { type, maxRetries: 2, backoffDelayMs: 1, concurrency: 64, visibilityTimeout: 5 } },
  })
}
await worker.ready()
