// The stock worker of the HTTP suite: one function and one route, written as a user of the SDK would write it.
// Usage: node worker.mjs ws://127.0.0.1:49134
import { registerWorker } from 'iii-sdk'

const url = process.argv[2] ?? 'ws://127.0.0.1:49134'
const iii = registerWorker(url, { enableMetricsReporting: false, otel: { enabled: false } })

iii.registerFunction('math.add', async (request) => ({
  status_code: 200,
  body: { c: request.body.a + request.body.b },
}))
iii.registerTrigger({
  type: 'http',
  function_id: 'math.add',
  config: { api_path: 'add', http_method: 'POST' },
})

// The suite holds the other end of stdin: when it goes, so does this worker.
process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
