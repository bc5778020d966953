// One of several equal workers: the same functions and the same routes. `shop::slow` answers only after `release`.
import { connect } from './worker.mjs'

const worker = await connect()
let release
const released = new Promise((resolve) => (release = resolve))
let inFlight = 0

worker.define('shop::price', async () => ({ served_by: worker.name }))
worker.define('shop::slow', async () => {
  inFlight++
  await released
  inFlight--
  return { served_by: worker.name }
})
worker.route('GET', 'shop/price', 'shop::price')
worker.route('GET', 'shop/slow', 'shop::slow')
worker.answer('in_flight', () => inFlight)
worker.answer('release', () => release())
await worker.ready()
