// Jobs over BullMQ, as its documentation has it: a queue, a worker, completed jobs removed.
// Usage: node bullmq.mjs redis://127.0.0.1:6379 CONCURRENCY; each input line is 'JOBS_IN_FLIGHT MILLISECONDS'.
import { createInterface } from 'node:readline'
import { performance } from 'node:perf_hooks'
import { Queue, Worker } from 'bullmq'

const [url, concurrency] = process.argv.slice(2)
const { hostname: host, port } = new URL(url)
const connection = { host, port: Number(port), maxRetriesPerRequest: null }
const name = `iii-bench-${process.pid}`
const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true } })
const pending = new Map()
const worker = new Worker(name, async (job) => {
  pending.get(job.data.n)?.()
  pending.delete(job.data.n)
}, { connection, concurrency: Number(concurrency) })
await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()])

const pad = 'x'.repeat(70)
let last = 0

async function run() {
  const n = String(++last).padStart(19, '0')
  const handled = new Promise((resolve) => pending.set(n, resolve))
  await queue.add('job', { n, pad })
  await handled
}

async function loop(deadline, latencies) {
  let start = performance.now()
  do {
    await run()
    const now = performance.now()
    latencies.push((now - start) * 1000)
    start = now
  } while (start < deadline)
}

const percentile = (sorted, share) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)]

console.log('ready')
for await (const line of createInterface({ input: process.stdin })) {
  const [inFlight, milliseconds] = line.split(' ').map(Number)
  const start = performance.now()
  const latencies = []
  await Promise.all(Array.from({ length: inFlight }, () => loop(start + milliseconds, latencies)))
  const seconds = (performance.now() - start) / 1000
  latencies.sort((a, b) => a - b)
  console.log(JSON.stringify({
    Calls: latencies.length, Seconds: seconds, Errors: 0, P50Us: percentile(latencies, 0.5), P99Us: percentile(latencies, 0.99),
  }))
}
process.exit(0)
