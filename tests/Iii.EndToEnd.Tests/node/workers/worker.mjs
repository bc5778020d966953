// One face for all versions of the SDK, and the far end of NodeWorker in the tests: it takes commands as lines
// of JSON on stdin and answers them as lines of JSON on stdout. It ends with its stdin, so that it never outlives a test.
//
//   node SCRIPT SDK_VERSION ENGINE_URL WORKER_NAME
import { createInterface } from 'node:readline'

export async function connect() {
  const [version, url, name] = process.argv.slice(2)
  const sdk = await import(`sdk-${version}`)
  const isFirstGeneration = ['0.2.1', '0.3.0'].includes(version)
  const takesIdInAnObject = isFirstGeneration || version.startsWith('0.9.')
  const iii = isFirstGeneration ? sdk.init(url, { workerName: name }) : sdk.registerWorker(url, { workerName: name })

  const worker = {
    name,
    version,
    sdk,
    iii,

    /** From 0.22 on it is a function beside the client. */
    async createChannel() {
      return iii.createChannel ? iii.createChannel() : (await import(`sdk-${version}/helpers`)).createChannel(iii)
    },

    /** Defines a function by its handler or, from 0.9.0 on, by the HTTP request that calls it. */
    define(id, handler) {
      return iii.registerFunction(takesIdInAnObject ? { id } : id, handler)
    },

    route(method, path, functionId) {
      return iii.registerTrigger({ type: 'http', function_id: functionId, config: { api_path: path, http_method: method } })
    },

    call(id, data) {
      return isFirstGeneration ? iii.trigger(id, data) : iii.trigger({ function_id: id, payload: data })
    },

    async send(id, data) {
      if (isFirstGeneration) {
        iii.triggerVoid(id, data)
      } else {
        await iii.trigger({ function_id: id, payload: data, action: sdk.TriggerAction.Void() })
      }
    },

    /** Adds a command of this script's own. */
    answer(command, handler) {
      commands[command] = handler
    },

    /** Frames of one socket are worked through in order: an answer to a call means that what was registered before it is there. */
    async ready() {
      await worker.call('engine::workers::list', {})
      console.log('worker is ready')
    },
  }

  const commands = {
    call: ({ id, data }) => worker.call(id, data),
    send: ({ id, data }) => worker.send(id, data),
  }

  const lines = createInterface({ input: process.stdin })
  lines.on('close', () => process.exit(0))
  lines.on('line', async (line) => {
    const { n, command, ...input } = JSON.parse(line)
    try {
      console.log(JSON.stringify({ n, result: (await commands[command](input)) ?? null }))
    } catch (error) {
      console.log(JSON.stringify({ n, error: { code: error.code ?? 'none', message: String(error.message) } }))
    }
  })

  return worker
}
