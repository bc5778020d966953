// One function behind one route, under the worker's own name.
import { connect } from './worker.mjs'

const worker = await connect()
worker.define(`routed::${worker.name}`, async () => ({ served_by: worker.name }))
worker.route('GET', `routed/${worker.name}`, `routed::${worker.name}`)
await worker.ready()
