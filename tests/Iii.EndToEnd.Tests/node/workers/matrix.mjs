// One of the versions of the matrix: all that its SDK can do, and commands to see it happen.
import { createHash } from 'node:crypto'
import { connect } from './worker.mjs'

const worker = await connect()
const { iii, sdk, version } = worker
const typeId = `matrix-type-${version}`
const type = { id: typeId, description: `fired by hand, by ${version}` }
const notes = []
const fired = []
const unregistered = []
const triggers = new Map()
let available = []

const digest = (bytes) => ({ length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') })

// Bytes whose order shows in their digest.
const pattern = (length) => Buffer.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff)

// Functions and a route: every version.
worker.define(`matrix::add::${version}`, async ({ a, b }) => ({ sum: a + b, by: version }))
worker.define(`matrix::fail::${version}`, async () => {
  throw new Error(`boom from ${version}`)
})
worker.define(`matrix::note::${version}`, async ({ text }) => {
  notes.push(text)
})
worker.define(`matrix::page::${version}`, async ({ path_params, query_params }) => ({
  status_code: 203,
  headers: { 'x-served-by': version },
  body: { id: path_params.id, word: query_params.word },
}))
worker.route('GET', `matrix/${version}/pages/:id`, `matrix::page::${version}`)
const extras = new Map()
worker.answer('notes', () => notes)
worker.answer('define', ({ id }) => {
  const definition = worker.define(id, async () => ({ by: version }))
  extras.set(id, [definition, worker.route('GET', `matrix/extra/${id}`, id)])
})
worker.answer('remove', ({ id }) => {
  for (const registration of extras.get(id).reverse()) {
    registration.unregister()
  }
})

// A trigger type: every version.
const typeHandler = {
  registerTrigger: async ({ id, function_id, config }) => {
    triggers.set(id, { function_id, config })
  },
  unregisterTrigger: async ({ id }) => {
    triggers.delete(id)
    unregistered.push(id)
  },
}
iii.registerTriggerType(type, typeHandler)
worker.define(`matrix::fired::${version}`, async (input) => {
  fired.push(input)
})
const subscriptions = new Map()
worker.answer('subscribe', ({ to }) => {
  const config = { by: version }
  subscriptions.set(to, iii.registerTrigger({ type: `matrix-type-${to}`, function_id: `matrix::fired::${version}`, config }))
})
worker.answer('unsubscribe', ({ to }) => subscriptions.get(to).unregister())
worker.answer('triggers', () => [...triggers.values()].map(({ config }) => config.by))
worker.answer('unregistered', () => unregistered.length)
worker.answer('fire', async ({ text }) => {
  for (const { function_id, config } of triggers.values()) {
    await worker.send(function_id, { text, from: version, config })
  }
})
worker.answer('fired', () => fired)
worker.answer('withdraw_type', () => {
  iii.unregisterTriggerType(type)
  triggers.clear()
})
worker.answer('offer_type', () => iii.registerTriggerType(type, typeHandler))

// What only some versions offer.
worker.answer('has', ({ method }) => typeof iii[method] === 'function')
worker.answer('list', ({ helper }) => iii[helper]())
iii.onFunctionsAvailable?.((functions) => {
  available = functions.map(({ function_id }) => function_id)
})
worker.answer('available', () => available)
worker.answer('is_connected', () => iii.connectionState === 'connected')

// HTTP-invoked functions, channels and streams: from 0.9.0 on.
const createChannel =
  version === '0.22.1' ? (await import('sdk-0.22.1/helpers')).createChannel : (iii, size) => iii.createChannel(size)
const http = version === '0.22.1' ? (await import('@iii-dev/helpers/http')).http : sdk.http

worker.answer('define_http', ({ id, url }) => {
  worker.define(id, { url, method: 'PUT', timeout_ms: 5000, headers: { 'x-custom': version } })
})

worker.define(`matrix::read::${version}`, async ({ reader }) => {
  const messages = []
  reader.onMessage((message) => messages.push(message))
  return { ...digest(await reader.readAll()), messages }
})
worker.define(`matrix::write::${version}`, async ({ writer, length }) => {
  writer.sendMessage(`from ${version}`)
  writer.stream.end(pattern(length))
})
worker.answer('send_by_channel', async ({ to, length }) => {
  const { writer, readerRef } = await createChannel(iii, 16)
  const reading = worker.call(`matrix::read::${to}`, { reader: readerRef })
  writer.sendMessage(`from ${version}`)
  writer.stream.end(pattern(length))
  return { sent: digest(pattern(length)), received: await reading }
})
worker.answer('receive_by_channel', async ({ from, length }) => {
  const { reader, writerRef } = await createChannel(iii, 16)
  const messages = []
  reader.onMessage((message) => messages.push(message))
  const reading = reader.readAll()
  await worker.call(`matrix::write::${from}`, { writer: writerRef, length })
  return { sent: digest(pattern(length)), received: { ...digest(await reading), messages } }
})

let goOn
worker.answer('go_on', () => goOn())
if (http) {
  worker.define(
    `matrix::stream::${version}`,
    http(async (request, response) => {
      const released = new Promise((resolve) => (goOn = resolve))
      response.status(203)
      response.headers({ 'content-type': 'text/plain', 'x-served-by': version })
      response.stream.write('first, ')
      await released
      response.stream.end('then the rest')
    }),
  )
  worker.route('GET', `matrix/${version}/stream`, `matrix::stream::${version}`)
}
worker.define(`matrix::upload::${version}`, async ({ request_body }) => {
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of request_body.stream) {
    hash.update(chunk)
    length += chunk.length
  }
  return { status_code: 200, body: { length, sha256: hash.digest('hex') } }
})
worker.route('POST', `matrix/${version}/upload`, `matrix::upload::${version}`)
await worker.ready()
