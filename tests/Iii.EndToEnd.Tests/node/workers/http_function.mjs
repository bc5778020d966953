// Registers a function that the engine carries out by calling a URL, and takes it back.
import { connect } from './worker.mjs'

const worker = await connect()
let registered

worker.answer('register', ({ id, invocation }) => {
  registered = worker.define(id, invocation)
  worker.route('POST', 'scored', id)
})
worker.answer('unregister', () => registered.unregister())
await worker.ready()
