// Calls what others offer, one by one or many at a time.
import { connect } from './worker.mjs'

const worker = await connect()

// Calls a function `count` times, `concurrency` at a time, and counts who served.
worker.answer('burst', async ({ id, count, concurrency }) => {
  const served = {}
  let started = 0
  const lane = async () => {
    while (started < count) {
      started++
      const { served_by } = await worker.call(id, {})
      served[served_by] = (served[served_by] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
  return served
})
await worker.ready()
