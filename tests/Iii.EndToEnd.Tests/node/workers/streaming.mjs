// What SDKs with channels do with them: between two functions, and over HTTP.
import { createHash } from 'node:crypto'
import { connect } from './worker.mjs'

const worker = await connect()
const name = (what) => `streaming::${what}::${worker.version}`
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** The helper `http` of the SDKs that have one; later ones hand the response channel out as it is. */
const http = (handler) => async ({ response, ...request }) =>
  handler(request, {
    status: (status_code) => response.sendMessage(JSON.stringify({ type: 'set_status', status_code })),
    headers: (headers) => response.sendMessage(JSON.stringify({ type: 'set_headers', headers })),
    stream: response.stream,
  })
const streamed = worker.sdk.http ?? http

function serve(what, method, handler) {
  worker.define(name(what), streamed(handler))
  worker.route(method, `streaming/${what}/${worker.version}`, name(what))
}

// Sends an event only when the test has seen the one before.
let goOn
worker.answer('go_on', () => goOn())
serve('events', 'GET', async (_, response) => {
  response.status(206)
  response.headers({ 'content-type': 'text/event-stream', connection: 'keep-alive' })
  for (let i = 0; i < 5; i++) {
    const seen = new Promise((resolve) => (goOn = resolve))
    response.stream.write(Buffer.from(`data: ${i}\n\n`))
    await seen
  }
  response.stream.end()
})

serve('upload', 'POST', async (request, response) => {
  const bytes = await request.request_body.readAll()
  response.headers({ 'x-length': String(bytes.length) })
  response.stream.end(Buffer.from(digest(bytes)))
})

serve('download', 'GET', async (request, response) => {
  const piece = Buffer.alloc(64 * 1024, 'x')
  for (let left = Number(request.query_params.bytes); left > 0; left -= piece.length) {
    const whole = left >= piece.length ? piece : piece.subarray(0, left)
    if (!response.stream.write(whole)) await new Promise((resolve) => response.stream.once('drain', resolve))
  }
  response.stream.end()
})

serve('count', 'POST', async (request, response) => {
  let bytes = 0
  for await (const piece of request.request_body.stream) bytes += piece.length
  response.stream.end(Buffer.from(String(bytes)))
})

worker.define(name('fill'), async ({ writer, text }) => {
  writer.sendMessage('side band')
  writer.stream.end(Buffer.from(text))
  return null
})
worker.define(name('digest'), async ({ reader }) => digest(await reader.readAll()))

// This worker reads what the function of the other one writes, and the other way round.
worker.answer('read', async ({ from, text }) => {
  const channel = await worker.createChannel()
  const texts = []
  channel.reader.onMessage((message) => texts.push(message))
  const call = worker.call(`streaming::fill::${from}`, { writer: channel.writerRef, text })
  const bytes = await channel.reader.readAll()
  await call
  return { text: bytes.toString(), texts }
})
worker.answer('write', async ({ to, bytes }) => {
  const channel = await worker.createChannel()
  const content = Buffer.alloc(bytes, 'ab')
  const call = worker.call(`streaming::digest::${to}`, { reader: channel.readerRef })
  channel.writer.stream.end(content)
  return { sent: digest(content), received: await call }
})
await worker.ready()
