// What every SDK version offers to the others: a result, an error, and an effect.
import { connect } from './worker.mjs'

const worker = await connect()
const notes = []

worker.define(`mixed::add::${worker.version}`, async ({ a, b }) => ({ sum: a + b, by: worker.version }))
worker.define(`mixed::fail::${worker.version}`, async () => {
  throw new Error(`boom from ${worker.version}`)
})
worker.define(`mixed::note::${worker.version}`, async ({ text }) => {
  notes.push(text)
})
worker.define(`mixed::echo::${worker.version}`, async (input) => input)
worker.answer('exchange', async ({ to, length }) => {
  const text = 'x'.repeat(length)
  return (await worker.call(`mixed::echo::${to}`, { text })).text === text
})
worker.define(`mixed::notes::${worker.version}`, async () => notes)
await worker.ready()
