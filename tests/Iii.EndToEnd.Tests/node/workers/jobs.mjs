// Handles jobs of the topic that has the worker's name, and of named queues, and says what it got.
import { connect } from './worker.mjs'

const worker = await connect()
const handled = []
const failed = new Set()

worker.define(`jobs::${worker.name}`, async (input) => {
  const text = JSON.stringify(input)
  if (input?.fails_once && !failed.has(text)) {
    failed.add(text)
    throw new Error('not yet')
  }
  handled.push(input)
})
worker.iii.registerTrigger({
  type: 'queue',
  function_id: `jobs::${worker.name}`,
  config: { topic: worker.name, queue_config: { type: 'standard', maxRetries: 5, concurrency: 2, backoffDelayMs: 10 } },
})
worker.answer('handled', () => handled)

// Versions with actions can put a call into a named queue.
worker.answer('enqueue_call', async ({ queue, data }) => worker.iii.trigger({
  function_id: `jobs::${worker.name}`, payload: data, action: worker.sdk.TriggerAction.Enqueue({ queue }),
}))
await worker.ready()
